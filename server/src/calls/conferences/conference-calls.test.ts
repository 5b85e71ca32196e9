import { describe, expect, it } from 'vitest';
import { sweepGroups } from './lost-conferences.ts';
import { ACCOUNT, GroupWorld } from '../testing/group-world.fake.ts';

const JOIN = (attributes = '', dial = ''): string =>
  `<Dial ${dial}><Conference ${attributes}>room</Conference></Dial><Pause length="9"/>`;

function words(world: GroupWorld): string[] {
  return world.events('conference.').map(({ type, data }) => {
    const { callSid = '' } = data as { callSid?: string };
    const call = callSid.slice(-1);
    return [type.slice('conference.'.length), call, data['reason']]
      .filter((word) => word !== '' && word !== undefined)
      .join(' ');
  });
}

describe('conferences of calls', () => {
  it('CR-5 two callers hear each other from the second one on, and music before', async () => {
    const world = new GroupWorld();
    const { legs } = world.node().world;
    const one = await world.call(JOIN());
    expect(legs.commands.at(-1)).toBe('play:music other');
    const [mix] = world.node().media.mixes.values();
    expect([...mix!.keys()]).toEqual([]);
    const two = await world.call(JOIN());
    expect(legs.commands.at(-1)).toBe('stop-play other');
    expect([...mix!.keys()]).toEqual([one, two]);
    expect(words(world)).toEqual(['participant-joined 1', 'participant-joined 2', 'started']);
    await world.hangUp(one);
    await world.hangUp(two);
    expect(words(world).slice(3)).toEqual([
      'participant-left 1 participant-hung-up',
      'participant-left 2 participant-hung-up',
      'ended last-participant-left',
    ]);
    expect([world.store.size, world.node().conferences.calls, world.node().media.mixes.size]).toEqual([0, 0, 0]);
    expect(world.clock.pendingTimers).toBe(0);
  });

  it('CR-5 the wait URL is asked again and again until the conference starts', async () => {
    const world = new GroupWorld();
    world.node().world.autoPlay = false;
    world.twiml('<Play>/music.wav</Play><Pause length="3"/>', 'http://app.test/wait');
    const one = await world.call(JOIN('waitUrl="/wait"'));
    const { legs } = world.node().world;
    expect(legs.commands.at(-1)).toBe('play:wav other');
    const play = world.node().world;
    play.router.legEvent({ kind: 'play-ended', callSid: one, playId: '2:prompt', result: 'finished' });
    expect(world.requests('http://app.test/wait')).toHaveLength(1);
    world.clock.advance(3000);
    await world.settle();
    const asked = world.requests('http://app.test/wait');
    expect(asked).toHaveLength(2);
    expect(asked[1]).toMatchObject({ CallSid: one, FriendlyName: 'room' });
    expect(asked[1]?.['ConferenceSid']).toMatch(/^CF/);
    await world.call(JOIN());
    expect(legs.commands).toContain('stop-play other');
    world.clock.advance(10_000);
    await world.settle();
    expect(world.requests('http://app.test/wait')).toHaveLength(2);
    const story = play.events.filter(({ data }) => (data as { side?: string }).side === 'wait').map(({ type }) => type);
    expect(story.slice(0, 4)).toEqual([
      'call.instructions-requested',
      'call.instructions-received',
      'call.verb-started',
      'call.verb-ended',
    ]);
  });

  it('CR-5 a wait document without anything to do is asked for once a second, and one that fails gives way to music', async () => {
    const world = new GroupWorld();
    world.twiml('', 'http://app.test/empty');
    await world.call(JOIN('waitUrl="/empty"'));
    for (let second = 0; second < 3; second++) {
      world.clock.advance(1000);
      await world.settle();
    }
    expect(world.requests('http://app.test/empty')).toHaveLength(4);
    const { legs } = world.node().world;
    await world.call(JOIN('waitUrl="/missing" startConferenceOnEnter="false"').replace('room', 'other'));
    expect(legs.commands.at(-1)).toBe('play:music other');
  });

  it('CR-5 nobody starts it: everybody waits; the action URL is asked with DialCallStatus answered', async () => {
    const world = new GroupWorld();
    const wait = 'startConferenceOnEnter="false"';
    const one = await world.call(JOIN(wait, 'action="/after"'));
    await world.call(JOIN(wait));
    expect(words(world)).toEqual(['participant-joined 1', 'participant-joined 2']);
    const [mix] = world.node().media.mixes.values();
    expect(mix!.size).toBe(0);
    world.twiml('<Pause length="5"/>', 'http://app.test/after');
    const [data] = world.events('conference.').map((event) => event.data);
    const conferenceSid = String(data!['conferenceSid']);
    const reply = await world.node().conferences.request({
      accountSid: `AC${'1'.repeat(32)}`,
      conferenceSid,
      do: 'kick',
      participant: one,
    });
    await world.settle();
    expect(reply.ok).toBe(true);
    expect(world.requests('http://app.test/after')).toMatchObject([
      { DialCallStatus: 'answered', DialBridged: 'true' },
    ]);
    expect(words(world).at(-1)).toBe('participant-left 1 participant-kicked');
  });

  it('CR-5 who ends the conference on exit ends it for all, and the others go on with their documents', async () => {
    const world = new GroupWorld();
    const one = await world.call(JOIN('endConferenceOnExit="true"'));
    const two = await world.call(JOIN());
    await world.hangUp(one);
    expect(words(world).slice(3)).toEqual([
      'participant-left 1 participant-hung-up',
      'participant-left 2 conference-ended',
      'ended participant-with-end-conference-on-exit-left',
    ]);
    const started = world
      .node()
      .world.events.filter(({ type, subject }) => type === 'call.verb-started' && subject === two);
    expect(started.map(({ data }) => (data as { verb: string }).verb)).toEqual(['Conference', 'Pause']);
  });

  it('CR-5 status callbacks tell what was asked for, in order, numbered without a gap', async () => {
    const world = new GroupWorld();
    const told = 'statusCallback="/told" statusCallbackEvent="start end join leave mute hold"';
    const one = await world.call(JOIN(`${told} participantLabel="first" muted="true"`));
    const two = await world.call(JOIN('statusCallback="/other"'));
    const conferenceSid = String(world.events('conference.')[0]!.data['conferenceSid']);
    const accountSid = `AC${'1'.repeat(32)}`;
    const { conferences } = world.node();
    await conferences.request({
      accountSid,
      conferenceSid,
      do: 'update',
      participant: 'first',
      change: { muted: false },
    });
    await conferences.request({ accountSid, conferenceSid, do: 'update', participant: two, change: { hold: true } });
    await world.hangUp(one);
    await world.hangUp(two);
    const params = world.requests('http://app.test/told');
    expect(params.map((each) => `${String(each['SequenceNumber'])} ${String(each['StatusCallbackEvent'])}`)).toEqual([
      '1 participant-join',
      '2 participant-join',
      '3 conference-start',
      '4 participant-unmute',
      '5 participant-hold',
      '6 participant-leave',
      '7 participant-leave',
      '8 conference-end',
    ]);
    expect(params[0]).toMatchObject({ CallSid: one, Muted: 'true', Hold: 'false', ParticipantLabel: 'first' });
    expect(params[0]).toMatchObject({
      FriendlyName: 'room',
      StartConferenceOnEnter: 'true',
      EndConferenceOnExit: 'false',
    });
    expect(params[4]).toMatchObject({ CallSid: two, Hold: 'true', Coaching: 'false' });
    expect(params[5]).toMatchObject({
      ParticipantCallStatus: 'completed',
      ReasonParticipantLeft: 'participant_hung_up',
    });
    expect(params[7]).toMatchObject({ ReasonConferenceEnded: 'last-participant-left', CallSidEndingConference: two });
    expect(world.requests('http://app.test/other')).toEqual([]);
  });

  it('CR-5 on hold a participant hears the hold URL, or music, and nobody hears it', async () => {
    const world = new GroupWorld();
    const one = await world.call(JOIN());
    await world.call(JOIN());
    const conferenceSid = String(world.events('conference.')[0]!.data['conferenceSid']);
    const update = { accountSid: `AC${'1'.repeat(32)}`, conferenceSid, do: 'update', participant: one } as const;
    const { conferences, media } = world.node();
    const { legs } = world.node().world;
    await conferences.request({ ...update, change: { hold: true } });
    await world.settle();
    expect(legs.commands.at(-1)).toBe('play:music other');
    expect(media.mixes.get(conferenceSid)?.get(one)).toMatchObject({ held: true });
    await conferences.request({ ...update, change: { hold: false } });
    await world.settle();
    expect(legs.commands.at(-1)).toBe('stop-play other');
    world.twiml('<Say>on hold</Say><Pause length="9"/>', 'http://app.test/hold');
    await conferences.request({
      ...update,
      change: { hold: true, holdUrl: 'http://app.test/hold', holdMethod: 'GET' },
    });
    await world.settle();
    expect(world.requests('http://app.test/hold')).toHaveLength(1);
    expect(legs.commands.at(-1)).toBe('play:wav other');
  });

  it('CR-5 a full conference is refused and the next verb runs', async () => {
    const world = new GroupWorld();
    await world.call(JOIN('maxParticipants="2"'));
    await world.call(JOIN('maxParticipants="2"'));
    const three = await world.call(JOIN('maxParticipants="2"', 'action="/after"'));
    expect(world.requests('http://app.test/after')).toMatchObject([{ DialCallStatus: 'failed', CallSid: three }]);
    expect(words(world)).toEqual(['participant-joined 1', 'participant-joined 2', 'started']);
  });

  it('CR-5 a call that is sent elsewhere leaves the conference', async () => {
    const world = new GroupWorld();
    const one = await world.call(JOIN());
    await world.call(JOIN());
    const document = '<Response><Pause length="5"/></Response>';
    world.node().world.router.update(one, { kind: 'twiml', document });
    await world.settle();
    expect(words(world).at(-1)).toBe('participant-left 1 participant-updated-via-api');
  });

  it('CR-5 participants of two nodes are in one conference, whose owner tells both', async () => {
    const world = new GroupWorld(['a', 'b']);
    const one = await world.call(JOIN(), 'a');
    const two = await world.call(JOIN(), 'b');
    expect([world.node('a').conferences.size, world.node('b').conferences.size]).toEqual([1, 0]);
    const [mix] = world.node('a').media.mixes.values();
    expect([...mix!].map(([callSid, { node }]) => [callSid, node])).toEqual([
      [one, 'a'],
      [two, 'b'],
    ]);
    expect(world.node('b').world.legs.commands.at(-1)).toBe('stop-play other');
    await world.hangUp(two, 'b');
    expect(words(world).at(-1)).toBe('participant-left 2 participant-hung-up');
  });

  it('CR-5 many callers of three nodes who come at once are in one conference', async () => {
    const world = new GroupWorld(['a', 'b', 'c']);
    const nodes = ['a', 'b', 'c'] as const;
    await Promise.all(Array.from({ length: 30 }, (_, at) => world.call(JOIN(), nodes[at % 3])));
    const sids = new Set(world.events('conference.').map(({ data }) => data['conferenceSid']));
    expect(sids.size).toBe(1);
    const [owner] = [...world.nodes.values()].filter(({ conferences }) => conferences.size === 1);
    expect([...owner!.media.mixes.values()][0]!.size).toBe(30);
    const sequences = world.events('conference.').map(({ data }) => data['sequence']);
    expect(sequences).toEqual(sequences.map((_, at) => at + 1));
  });

  it('CR-5 the owner dies: its participants elsewhere go on with their documents, and the name is free again', async () => {
    const world = new GroupWorld(['a', 'b']);
    await world.call(JOIN(), 'a');
    const two = await world.call(JOIN('', 'action="/after"'), 'b');
    world.twiml('<Dial><Conference>room</Conference></Dial>', 'http://app.test/after');
    await world.die('a');
    expect(world.requests('http://app.test/after')).toMatchObject([{ CallSid: two, DialCallStatus: 'answered' }]);
    expect(world.node('b').conferences.size).toBe(1);
    // Told once, whether the next one or the sweeper is first.
    const emitted: unknown[] = [];
    await sweepGroups(world.store, { emit: (event) => emitted.push(event) }).sweep('a');
    const lost = world.events('conference.ended').map(({ data }) => [data['reason'], data['conferenceSid']]);
    const [first] = world.events('conference.').map(({ data }) => data['conferenceSid']);
    expect([...lost, ...emitted]).toEqual([['node-lost', first]]);
  });

  it('CR-5 the owner dies and nobody comes: the sweeper tells the end of its conferences, once', async () => {
    const world = new GroupWorld(['a', 'b']);
    await world.call(JOIN(), 'a');
    await world.die('a');
    const told: unknown[] = [];
    const sweep = sweepGroups(world.store, { emit: ({ type, data }) => told.push([type, data]) });
    await Promise.all([sweep.sweep('a'), sweep.sweep('a')]);
    const [first] = world.events('conference.').map(({ data }) => data['conferenceSid']);
    const data = { conferenceSid: first, friendlyName: 'room', reason: 'node-lost' };
    expect([told, world.store.size]).toEqual([[['conference.ended', data]], 0]);
  });

  it('CR-5 a node dies: its participants leave as lost', async () => {
    const world = new GroupWorld(['a', 'b']);
    await world.call(JOIN(), 'a');
    await world.call(JOIN(), 'b');
    await world.die('b');
    expect(words(world).at(-1)).toBe('participant-left 2 participant-lost');
  });

  it('CR-5 an announcement plays to all, and one that fails is told', async () => {
    const world = new GroupWorld();
    await world.call(JOIN('statusCallback="/told" statusCallbackEvent="announcement"'));
    await world.call(JOIN());
    const conferenceSid = String(world.events('conference.')[0]!.data['conferenceSid']);
    const request = { accountSid: `AC${'1'.repeat(32)}`, conferenceSid, do: 'announce', method: 'POST' } as const;
    world.twiml('<Say>closing soon</Say>', 'http://app.test/announce');
    const { conferences, media } = world.node();
    await conferences.request({ ...request, url: 'http://app.test/announce' });
    await conferences.request({ ...request, url: 'http://app.test/missing' });
    await world.settle();
    expect(media.plays.map((play) => play.media.kind)).toEqual(['wav']);
    expect(words(world).slice(3).sort()).toEqual(['announcement-ended', 'announcement-failed']);
    expect(
      world
        .requests('http://app.test/told')
        .map((params) => params['StatusCallbackEvent'])
        .sort(),
    ).toEqual(['announcement-end', 'announcement-fail']);
  });

  it('CR-5 REST ends it after an announcement', async () => {
    const world = new GroupWorld();
    await world.call(JOIN());
    await world.call(JOIN());
    const conferenceSid = String(world.events('conference.')[0]!.data['conferenceSid']);
    world.twiml('<Say>goodbye</Say>', 'http://app.test/bye');
    const { conferences } = world.node();
    const accountSid = `AC${'1'.repeat(32)}`;
    await conferences.request({ accountSid, conferenceSid, do: 'end', announceUrl: 'http://app.test/bye' });
    await world.settle();
    expect(words(world).slice(3)).toEqual([
      'announcement-ended',
      'participant-left 1 conference-ended',
      'participant-left 2 conference-ended',
      'ended conference-ended-via-api',
    ]);
    const gone = await conferences.request({ accountSid, conferenceSid, do: 'read' });
    expect(gone).toEqual({ ok: false, reason: 'no-such-conference' });
  });
});

describe('recordings of conferences', () => {
  const told = 'recordingStatusCallback="/recording" recordingStatusCallbackEvent="in-progress completed"';

  it('CR-5 a conference is recorded from its start to its end, and the callback is told', async () => {
    const world = new GroupWorld();
    const { media } = world.node();
    const one = await world.call(JOIN(`record="record-from-start" eventCallbackUrl="/recorded" ${told}`));
    expect(media.recordings).toEqual([]);
    await world.call(JOIN('record="record-from-start"'));
    expect(media.recordings.map(({ order }) => [order.source, order.options.trim])).toEqual([['Conference', true]]);
    const [{ conferenceSid, stored }] = media.recordings as [(typeof media.recordings)[0]];
    stored({ kind: 'completed', durationMs: 3000, bytes: 48_044 });
    const params = world.requests('http://app.test/recording');
    expect(params.map((each) => each['RecordingStatus'])).toEqual(['in-progress', 'completed']);
    expect(params[1]).toMatchObject({
      ConferenceSid: conferenceSid,
      RecordingSource: 'Conference',
      RecordingDuration: '3',
    });
    expect(world.requests('http://app.test/recorded')).toEqual([
      expect.objectContaining({
        EventName: 'conference-record-end',
        ConferenceSid: conferenceSid,
        RecordingUrl: params[1]?.['RecordingUrl'],
        Duration: '3',
        RecordingFileSize: '48044',
      }),
    ]);
    const events = world.events('recording.');
    expect(events.map(({ type }) => type)).toEqual(['recording.started', 'recording.completed']);
    expect(events[1]!.data).toMatchObject({ conferenceSid, callSid: one, channels: 1 });
  });

  it('CR-5 who asks for it after the start is served at once; REST pauses, resumes and stops it', async () => {
    const world = new GroupWorld();
    const { media, conferences } = world.node();
    await world.call(JOIN());
    await world.call(JOIN());
    expect(media.recordings).toEqual([]);
    await world.call(JOIN('record="record-from-start"'));
    await world.call(JOIN('record="record-from-start"'));
    expect(media.recordings).toHaveLength(1);
    const { conferenceSid } = media.recordings[0]!;
    const request = { accountSid: ACCOUNT, conferenceSid, do: 'recording' } as const;
    for (const change of ['pause-skip', 'resume', 'pause', 'stop'] as const) {
      expect((await conferences.request({ ...request, change })).ok).toBe(true);
    }
    expect(media.changes).toEqual(['pause-skip', 'resume', 'pause', 'stop']);
    media.recordings[0]!.stored({ kind: 'completed', durationMs: 100, bytes: 1644 });
    const late = await conferences.request({ ...request, change: 'stop' });
    expect(late).toEqual({ ok: false, reason: 'no-such-recording' });
  });
});
