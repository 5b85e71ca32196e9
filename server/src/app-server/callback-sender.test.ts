import { describe, expect, it } from 'vitest';
import type { InstructionRequest, InstructionResponse, Instructions } from '../calls/ports.ts';
import { FakeClock, settle } from '../kernel/clock.fake.ts';
import { seededRandom, silentLog } from '../kernel/index.ts';
import type { Log } from '../kernel/index.ts';
import { CallbackSender } from './callback-sender.ts';

function callback(callSid: string, n: number): InstructionRequest {
  return {
    accountSid: 'AC1',
    callSid,
    url: 'http://app.test/status',
    method: 'POST',
    params: { SequenceNumber: String(n) },
  };
}
const ok: InstructionResponse = {
  ok: true,
  url: 'http://app.test/status',
  status: 204,
  contentType: '',
  body: '',
  durationMs: 1,
};
const failed: InstructionResponse = {
  ok: false,
  url: ok.url,
  code: 11_205,
  message: 'refused',
  hint: 'start it',
  durationMs: 1,
};

/** Answers each request when the test says so. */
class HeldInstructions implements Instructions {
  readonly open: { request: InstructionRequest; answer: (response: InstructionResponse) => void }[] = [];
  fetch(request: InstructionRequest, signal: AbortSignal): Promise<InstructionResponse> {
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => {
        resolve(failed);
      });
      this.open.push({ request, answer: resolve });
    });
  }
  names(): string[] {
    return this.open.map(({ request }) => `${request.callSid}/${request.params['SequenceNumber']}`);
  }
}

describe('status callbacks', () => {
  const warnings: string[] = [];
  const log: Log = { ...silentLog, warn: (_fields, message) => warnings.push(message) };
  const make = (capacity?: number) => {
    const instructions = new HeldInstructions();
    const clock = new FakeClock();
    const options = { instructions, clock, random: seededRandom(3), log };
    const sender = new CallbackSender(capacity === undefined ? options : { ...options, capacity });
    return { instructions, clock, sender };
  };

  it('CR-3 arrive in order within a call, and calls do not wait for each other', async () => {
    const { instructions, sender } = make();
    sender.send(callback('CA1', 0));
    sender.send(callback('CA1', 1));
    sender.send(callback('CA2', 0));
    expect(instructions.names()).toEqual(['CA1/0', 'CA2/0']);
    instructions.open[0]!.answer(ok);
    await settle();
    expect(instructions.names()).toEqual(['CA1/0', 'CA2/0', 'CA1/1']);
    instructions.open[1]!.answer(ok);
    instructions.open[2]!.answer(ok);
    await sender.drained();
    expect(sender.busyCalls).toBe(0);
  });

  it('CR-3 are tried three times, then reported, and the next one follows', async () => {
    const { instructions, clock, sender } = make();
    sender.send(callback('CA1', 0));
    sender.send(callback('CA1', 1));
    for (let attempt = 0; attempt < 3; attempt++) {
      expect(instructions.names()).toEqual(Array.from({ length: attempt + 1 }, () => 'CA1/0'));
      instructions.open[attempt]!.answer(failed);
      await clock.advanceAsync(10_000);
    }
    expect(warnings.at(-1)).toContain('was not delivered: refused');
    expect(instructions.names().at(-1)).toBe('CA1/1');
    instructions.open.at(-1)!.answer(ok);
    await sender.drained();
    expect(clock.pendingTimers).toBe(0);
  });

  it('drop the newest when too many wait for one call', async () => {
    const { instructions, clock, sender } = make(2);
    for (let n = 0; n < 5; n++) sender.send(callback('CA1', n));
    expect(warnings.at(-1)).toContain('dropped');
    const closed = sender.close();
    await clock.advanceAsync(2000);
    await closed;
    expect(instructions.names()).toEqual(['CA1/0']);
  });

  it('are delivered within the grace of closing', async () => {
    const { instructions, clock, sender } = make();
    sender.send(callback('CA1', 0));
    sender.send(callback('CA1', 1));
    const closed = sender.close();
    instructions.open[0]!.answer(ok);
    await settle();
    instructions.open[1]!.answer(ok);
    await closed;
    expect(clock.pendingTimers).toBe(0);
  });

  it('are given up after the grace of closing, timers included', async () => {
    const { instructions, clock, sender } = make();
    sender.send(callback('CA1', 0));
    instructions.open[0]!.answer(failed);
    await settle();
    expect(clock.pendingTimers).toBe(1);
    const closed = sender.close();
    sender.send(callback('CA1', 1));
    for (let i = 0; i < 4; i++) {
      await clock.advanceAsync(500);
      instructions.open.at(-1)!.answer(failed);
    }
    await closed;
    expect(clock.pendingTimers).toBe(0);
    expect(instructions.names()).not.toContain('CA1/1');
  });
});
