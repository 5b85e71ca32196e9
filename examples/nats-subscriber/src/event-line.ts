/** A CloudEvent as it comes from the bus; only what is printed. */
interface BusEvent {
  readonly type?: unknown;
  readonly time?: unknown;
  readonly subject?: unknown;
  readonly sequence?: unknown;
  readonly data?: Readonly<Record<string, unknown>>;
}

const SHOWN = ['from', 'to', 'verb', 'outcome', 'digit', 'peerCallSid', 'status', 'cause', 'message'];

/**
 * One event as one line: time, call, place in the call's order, type, and the facts that tell the story.
 *
 * @param text the message's payload
 * @returns a line, also for a payload that is no event
 */
export function eventLine(text: string): string {
  let event: BusEvent;
  try {
    event = JSON.parse(text) as BusEvent;
  } catch {
    return `not an event: ${text.slice(0, 200)}`;
  }
  const data = event.data ?? {};
  const facts = SHOWN.flatMap((name) => {
    const value = data[name];
    return typeof value === 'string' || typeof value === 'number' ? [`${name}=${value}`] : [];
  });
  const head = [event.time, event.subject, `#${printable(event.sequence)}`, event.type].map(printable);
  return [...head, ...facts].join('  ');
}

const printable = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : '-';
