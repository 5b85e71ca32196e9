import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expectGapless } from './testing/gapless.fake.ts';
import { ACCOUNT, CALL, CallWorld, settle } from './testing/call-world.fake.ts';

const DONE = 'http://app.test/done';

describe('Record', () => {
  let world: CallWorld;
  beforeEach(() => {
    world = new CallWorld();
    world.twiml('<Hangup/>', DONE);
  });
  afterEach(() => {
    if (world.router.activeCalls().length > 0) world.legs.remoteEnd(CALL, 'hangup-caller');
    expect(world.router.activeCalls()).toEqual([]);
    expect(world.clock.pendingTimers).toBe(0);
    expectGapless(world);
  });
  const record = async (attributes: string, after = ''): Promise<string> => {
    await world.twiml(`<Record action="/done" playBeep="false" ${attributes}/>${after}`).call();
    return [...world.legs.recordings.keys()][0]!;
  };
  const types = (): string[] => world.events.map(({ type }) => type).filter((type) => type.startsWith('recording.'));

  it('CR-1 a beep, then the recording of what the caller says', async () => {
    await world.twiml('<Record timeout="7" maxLength="60" trim="do-not-trim"/>').call();
    expect(world.legs.commands.slice(-1)).toEqual(['play:beep caller']);
    world.router.legEvent({ kind: 'play-ended', callSid: CALL, playId: '1:beep', result: 'finished' });
    expect([...world.legs.recordings.values()][0]!.order.options).toEqual({
      channels: 'mono',
      track: 'inbound',
      trim: false,
      endSilenceMs: 7000,
      maxMs: 60_000,
    });
  });

  it('CR-1 silence ends it: the action gets address and length', async () => {
    const sid = await record('');
    world.legs.recorded(sid, 'silence', 3400);
    await settle();
    expect(world.lastParams()).toMatchObject({
      RecordingSid: sid,
      RecordingUrl: `/2010-04-01/Accounts/${ACCOUNT}/Recordings/${sid}`,
      RecordingDuration: '3',
      Digits: '',
    });
    expect(types()).toEqual(['recording.started', 'recording.completed']);
  });

  it('CR-1 a key of finishOnKey ends it and is told, another is part of it', async () => {
    await record('finishOnKey="#"');
    world.router.legEvent({ kind: 'digit', callSid: CALL, digit: '1' });
    expect(world.legs.commands).not.toContain('stop-recording caller');
    world.router.legEvent({ kind: 'digit', callSid: CALL, digit: '#' });
    await settle();
    expect(world.lastParams()).toMatchObject({ Digits: '#', RecordingDuration: '4' });
  });

  it('CR-1 nothing said: the next verb runs and the recording is absent', async () => {
    const sid = await record('recordingStatusCallback="/status" recordingStatusCallbackEvent="absent"', '<Pause/>');
    world.legs.recorded(sid, 'silence', 0);
    await settle();
    expect(world.requests).toHaveLength(1);
    expect(world.story()).toContain('caller 6 verb-ended Record absent');
    expect(types()).toEqual(['recording.started', 'recording.absent']);
    expect(world.callbacks.map(({ params }) => params['RecordingStatus'])).toEqual(['absent']);
  });

  it('CR-1 a caller who hangs up: the action is told with Digits=hangup', async () => {
    await record('');
    world.legs.remoteEnd(CALL, 'hangup-caller');
    await settle();
    expect(world.callbacks).toHaveLength(1);
    expect(world.callbacks[0]).toMatchObject({ url: DONE, params: { Digits: 'hangup', RecordingDuration: '4' } });
  });

  it('CR-1 the status callback gets the steps it asked for, in order', async () => {
    const sid = await record(
      'recordingStatusCallback="/status" recordingStatusCallbackMethod="GET" recordingStatusCallbackEvent="in-progress completed"',
    );
    world.legs.recorded(sid, 'max-length', 60_000);
    await settle();
    expect(world.callbacks.map(({ method, params }) => [method, params['RecordingStatus']])).toEqual([
      ['GET', 'in-progress'],
      ['GET', 'completed'],
    ]);
    expect(world.callbacks[1]!.params).toMatchObject({
      AccountSid: ACCOUNT,
      CallSid: CALL,
      RecordingSid: sid,
      RecordingDuration: '60',
      RecordingChannels: '1',
      RecordingSource: 'RecordVerb',
      RecordingTrack: 'inbound',
    });
  });

  it('CR-1 a recording that is lost says so', async () => {
    const sid = await record('recordingStatusCallback="/status"', '<Pause/>');
    const { stored } = world.legs.recordings.get(sid)!;
    world.router.legEvent({
      kind: 'recording-ended',
      callSid: CALL,
      recordingSid: sid,
      reason: 'failed',
      durationMs: 1000,
    });
    stored({ kind: 'failed', message: 'disk full' });
    expect(types()).toEqual(['recording.started', 'recording.failed']);
    expect(world.story().some((line) => line.includes('verb-started Pause'))).toBe(true);
    expect(world.callbacks.at(-1)!.params).toMatchObject({ RecordingStatus: 'failed' });
    world.legs.recordings.clear();
  });

  it('CR-4 by REST: start, pause, resume, stop of a call in progress', async () => {
    await world.twiml('<Pause length="60"/>').call();
    const options = { channels: 'dual', track: 'both', trim: false, endSilenceMs: undefined, maxMs: 1e6 } as const;
    const order = { source: 'StartCallRecordingAPI', options, callback: undefined, transcribe: undefined } as const;
    expect(world.router.record(CALL, order)).toBeUndefined();
    world.legs.answer(CALL);
    const facts = world.router.record(CALL, order)!;
    expect(world.router.changeRecording(CALL, undefined, { kind: 'pause', behavior: 'skip' })).toEqual(facts);
    world.router.changeRecording(CALL, facts.recordingSid, { kind: 'resume' });
    world.router.changeRecording(CALL, facts.recordingSid, { kind: 'stop' });
    expect(world.router.changeRecording(CALL, facts.recordingSid, { kind: 'stop' })).toBeUndefined();
    expect(types()).toEqual(['recording.started', 'recording.paused', 'recording.resumed', 'recording.completed']);
  });
});
