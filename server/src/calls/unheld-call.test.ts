import { describe, expect, it } from 'vitest';
import { FakeClock } from '../kernel/clock.fake.ts';
import type { EventSink, InstructionRequest } from './ports.ts';
import { endUnheldCall } from './unheld-call.ts';

describe('a call that no process holds', () => {
  it('MT-9 is ended by several who notice: one of them tells the status callback', () => {
    const stored = new Set<string | undefined>();
    const sent: InstructionRequest[] = [];
    // As the stream does it: of two events with one id the first is stored.
    const events: EventSink = {
      emit: ({ id, onSettled }) => {
        onSettled?.('stored', stored.has(id));
        stored.add(id);
      },
    };
    const statusCallback = { url: 'http://127.0.0.1/status', method: 'POST', events: ['completed'] } as const;
    const call = { accountSid: 'AC1', callSid: 'CA1', direction: 'outbound-api', from: '+1', to: '+2' } as const;
    const end = { status: 'failed', cause: 'internal-error', message: 'died', durationSeconds: 0 } as const;
    const parts = { events, callbacks: { send: (request: InstructionRequest) => sent.push(request) } };
    const clock = new FakeClock();
    for (let n = 0; n < 3; n++) endUnheldCall({ ...parts, clock }, { ...call, statusCallback }, end);
    expect(sent.map(({ url, params }) => [url, params['CallStatus']])).toEqual([[statusCallback.url, 'failed']]);
  });
});
