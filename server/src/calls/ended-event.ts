/**
 * Id of the event of a leg's end. It follows from the leg, so that of all who tell of it (the node that had it, and those who end it when they
 * take that node for dead) one is heard: a call ends once.
 */
export const endedEventId = (callSid: string): string => `ended-${callSid}`;
