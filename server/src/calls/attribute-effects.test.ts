import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expectGapless } from './testing/gapless.fake.ts';
import { GroupWorld } from './testing/group-world.fake.ts';
import { CALL, CallWorld, settle } from './testing/call-world.fake.ts';

const AT = (path: string): string => `http://app.test${path}`;
const APP = `AP${'2'.repeat(32)}`;

// What attributes do that no other test looks at: where requests go and by which method, and what reaches the bridge.
describe('CR-1 effects of attributes', () => {
  let world: CallWorld;
  beforeEach(() => {
    world = new CallWorld();
    for (const path of ['/w', '/a', '/next']) world.twiml('<Hangup/>', AT(path));
  });
  afterEach(() => {
    if (world.router.activeCalls().length > 0) world.legs.remoteEnd(CALL, 'hangup-caller');
    expect(world.clock.pendingTimers).toBe(0);
    expectGapless(world);
  });
  const answer = async (): Promise<string> => {
    const callSid = world.party(0);
    world.router.legEvent({ kind: 'leg-answered', callSid });
    await settle();
    return callSid;
  };
  const told = (path: string): string[] =>
    world.callbacks
      .filter(({ url }) => url === AT(path))
      .map(({ method, params }) => `${method} ${params['CallStatus'] ?? ''}`);

  /** A Dial of one party with these attributes. */
  const DIALS: Readonly<Record<string, (attributes: string) => string>> = {
    Number: (attributes) => `<Dial callerId="+15550100"><Number ${attributes}>+15550123</Number></Dial>`,
    Client: (attributes) => `<Dial><Client ${attributes}>alice</Client></Dial>`,
    Sip: (attributes) => `<Dial><Sip username="u" password="p" ${attributes}>sip:desk@pbx.example</Sip></Dial>`,
    Application: (attributes) => `<Dial><Application ${attributes}>${APP}</Application></Dial>`,
  };

  it.each(Object.entries(DIALS))(
    'Number, Client, Sip, Application: whisper and callbacks by GET, for the steps that were asked for (%s)',
    async (_noun, document) => {
      const attributes =
        'url="/w" method="GET" statusCallback="/s" statusCallbackMethod="GET" statusCallbackEvent="initiated answered"';
      await world.twiml(document(attributes)).call();
      await answer();
      expect(world.requests.at(-1)).toMatchObject({ url: AT('/w'), method: 'GET' });
      world.legs.remoteEnd(world.party(0), 'hangup-callee');
      await settle();
      expect(told('/s')).toEqual(['GET initiated', 'GET in-progress']);
    },
  );

  it.each(['Number', 'Sip'])(
    'Number, Sip: who answers is found out within limits of their own, and told by GET (%s)',
    async (noun) => {
      const attributes =
        'machineDetection="DetectMessageEnd" machineDetectionTimeout="7" machineDetectionSpeechThreshold="2000" ' +
        'machineDetectionSpeechEndThreshold="700" machineDetectionSilenceTimeout="3000" ' +
        'amdStatusCallback="/amd" amdStatusCallbackMethod="GET"';
      await world.twiml(DIALS[noun]?.(attributes) ?? '').call();
      const callSid = await answer();
      expect(world.legs.detections.at(-1)).toEqual({
        mode: 'message-end',
        timeoutMs: 7000,
        speechThresholdMs: 2000,
        speechEndThresholdMs: 700,
        silenceTimeoutMs: 3000,
      });
      world.router.legEvent({ kind: 'machine-detected', callSid, answeredBy: 'human', durationMs: 900 });
      expect(world.callbacks.at(-1)).toMatchObject({ url: AT('/amd'), method: 'GET', params: { AnsweredBy: 'human' } });
    },
  );

  it('Sip: who it calls as, for the challenge of the far end', async () => {
    await world.twiml('<Dial><Sip username="u" password="p">sip:desk@pbx.example</Sip></Dial>').call();
    expect(world.legs.placed[0]?.target).toMatchObject({ username: 'u', password: 'p' });
  });

  it('Say: voice and language reach the speech engine', async () => {
    const asked: unknown[] = [];
    world.onSay = (request) => asked.push(request);
    await world.twiml('<Say voice="woman" language="en-GB">Hi</Say>').call();
    expect(asked).toEqual([expect.objectContaining({ text: 'Hi', voice: 'woman', language: 'en-GB' })]);
  });

  it('Record: a beep or none, its action by its method, the text of it, and callbacks', async () => {
    const attributes =
      'action="/a" method="GET" transcribe="true" transcribeCallback="/t" recordingStatusCallback="/r" ' +
      'recordingStatusCallbackMethod="GET" recordingStatusCallbackEvent="in-progress"';
    await world.twiml(`<Record playBeep="false" ${attributes}/>`).call();
    expect(world.legs.commands.join()).not.toContain('play:beep');
    const [sid, { order }] = [...world.legs.recordings][0]!;
    expect(order.transcribe).toEqual({ url: AT('/t') });
    expect(order.callback).toEqual({ url: AT('/r'), method: 'GET', events: ['in-progress'] });
    world.legs.recorded(sid, 'silence', 2000);
    await settle();
    expect(world.requests.at(-1)).toMatchObject({ url: AT('/a'), method: 'GET' });
  });

  it('Gather: longest speech, and partial results by GET', async () => {
    world.autoPlay = false;
    await world
      .twiml('<Gather input="speech" maxSpeechTime="9" partialResultCallback="/p" partialResultCallbackMethod="GET"/>')
      .call();
    expect(world.legs.listening?.options).toMatchObject({ maxMs: 9000, partial: true });
    const { listenId } = world.legs.listening!;
    world.router.legEvent({ kind: 'speech-began', callSid: CALL, listenId });
    world.router.legEvent({ kind: 'speech-partial', callSid: CALL, listenId, text: 'sales' });
    expect(world.callbacks.at(-1)).toMatchObject({ url: AT('/p'), method: 'GET' });
  });

  it('Recording: silence is left out, and its callback by GET for the steps that were asked for', async () => {
    const attributes =
      'trim="trim-silence" recordingStatusCallback="/r" recordingStatusCallbackMethod="GET" recordingStatusCallbackEvent="absent"';
    await world.twiml(`<Start><Recording ${attributes}/></Start><Pause length="9"/>`).call();
    const { order } = [...world.legs.recordings.values()][0]!;
    expect(order.options.trim).toBe(true);
    expect(order.callback).toEqual({ url: AT('/r'), method: 'GET', events: ['absent'] });
  });

  it('Transcription: its callback by GET', async () => {
    const attributes = 'statusCallbackUrl="/t" statusCallbackMethod="GET"';
    await world.twiml(`<Start><Transcription ${attributes}/></Start><Pause length="9"/>`).call();
    expect(world.callbacks.at(-1)).toMatchObject({ url: AT('/t'), method: 'GET' });
    for (const { listener } of world.legs.transcriptions.values()) listener.ended();
  });

  it('Redirect, Refer, Connect: by the method that was asked for', async () => {
    await world.twiml('<Redirect method="GET">/next</Redirect>').call();
    expect(world.requests.at(-1)).toMatchObject({ url: AT('/next'), method: 'GET' });

    const refer = new CallWorld();
    refer.twiml('<Hangup/>', AT('/a'));
    await refer.twiml('<Refer action="/a" method="GET"><Sip>sip:desk@pbx.example</Sip></Refer>').call();
    refer.router.legEvent({ kind: 'referred', callSid: CALL, outcome: { kind: 'done', sipStatus: 200 } });
    await settle();
    expect(refer.requests.at(-1)).toMatchObject({ url: AT('/a'), method: 'GET' });

    const connect = new CallWorld();
    connect.twiml('<Hangup/>', AT('/a'));
    await connect.twiml('<Connect action="/a" method="GET"><Stream url="wss://app.test/x"/></Connect>').call();
    connect.legs.streamEnds([...connect.legs.streams.keys()][0] ?? '', { by: 'application' });
    await settle();
    expect(connect.requests.at(-1)).toMatchObject({ url: AT('/a'), method: 'GET' });
  });
});

describe('CR-1 effects of attributes of groups', () => {
  it('Conference: wait URL, callbacks and recording by GET; silence stays in; who is coached', async () => {
    const world = new GroupWorld();
    const { media } = world.node();
    for (const path of ['/wait', '/w']) world.twiml('<Pause length="60"/>', AT(path));
    const attributes =
      'waitUrl="/wait" waitMethod="GET" statusCallback="/s" statusCallbackMethod="GET" statusCallbackEvent="join" ' +
      'record="record-from-start" trim="do-not-trim" recordingStatusCallback="/r" recordingStatusCallbackMethod="GET" ' +
      'recordingStatusCallbackEvent="in-progress"';
    const one = await world.call(`<Dial><Conference ${attributes}>room</Conference></Dial>`);
    const { requests, callbacks } = world.node().world;
    expect(requests.find(({ url }) => url === AT('/wait'))).toMatchObject({ method: 'GET' });
    expect(callbacks.find(({ url }) => url === AT('/s'))).toMatchObject({ method: 'GET' });
    await world.call(`<Dial><Conference coach="${one}">room</Conference></Dial>`);
    expect(media.recordings[0]?.order).toMatchObject({ options: { trim: false }, callback: { method: 'GET' } });
    expect(world.events('conference.participant-joined').at(-1)?.data).toMatchObject({ callSidToCoach: one });
  });

  it('Enqueue, Task, Queue: by GET; a higher priority is served first', async () => {
    const world = new GroupWorld();
    for (const path of ['/wait', '/whisper', '/a']) world.twiml('<Pause length="60"/>', AT(path));
    const low = await world.call('<Enqueue waitUrl="/wait" waitUrlMethod="GET">support</Enqueue>');
    const high = await world.call('<Enqueue action="/a" method="GET">support<Task priority="5">{}</Task></Enqueue>');
    const { requests } = world.node().world;
    expect(requests.find(({ url }) => url === AT('/wait'))).toMatchObject({ method: 'GET' });
    await world.call('<Dial><Queue url="/whisper" method="GET">support</Queue></Dial>');
    const whisper = requests.find(({ url }) => url === AT('/whisper'));
    expect(whisper).toMatchObject({ method: 'GET', params: { CallSid: high } });
    expect(low).not.toBe(high);
  });
});
