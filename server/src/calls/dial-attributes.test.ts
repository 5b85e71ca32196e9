import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expectGapless } from './testing/gapless.fake.ts';
import { ACCOUNT, CALL, CallWorld, settle } from './testing/call-world.fake.ts';

const DONE = 'http://app.test/done';
const WHISPER = 'http://app.test/whisper';

describe('attributes of Dial', () => {
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
  const dial = async (attributes: string, nouns: string): Promise<void> => {
    await world.twiml(`<Dial action="/done" ${attributes}>${nouns}</Dial>`).call();
  };
  const answer = (n: number): void => {
    world.router.legEvent({ kind: 'leg-answered', callSid: world.party(n) });
  };
  const commands = (...starts: string[]): string[] =>
    world.legs.commands.filter((command) => starts.some((start) => command.startsWith(start)));

  describe('record', () => {
    it.each([
      ['record-from-answer', 'mono'],
      ['record-from-answer-dual', 'dual'],
      ['true', 'mono'],
    ] as const)('CR-1 %s begins with the merge, and the action is told of the recording', async (mode, channels) => {
      await dial(`record="${mode}" recordingTrack="both" trim="trim-silence"`, '<Client>a</Client>');
      expect(commands('record')).toEqual([]);
      answer(0);
      expect(commands('record', 'merge')).toEqual(['record:DialVerb caller', 'merge caller']);
      const { order } = [...world.legs.recordings.values()][0]!;
      expect(order.options).toMatchObject({ channels, track: 'both', trim: true, endSilenceMs: undefined });
      world.legs.remoteEnd(world.party(0), 'hangup-callee');
      await settle();
      expect(world.requests.at(-1)!.url).toBe(DONE);
      expect(world.lastParams()).toMatchObject({
        DialCallStatus: 'completed',
        RecordingSid: order.recordingSid,
        RecordingUrl: `/2010-04-01/Accounts/${ACCOUNT}/Recordings/${order.recordingSid}`,
        RecordingDuration: '4',
      });
    });

    it('CR-1 record-from-ringing-dual begins with the ringing of an answered caller, and is one recording', async () => {
      await dial('record="record-from-ringing-dual"', '<Client>a</Client>');
      expect(commands('record')).toEqual(['record:DialVerb caller']);
      answer(0);
      expect(commands('record')).toHaveLength(1);
      world.legs.remoteEnd(world.party(0), 'hangup-callee');
      await settle();
      expect(world.lastParams()).toHaveProperty('RecordingSid');
    });

    it('CR-1 with answerOnBridge from the moment that there is something to hear', async () => {
      await dial('record="record-from-ringing" answerOnBridge="true"', '<Client>a</Client>');
      expect(commands('record')).toEqual([]);
      answer(0);
      expect(commands('answer', 'record', 'merge')).toEqual([
        'answer caller',
        'record:DialVerb caller',
        'merge caller',
      ]);
    });

    it('CR-1 nobody answers: nothing is recorded and nothing told', async () => {
      await dial('record="record-from-answer"', '<Client>a</Client>');
      world.legs.remoteEnd(world.party(0), 'busy');
      await settle();
      expect(world.lastParams()).toMatchObject({ DialCallStatus: 'busy' });
      expect(world.lastParams()).not.toHaveProperty('RecordingUrl');
    });

    it('CR-1 a caller who hangs up: the action is told of the recording too', async () => {
      await dial('record="record-from-answer" recordingStatusCallback="/status"', '<Client>a</Client>');
      answer(0);
      world.legs.remoteEnd(CALL, 'hangup-caller');
      await settle();
      const told = world.callbacks.find(({ url }) => url === DONE);
      expect(told!.params).toMatchObject({ RecordingDuration: '4' });
      expect(world.callbacks.find(({ url }) => url.endsWith('/status'))!.params).toMatchObject({
        RecordingStatus: 'completed',
        RecordingSource: 'DialVerb',
        CallSid: CALL,
      });
    });

    it('CR-4 a live update ends the recording with the Dial', async () => {
      await dial('record="record-from-answer"', '<Client>a</Client>');
      answer(0);
      world.router.update(CALL, { kind: 'twiml', document: '<Response><Hangup/></Response>' });
      expect(commands('stop-recording')).toEqual(['stop-recording caller']);
    });
  });

  describe('whisper', () => {
    it('CR-1 the callee hears its own document before the merge; the caller goes on ringing', async () => {
      world.autoPlay = false;
      world.twiml('<Say>a call for you</Say>', WHISPER);
      await dial('', '<Client url="/whisper" method="GET">a</Client>');
      answer(0);
      await settle();
      expect(world.requests.at(-1)).toMatchObject({ url: WHISPER, method: 'GET' });
      expect(world.lastParams()).toMatchObject({ CallSid: world.party(0), ParentCallSid: CALL });
      expect(commands('play', 'stop-play', 'merge')).toEqual(['play:ringback caller', 'play:wav party0']);
      world.router.legEvent({ kind: 'play-ended', callSid: world.party(0), playId: '2:prompt', result: 'finished' });
      expect(commands('merge', 'stop-play')).toEqual(['stop-play caller', 'merge caller']);
    });

    it('CR-1 a callee who screens the call with Hangup is never merged', async () => {
      world.twiml('<Gather numDigits="1" timeout="3" action="/accepted"/><Hangup/>', WHISPER);
      await dial('', '<Number url="/whisper">+15550123</Number>');
      answer(0);
      await settle();
      world.clock.advance(3000);
      await settle();
      expect(commands('merge')).toEqual([]);
      expect(world.lastParams()).toMatchObject({ DialBridged: 'false' });
    });

    it('CR-1 a key accepts it: the action of the Gather within goes on', async () => {
      world.twiml('<Gather numDigits="1" action="/accepted"/><Hangup/>', WHISPER);
      world.twiml('<Pause length="1"/>', 'http://app.test/accepted');
      await dial('answerOnBridge="true"', '<Client url="/whisper">a</Client>');
      answer(0);
      await settle();
      world.router.legEvent({ kind: 'digit', callSid: world.party(0), digit: '1' });
      await settle();
      expect(commands('answer', 'merge')).toEqual([]);
      world.clock.advance(1000);
      expect(commands('answer', 'merge')).toEqual(['answer caller', 'merge caller']);
    });

    it('CR-1 a document that cannot be had does not keep them apart', async () => {
      await dial('', '<Client url="/whisper">a</Client>');
      answer(0);
      await settle();
      expect(commands('merge')).toEqual(['merge caller']);
      expect(world.story().some((line) => line.includes('instructions-failed'))).toBe(true);
    });

    it('CR-1 a caller who hangs up meanwhile takes the callee along', async () => {
      world.twiml('<Pause length="60"/>', WHISPER);
      await dial('', '<Client url="/whisper">a</Client>');
      answer(0);
      await settle();
      world.legs.remoteEnd(CALL, 'hangup-caller');
      expect(world.legs.ends.at(-1)!.callSid).toBe(world.party(0));
    });
  });

  it('CR-1 ringTone: the ringing tone of that country', async () => {
    await dial('ringTone="de"', '<Client>a</Client>');
    expect(world.legs.media[0]).toEqual({ kind: 'tone', tone: 'ringback', country: 'de' });
  });

  it('CR-5 machineDetection: who answered is told to amdStatusCallback while they talk', async () => {
    await dial(
      '',
      '<Number machineDetection="DetectMessageEnd" machineDetectionSpeechThreshold="3000" amdStatusCallback="/amd" amdStatusCallbackMethod="GET">+15550123</Number>',
    );
    answer(0);
    expect(commands('detect', 'merge')).toEqual(['detect-machine:message-end party0', 'merge caller']);
    world.router.legEvent({
      kind: 'machine-detected',
      callSid: world.party(0),
      answeredBy: 'machine_end_beep',
      durationMs: 7412,
    });
    expect(world.callbacks).toMatchObject([
      {
        url: 'http://app.test/amd',
        method: 'GET',
        params: {
          CallSid: world.party(0),
          ParentCallSid: CALL,
          AnsweredBy: 'machine_end_beep',
          MachineDetectionDuration: '7412',
        },
      },
    ]);
  });

  it('CR-1 several Uri of a Sip are tried by priority and weight, each when the one before was not reached', async () => {
    const sip =
      '<Sip username="u" password="p"><Uri priority="20">sip:c@c.test</Uri><Uri priority="10" weight="1">sip:b@b.test</Uri>' +
      '<Uri priority="10" weight="9" username="own">sip:a@a.test?X-Order=7</Uri><Headers><Header name="X-Shop" value="4"/></Headers></Sip>';
    await dial('answerOnBridge="true"', `${sip}<Client>x</Client>`);
    expect(world.legs.placed.map(({ to }) => to)).toEqual(['sip:a@a.test', 'client:x']);
    expect(world.legs.placed[0]!.target).toMatchObject({
      username: 'own',
      password: 'p',
      headers: [
        ['X-Order', '7'],
        ['X-Shop', '4'],
      ],
    });
    world.legs.remoteEnd(world.party(0), 'unreachable', 503);
    world.legs.remoteEnd(world.party(1), 'busy');
    expect(world.legs.placed.map(({ to }) => to)).toEqual(['sip:a@a.test', 'client:x', 'sip:b@b.test']);
    world.legs.remoteEnd(world.party(2), 'busy');
    answer(3);
    expect(world.legs.placed.at(-1)).toMatchObject({ to: 'sip:c@c.test' });
    expect(commands('merge')).toEqual(['merge caller']);
    expect(new Set(world.legs.placed.map(({ callSid }) => callSid)).size).toBe(4);
  });

  it('CR-1 none of them is reached: the Dial is over', async () => {
    await dial('answerOnBridge="true"', '<Sip><Uri>sip:a@a.test</Uri><Uri>sip:b@b.test</Uri></Sip>');
    world.legs.remoteEnd(world.party(0), 'unreachable', 503);
    world.legs.remoteEnd(world.party(1), 'unreachable', 503);
    await settle();
    expect(world.lastParams()).toMatchObject({ DialCallStatus: 'failed', DialSipResponseCode: '503' });
  });

  it('CR-1 bad values have codes of their own and cost the attribute only', async () => {
    await dial('record="loud" hangupOnStar="maybe" timeout="0" ringTone="1"', '<Client>a</Client><Sim>DE1</Sim>');
    expect(
      world
        .story()
        .filter((line) => line.includes('warning'))
        .map((line) => line.split(' ').at(-1)),
    ).toEqual(['13215', '13217', '13213', '13212', '12200']);
    expect(world.legs.placed).toHaveLength(1);
  });
});
