import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expectGapless } from './testing/gapless.fake.ts';
import { ACCOUNT, CALL, CallWorld, settle } from './testing/call-world.fake.ts';

describe('CR-5 transcription in real time', () => {
  let world: CallWorld;
  beforeEach(() => {
    world = new CallWorld();
  });
  afterEach(() => {
    for (const { listener } of world.legs.transcriptions.values()) listener.ended();
    if (world.router.activeCalls().length > 0) world.legs.remoteEnd(CALL, 'hangup-caller');
    expect(world.router.activeCalls()).toEqual([]);
    expect(world.router.transcriptions.size).toBe(0);
    expect(world.clock.pendingTimers).toBe(0);
    expectGapless(world);
  });
  const live = () => [...world.legs.transcriptions.values()];
  const callbacks = () =>
    world.callbacks.map(({ params }) => {
      return [params['SequenceId'], params['TranscriptionEvent'], params['TranscriptionData'], params['Final']];
    });

  it('begins beside the next verb, tells the words of both tracks in order, and stops by its name', async () => {
    await world
      .twiml(
        `<Start><Transcription name="notes" statusCallbackUrl="/words" languageCode="en-GB" partialResults="true"
           hints="yes, no" inboundTrackLabel="caller" outboundTrackLabel="agent"/></Start>
         <Pause length="5"/><Stop><Transcription name="notes"/></Stop><Pause length="60"/>`,
      )
      .call();
    const [{ order, listener } = live()[0]!] = live();
    expect(order).toMatchObject({
      name: 'notes',
      tracks: ['inbound', 'outbound'],
      language: 'en-GB',
      hints: ['yes', 'no'],
      partial: true,
    });
    expect(order.transcriptionSid).toMatch(/^GT[0-9a-f]{32}$/);
    listener.content({ track: 'inbound', text: 'I would', confidence: undefined, final: false });
    listener.content({ track: 'inbound', text: 'I would like', confidence: 0.5, final: true });
    world.clock.advance(5000);
    await settle();
    expect(world.legs.commands).toContain('stop-transcription caller');
    expect(callbacks()).toEqual([
      ['1', 'transcription-started', undefined, undefined],
      ['2', 'transcription-content', '{"transcript":"I would"}', 'false'],
      ['3', 'transcription-content', '{"transcript":"I would like","confidence":0.5}', 'true'],
      ['4', 'transcription-stopped', undefined, undefined],
    ]);
    expect(world.callbacks[0]).toMatchObject({ url: 'http://app.test/words', method: 'POST' });
    expect(world.callbacks[0]?.params).toEqual({
      AccountSid: ACCOUNT,
      CallSid: CALL,
      TranscriptionSid: order.transcriptionSid,
      TranscriptionEvent: 'transcription-started',
      LanguageCode: 'en-GB',
      Timestamp: new Date(world.clock.now() - 5000).toISOString(),
      SequenceId: '1',
      Name: 'notes',
      Track: 'both_tracks',
      PartialResults: 'true',
      TranscriptionEngine: 'hookswitch',
      InboundTrackLabel: 'caller',
      OutboundTrackLabel: 'agent',
    });
    expect(world.events.filter(({ type }) => type.startsWith('transcription.')).map(({ type }) => type)).toEqual([
      'transcription.started',
      'transcription.content',
      'transcription.content',
      'transcription.stopped',
    ]);
    expect(world.story().at(-1)).toContain('verb-started Pause');
  });

  it('one track; a Stop without a name ends them all', async () => {
    await world
      .twiml(
        `<Start><Transcription track="inbound_track"/><Transcription name="b" track="outbound_track"/></Start>
         <Pause length="5"/><Stop><Transcription/></Stop><Pause length="60"/>`,
      )
      .call();
    expect(live().map(({ order }) => order.tracks)).toEqual([['inbound'], ['outbound']]);
    world.clock.advance(5000);
    await settle();
    expect(live()).toEqual([]);
  });

  it('that fails is told with its code, and the call goes on', async () => {
    await world.twiml('<Start><Transcription statusCallbackUrl="/words"/></Start><Pause length="60"/>').call();
    live()[0]!.listener.ended({ code: 32_602, message: 'the recognizer failed' });
    world.legs.transcriptions.clear();
    expect(world.callbacks.at(-1)?.params).toMatchObject({
      TranscriptionEvent: 'transcription-error',
      TranscriptionErrorCode: '32602',
      TranscriptionError: 'the recognizer failed',
    });
    expect(world.events.at(-1)).toMatchObject({ type: 'transcription.failed', data: { code: 32_602 } });
    expect(world.story().join('\n')).toContain('verb-started Pause');
  });

  it('Stop Recording ends what Start Recording began, and no other recording', async () => {
    await world
      .twiml(
        '<Start><Recording channels="mono"/></Start><Pause length="5"/><Stop><Recording/></Stop><Pause length="60"/>',
      )
      .call();
    world.router.record(CALL, {
      source: 'StartCallRecordingAPI',
      options: { channels: 'dual', track: 'both', trim: false, endSilenceMs: undefined, maxMs: 1000 },
      callback: undefined,
      transcribe: undefined,
    });
    world.clock.advance(5000);
    await settle();
    expect([...world.legs.recordings.values()].map(({ order }) => order.source)).toEqual(['StartCallRecordingAPI']);
  });

  it('Siprec is out: a warning, and the call goes on', async () => {
    await world.twiml('<Start><Siprec connectorName="x"/></Start><Stop><Siprec name="x"/></Stop><Pause/>').call();
    expect(world.story().filter((line) => line.includes('warning 12200'))).toHaveLength(2);
    expect(world.story().at(-1)).toContain('verb-started Pause');
  });
});
