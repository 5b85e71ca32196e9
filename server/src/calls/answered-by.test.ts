import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CallMachineDetection } from './ports.ts';
import { ACCOUNT, CallWorld, settle } from './testing/call-world.fake.ts';

const OPTIONS = {
  mode: 'enable',
  timeoutMs: 30_000,
  speechThresholdMs: 2400,
  speechEndThresholdMs: 1200,
  silenceTimeoutMs: 5000,
} as const;

describe('answering machine detection of a placed call', () => {
  let world: CallWorld;
  let callSid: string;
  beforeEach(() => {
    world = new CallWorld();
    world.twiml('<Pause length="60"/>');
  });
  afterEach(() => {
    world.legs.remoteEnd(callSid, 'hangup-callee');
    expect(world.router.activeCalls()).toEqual([]);
    expect(world.clock.pendingTimers).toBe(0);
  });
  const place = async (machineDetection: CallMachineDetection): Promise<void> => {
    callSid = world.router.placeCall({
      accountSid: ACCOUNT,
      from: '+15550100',
      to: '+15550123',
      target: { kind: 'number', number: '+15550123', sendDigits: undefined },
      application: world.application!,
      timeoutMs: 30_000,
      machineDetection,
    })!;
    world.router.legEvent({ kind: 'leg-answered', callSid });
    await settle();
  };
  const verdict = async (): Promise<void> => {
    world.router.legEvent({ kind: 'machine-detected', callSid, answeredBy: 'machine_start', durationMs: 3210 });
    await settle();
  };

  it('CR-5 the instructions wait for it, and every request tells of it', async () => {
    await place({ options: OPTIONS, background: undefined });
    expect(world.legs.commands.at(-1)).toBe('detect-machine:enable party0');
    expect(world.requests).toEqual([]);
    await verdict();
    expect(world.lastParams()).toMatchObject({ AnsweredBy: 'machine_start', MachineDetectionDuration: '3210' });
    expect(world.story().at(-1)).toContain('verb-started Pause');
  });

  it('CR-5 in the background: the instructions run, the callback is told', async () => {
    const callback = { url: 'http://app.test/amd', method: 'POST' } as const;
    await place({ options: OPTIONS, background: { callback } });
    expect(world.requests).toHaveLength(1);
    await verdict();
    expect(world.callbacks).toMatchObject([
      { url: callback.url, params: { CallSid: callSid, AnsweredBy: 'machine_start' } },
    ]);
    expect(world.requests).toHaveLength(1);
  });

  it('CR-4 a live update while it waits runs after the verdict', async () => {
    await place({ options: OPTIONS, background: undefined });
    world.router.update(callSid, { kind: 'twiml', document: '<Response><Pause length="9"/></Response>' });
    await verdict();
    expect(world.requests).toEqual([]);
    expect(world.story().at(-1)).toContain('verb-started Pause');
  });
});
