import type { EventData, EventType, HookswitchEvent } from '@hookswitch/shared';
import { sidFromHex, topicsOf } from '@hookswitch/shared';
import { createHash } from 'node:crypto';
import type { ProjectedEvent } from '../projection.ts';

export const ACCOUNT = `AC${'a'.repeat(32)}`;
export const sidOf = (kind: 'call' | 'account' | 'recording', name: string): string =>
  sidFromHex(kind, createHash('sha256').update(name).digest('hex').slice(0, 32));

type CallType = Extract<EventType, `call.${string}`>;

/** Events of one call as its node publishes them. */
export class CallEvents {
  readonly sid: string;
  readonly facts: Pick<EventData<'call.ringing'>, 'callSid' | 'direction' | 'from' | 'to'> & { parentCallSid?: string };
  accountSid = ACCOUNT;
  node = 'n1';
  fence = 7;
  #sequence = 0;
  #time: number;

  constructor(name: string, facts: Partial<CallEvents['facts']> = {}, time = Date.UTC(2026, 0, 5, 10)) {
    this.sid = sidOf('call', name);
    this.facts = { callSid: this.sid, direction: 'inbound', from: '+15550100', to: '+15550199', ...facts };
    this.#time = time;
  }

  next(type: CallType, data: Record<string, unknown> = {}, afterMs = 1000): ProjectedEvent {
    this.#time += afterMs;
    const event: HookswitchEvent = {
      specversion: '1.0',
      id: `${this.sid}-${this.#sequence}`,
      source: this.node,
      type,
      subject: this.sid,
      time: new Date(this.#time).toISOString(),
      datacontenttype: 'application/json',
      accountsid: this.accountSid,
      fence: this.fence,
      sequence: this.#sequence++,
      data: { ...this.facts, ...data },
    };
    return { event, topic: topicsOf(type, event.data as EventData<CallType>)[0] ?? '' };
  }

  /** All of a call that was answered. */
  life(seconds = 60): ProjectedEvent[] {
    return [
      this.next('call.initiated'),
      this.next('call.ringing'),
      this.next('call.answered'),
      this.next(
        'call.ended',
        { status: 'completed', cause: 'hangup-caller', message: 'over', durationSeconds: seconds },
        seconds * 1000,
      ),
    ];
  }
}
