import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { endedEventId } from './ended-event.ts';
import { expectGapless } from './testing/gapless.fake.ts';
import { APP_URL, CALL, CallWorld, settle } from './testing/call-world.fake.ts';

const DEMO = '<Dial answerOnBridge="true"><Client>alice</Client></Dial>';

describe('golden event sequences', () => {
  let world: CallWorld;
  beforeEach(() => {
    world = new CallWorld();
  });
  afterEach(() => {
    expect(world.router.activeCalls()).toEqual([]);
    expect(world.clock.pendingTimers).toBe(0);
    expectGapless(world);
  });

  it('EV-1 demo flow: dialled, answered in the browser, merged, the browser hangs up', async () => {
    await world.twiml(DEMO).call();
    const alice = world.party(0);
    expect(world.legs.commands).toEqual(['ring caller', 'place:client:alice party0']);
    world.router.legEvent({ kind: 'leg-ringing', callSid: alice, earlyMedia: false });
    world.router.legEvent({ kind: 'leg-answered', callSid: alice, answeredBy: 'alice' });
    world.clock.advance(61_000);
    world.legs.remoteEnd(alice, 'hangup-callee');
    expect(world.story()).toEqual([
      'caller 0 initiated',
      'caller 1 ringing',
      'caller 2 instructions-requested',
      'caller 3 instructions-received 200 Dial',
      'caller 4 verb-started Dial',
      'caller 5 parked client:alice',
      'party0 0 initiated',
      'party0 1 ringing',
      'party0 2 answered',
      'caller 6 answered',
      'caller 7 merged',
      'party0 3 merged',
      'party0 4 ended completed hangup-callee',
      'caller 8 verb-ended Dial completed',
      'caller 9 ended completed hangup-api',
    ]);
    expect(world.legs.commands).toEqual([
      'ring caller',
      'place:client:alice party0',
      'answer caller',
      'merge caller',
      'end:hangup-api caller',
    ]);
    const { applicationSid } = world.events[0]!.data as { applicationSid?: string };
    expect(applicationSid, 'EV-3 the filter application finds every event of the call').toMatch(/^AP/);
    for (const { type, data } of world.events) expect(data, type).toMatchObject({ applicationSid });
    expect(world.events.at(-1)!.data).toMatchObject({ durationSeconds: 61, from: '+15550177', direction: 'inbound' });
  });

  it('MT-9 the end of a leg has an id of its own, so that whoever takes its node for dead does not tell of it again', async () => {
    await world.twiml(DEMO).call();
    const alice = world.party(0);
    world.legs.remoteEnd(CALL, 'hangup-caller');
    const ends = world.events.filter(({ type }) => type === 'call.ended');
    expect(ends.map(({ subject, id }) => [subject, id])).toEqual([
      [CALL, endedEventId(CALL)],
      [alice, endedEventId(alice)],
    ]);
    expect(world.events.filter(({ id }) => id !== undefined)).toHaveLength(2);
  });

  it('EV-1 the same inputs give the same events, sids included', async () => {
    const run = async (): Promise<unknown> => {
      const other = new CallWorld();
      await other.twiml(DEMO).call();
      other.legs.remoteEnd(CALL, 'hangup-caller');
      return other.events;
    };
    expect(await run()).toEqual(await run());
  });

  it('EV-1 the caller hangs up while it rings', async () => {
    await world.twiml('<Dial answerOnBridge="true" action="/done"><Client>alice</Client></Dial>').call();
    world.legs.remoteEnd(CALL, 'hangup-caller');
    expect(world.story().slice(6)).toEqual([
      'party0 0 initiated',
      'caller 6 verb-ended Dial caller-hung-up',
      'caller 7 ended canceled hangup-caller',
      'party0 1 ended canceled hangup-caller',
    ]);
    expect(world.callbacks[0]).toMatchObject({
      url: 'http://app.test/done',
      params: { DialCallStatus: 'canceled', CallStatus: 'canceled' },
    });
  });

  it('EV-1 the caller hangs up while talking: the party is ended too', async () => {
    await world.twiml(DEMO).call();
    world.router.legEvent({ kind: 'leg-answered', callSid: world.party(0) });
    world.legs.remoteEnd(CALL, 'hangup-caller');
    expect(world.story().slice(-3)).toEqual([
      'caller 8 verb-ended Dial caller-hung-up',
      'caller 9 ended completed hangup-caller',
      'party0 3 ended completed hangup-caller',
    ]);
    expect(world.legs.ends).toEqual([expect.objectContaining({ callSid: world.party(0) })]);
  });

  it('EV-1 Say, Play, Pause, Hangup: answered once, one after another', async () => {
    await world.twiml('<Say>Hello</Say><Play>music.wav</Play><Pause length="2"/><Hangup/>').call();
    await settle();
    world.clock.advance(2000);
    expect(world.story()).toEqual([
      'caller 0 initiated',
      'caller 1 ringing',
      'caller 2 instructions-requested',
      'caller 3 instructions-received 200 Say,Play,Pause,Hangup',
      'caller 4 answered',
      'caller 5 verb-started Say',
      'caller 6 verb-ended Say finished',
      'caller 7 verb-started Play',
      'caller 8 verb-ended Play finished',
      'caller 9 verb-started Pause',
      'caller 10 verb-ended Pause finished',
      'caller 11 verb-started Hangup',
      'caller 12 verb-ended Hangup finished',
      'caller 13 ended completed hangup-api',
    ]);
    expect(world.legs.commands).toEqual([
      'ring caller',
      'answer caller',
      'play:wav caller',
      'play:wav caller',
      'end:hangup-api caller',
    ]);
  });

  it('EV-1 Pause and Reject do not answer', async () => {
    await world.twiml('<Pause length="3"/><Reject reason="busy"/>').call();
    world.clock.advance(3000);
    expect(world.story().slice(4)).toEqual([
      'caller 4 verb-started Pause',
      'caller 5 verb-ended Pause finished',
      'caller 6 verb-started Reject',
      'caller 7 verb-ended Reject busy',
      'caller 8 ended busy busy',
    ]);
    expect(world.legs.commands).not.toContain('answer caller');
  });

  it('EV-1 Redirect goes on with the next document, relative to this one', async () => {
    world.twiml('<Redirect method="GET">next?x=1</Redirect><Say>never</Say>');
    await world.twiml('<Reject/>', 'http://app.test/next?x=1').call();
    await settle();
    expect(world.requests.map(({ url, method }) => `${method} ${url}`)).toEqual([
      `POST ${APP_URL}`,
      'GET http://app.test/next?x=1',
    ]);
    expect(world.story().at(-1)).toBe('caller 10 ended no-answer rejected');
  });

  it('EV-1 an unknown verb and a bad attribute are warned about and the call goes on', async () => {
    await world.twiml('<Pay/><Pause length="soon" colour="red"/><Reject/>').call();
    world.clock.advance(1000);
    expect(world.story().slice(3, 9)).toEqual([
      'caller 3 instructions-received 200 Pause,Reject',
      'caller 4 warning 12200',
      'caller 5 warning 13910',
      'caller 6 warning 12200',
      'caller 7 verb-started Pause',
      'caller 8 verb-ended Pause finished',
    ]);
  });

  it('CR-1 audio is played, then the call ends; plain text is spoken, then the call ends', async () => {
    await world.respond({ contentType: 'audio/wav', body: '' }).call();
    await settle();
    expect(world.story().slice(3)).toContain('caller 3 instructions-received 200 Play,Hangup');
    const second = new CallWorld();
    await second.respond({ contentType: 'text/plain; charset=utf-8', body: 'Good day' }).call();
    await settle();
    expect(second.story()).toContain('caller 3 instructions-received 200 Say,Hangup');
    expect(second.story().at(-1)).toBe('caller 9 ended completed hangup-api');
  });
});

describe('prompts that fail', () => {
  it('warn, and the call goes on with the next verb', async () => {
    const world = new CallWorld();
    world.prompt = { ok: false, code: 13_520, message: 'no speech engine: install espeak-ng' };
    await world.twiml('<Say>Hello</Say><Hangup/>').call();
    await settle();
    expect(world.story().slice(5)).toEqual([
      'caller 5 verb-started Say',
      'caller 6 warning 13520',
      'caller 7 verb-ended Say failed',
      'caller 8 verb-started Hangup',
      'caller 9 verb-ended Hangup finished',
      'caller 10 ended completed hangup-api',
    ]);
    expect(world.logs.some(({ level, message }) => level === 'warn' && message.includes('espeak-ng'))).toBe(true);
  });
});
