import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expectGapless } from './testing/gapless.fake.ts';
import { ACCOUNT, CALL, CallWorld, settle } from './testing/call-world.fake.ts';

const DONE = 'http://app.test/done';
const URL = 'wss://app.test/audio';

describe('CR-7 media streams', () => {
  let world: CallWorld;
  beforeEach(() => {
    world = new CallWorld();
    world.twiml('<Hangup/>', DONE);
  });
  afterEach(() => {
    if (world.router.activeCalls().length > 0) world.legs.remoteEnd(CALL, 'hangup-caller');
    expect(world.router.activeCalls()).toEqual([]);
    expect(world.router.streams.size).toBe(0);
    expect(world.clock.pendingTimers).toBe(0);
    expectGapless(world);
  });
  const streams = () => [...world.legs.streams.values()];
  const types = (): string[] => world.events.map(({ type }) => type).filter((type) => type.startsWith('stream.'));

  it('Connect answers, hands the audio over both ways with its parameters, and waits', async () => {
    await world
      .twiml(
        `<Connect action="/done"><Stream url="${URL}" name="bot"><Parameter name="FirstName" value="Jane"/></Stream></Connect><Pause/>`,
      )
      .call();
    expect(world.legs.commands).toContain('answer caller');
    const [live] = streams();
    expect(live?.order).toMatchObject({
      url: URL,
      name: 'bot',
      tracks: ['inbound'],
      bidirectional: true,
      parameters: { FirstName: 'Jane' },
    });
    expect(live?.order.streamSid).toMatch(/^MZ[0-9a-f]{32}$/);
    await settle();
    expect(world.requests).toHaveLength(1);
    expect(world.story().at(-1)).toContain('verb-started Connect');
  });

  it('the application closes the stream: the action is asked, else the next verb runs', async () => {
    await world.twiml(`<Connect action="/done"><Stream url="${URL}"/></Connect>`).call();
    const sid = streams()[0]!.order.streamSid;
    world.legs.streamEnds(sid, { by: 'application' });
    await settle();
    expect(world.lastParams()).toMatchObject({ StreamSid: sid, StreamEvent: 'stream-stopped' });

    const other = new CallWorld();
    await other.twiml(`<Connect><Stream url="${URL}"/></Connect><Reject/>`).call();
    other.legs.streamEnds([...other.legs.streams.keys()][0] ?? '', { by: 'application' });
    await settle();
    expect(other.story().join('\n')).toMatch(/verb-ended Connect closed[^]*verb-started Reject/);
  });

  it('a stream that fails ends Connect with a warning that has its code', async () => {
    await world.twiml(`<Connect><Stream url="${URL}"/></Connect><Hangup/>`).call();
    const problem = { code: 31_920, message: 'it has to answer the upgrade with 101' };
    world.legs.streamEnds(streams()[0]!.order.streamSid, { by: 'application', problem });
    await settle();
    expect(world.story().join('\n')).toMatch(/verb-ended Connect failed/);
    const warning = world.events.find(({ type }) => type === 'call.warning');
    expect(warning?.data).toMatchObject({ code: 31_920 });
    expect(types()).toEqual(['stream.failed']);
  });

  it('the caller hangs up: the stream ends with the leg, and no action is asked', async () => {
    await world.twiml(`<Connect action="/done"><Stream url="${URL}"/></Connect>`).call();
    world.legs.remoteEnd(CALL, 'hangup-caller');
    for (const { order } of streams()) world.legs.streamEnds(order.streamSid, { by: 'call' });
    await settle();
    expect(world.requests).toHaveLength(1);
    expect(types()).toEqual(['stream.stopped']);
  });

  it('a live update takes the call out of Connect', async () => {
    await world.twiml(`<Connect><Stream url="${URL}"/></Connect>`).call();
    world.router.update(CALL, { kind: 'redirect', url: DONE, method: 'POST' });
    await settle();
    expect(world.legs.commands).toContain('stop-stream caller');
    expect(types()).toEqual(['stream.stopped']);
  });

  it('Start goes on at once, with both tracks where it is asked to; Stop ends a stream by its name', async () => {
    await world
      .twiml(
        `<Start><Stream url="${URL}" name="a" track="both_tracks"/><Stream url="/rel" name="b" track="outbound_track"/></Start>
         <Stop><Stream name="a"/></Stop><Pause length="60"/>`,
      )
      .call();
    await settle();
    expect(world.legs.commands.filter((one) => one.includes('stream'))).toEqual([
      'stream:a caller',
      'stream:b caller',
      'stop-stream caller',
    ]);
    const [left] = streams();
    expect(left?.order).toMatchObject({
      name: 'b',
      tracks: ['outbound'],
      url: 'ws://app.test/rel',
      bidirectional: false,
    });
    expect(types()).toEqual(['stream.stopped']);
    expect(world.story().at(-1)).toContain('verb-started Pause');
    world.legs.streamEnds(left!.order.streamSid, { by: 'call' });
  });

  it('status callbacks tell of the start, the stop and the error', async () => {
    const stream = (name: string) =>
      `<Stream url="${URL}" name="${name}" statusCallback="/status" statusCallbackMethod="GET"/>`;
    await world.twiml(`<Start>${stream('one')}${stream('')}</Start><Pause length="60"/>`).call();
    const [one, other] = streams();
    one!.listener.started();
    world.clock.advance(2500);
    world.legs.streamEnds(one!.order.streamSid, { by: 'application' });
    const problem = { code: 31_902, message: 'refused' };
    world.legs.streamEnds(other!.order.streamSid, { by: 'application', problem });
    await settle();
    expect(world.callbacks.map(({ url, method }) => [url, method])).toEqual(
      new Array(3).fill(['http://app.test/status', 'GET']),
    );
    expect(world.callbacks.map(({ params }) => params)).toMatchObject([
      {
        AccountSid: ACCOUNT,
        CallSid: CALL,
        StreamSid: one!.order.streamSid,
        StreamName: 'one',
        StreamEvent: 'stream-started',
      },
      { StreamName: 'one', StreamEvent: 'stream-stopped' },
      { StreamName: other!.order.streamSid, StreamEvent: 'stream-error', StreamError: '31902: refused' },
    ]);
    expect(world.events.find(({ type }) => type === 'stream.stopped')?.data).toMatchObject({
      by: 'application',
      durationSeconds: 2.5,
    });
    expect(types()).toEqual(['stream.started', 'stream.stopped', 'stream.failed']);
  });

  it('secrets in the query of an address are not published', async () => {
    await world.twiml(`<Start><Stream url="${URL}?token=secret"/></Start><Pause length="60"/>`).call();
    const [live] = streams();
    expect(live?.order.url).toBe(`${URL}?token=secret`);
    live!.listener.started();
    expect(JSON.stringify(world.events.filter(({ type }) => type.startsWith('stream.')))).not.toContain('secret');
    world.legs.streamEnds(live!.order.streamSid, { by: 'call' });
  });

  it.each([
    ['<Connect/>', 12_200],
    ['<Connect><Stream/></Connect>', 12_200],
    ['<Connect><Room>x</Room></Connect>', 12_200],
    ['<Connect><Stream url="ftp://x/"/></Connect>', 11_100],
    [`<Connect><Stream url="${URL}" track="both_tracks"/></Connect>`, 31_941],
    ['<Start><Siprec/></Start>', 12_200],
    [`<Start><Stream url="${URL}" track="sideways"/></Start>`, 12_200],
    ['<Stop><Stream/></Stop>', 12_200],
  ])('%s is warned about with %i, and the call goes on', async (document, code) => {
    await world.twiml(`${document}<Pause length="60"/>`).call();
    for (const { order } of streams()) world.legs.streamEnds(order.streamSid, { by: 'application' });
    await settle();
    const codes = world.events
      .filter(({ type }) => type === 'call.warning')
      .map(({ data }) => (data as { code: number }).code);
    expect(codes).toContain(code);
    expect(world.story().join('\n')).toContain('verb-started Pause');
  });

  it('CR-5 one that nobody asked for in the instructions goes on beside them, and is stopped by sid or name', async () => {
    await world.twiml('<Pause length="60"/>').call();
    const order = {
      kind: 'start-stream',
      accountSid: ACCOUNT,
      callSid: CALL,
      url: URL,
      parameters: { a: '1' },
    } as const;
    const first = world.router.streams.begin(ACCOUNT, CALL, { ...order, name: 'x', track: 'both_tracks' });
    const second = world.router.streams.begin(ACCOUNT, CALL, { ...order, name: '', track: 'outbound_track' });
    expect(streams().map(({ order: one }) => [one.tracks, one.bidirectional])).toEqual([
      [['inbound', 'outbound'], false],
      [['outbound'], false],
    ]);
    expect(world.router.streams.stop(CALL, { name: 'x' })).toMatchObject({ streamSid: first.streamSid });
    expect(world.router.streams.stop(CALL, { streamSid: second.streamSid })).toMatchObject({ name: '' });
    expect(world.router.streams.stop(CALL, { name: 'x' })).toBeUndefined();
    await settle();
    expect(world.requests).toHaveLength(1);
    expect(types()).toEqual(['stream.stopped', 'stream.stopped']);
  });

  it('Start records beside the verbs', async () => {
    await world
      .twiml(
        '<Start><Recording channels="mono" track="inbound" recordingStatusCallback="/r"/></Start><Pause length="60"/>',
      )
      .call();
    const [recording] = [...world.legs.recordings.values()];
    expect(recording?.order).toMatchObject({
      source: 'StartCallRecordingTwiML',
      options: { channels: 'mono', track: 'inbound' },
    });
    world.legs.recorded([...world.legs.recordings.keys()][0]!, 'stopped', 1000);
  });
});
