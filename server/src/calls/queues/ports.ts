/** Port of queues: the audio between a dequeued call and its agent. Implemented by bridge/conferences. */
import type { PartyAt } from '../conferences/ports.ts';

export interface CallTies {
  /**
   * Lets the answered leg `callSid` of this node and a leg of another call, on whatever node, hear each other. Rejects when
   * one of them has no audio.
   */
  connect(callSid: string, other: PartyAt): Promise<void>;
  /** This leg's end of its tie. Does nothing without one. */
  disconnect(callSid: string): void;
}
