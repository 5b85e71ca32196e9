import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Directory } from '../tenants/ports.ts';
import { admit } from './admission.ts';
import { callDirectory } from './tenant-directory.ts';
import { expectGapless } from './testing/gapless.fake.ts';
import { ACCOUNT, APPLICATION, APP_URL, CALL, CallWorld, TRUNK, refused, settle } from './testing/call-world.fake.ts';

const DEMO = '<Dial answerOnBridge="true"><Client>alice</Client></Dial>';

describe('calls under faults', () => {
  let world: CallWorld;
  beforeEach(() => {
    world = new CallWorld();
  });
  afterEach(() => {
    expect(world.router.activeCalls()).toEqual([]);
    expect(world.clock.pendingTimers).toBe(0);
    expectGapless(world);
  });

  it('CR-3 application server down: a spoken reason, an event with a hint, and an error line that says what to mend', async () => {
    await world.respond(refused(APP_URL)).call();
    await settle();
    expect(world.story().slice(3)).toEqual([
      'caller 3 instructions-failed 11205',
      'caller 4 answered',
      'caller 5 ended completed application-error',
    ]);
    expect(world.events[3]!.data).toMatchObject({ url: APP_URL, hint: 'Start the application server.' });
    expect(world.legs.commands).toEqual([
      'ring caller',
      'answer caller',
      'play:wav caller',
      'end:application-error caller',
    ]);
    const [line] = world.logs.filter(({ level }) => level === 'error');
    expect(line!.message).toContain(APP_URL);
    expect(line!.message).toContain('Start the application server.');
  });

  it('CR-3 application server down and no speech: busy, not answered for silence', async () => {
    world.prompt = { ok: false, code: 1, message: 'no speech engine' };
    await world.respond(refused(APP_URL)).call();
    await settle();
    expect(world.legs.ends).toEqual([
      { callSid: CALL, request: expect.objectContaining({ cause: 'application-error', sipStatus: 486 }) as object },
    ]);
    expect(world.story().at(-1)).toBe('caller 4 ended failed application-error');
  });

  it('CR-3 the fallback URL is asked with ErrorCode and ErrorUrl, once', async () => {
    world.application = { ...world.application!, fallback: { url: 'http://app.test/fallback', method: 'GET' } };
    await world
      .respond({ contentType: 'text/xml', body: '<Response><Dial>' })
      .twiml('<Reject/>', 'http://app.test/fallback')
      .call();
    await settle();
    expect(world.requests[1]).toMatchObject({ url: 'http://app.test/fallback', method: 'GET' });
    expect(world.requests[1]!.params).toMatchObject({ ErrorCode: '12100', ErrorUrl: APP_URL });
    expect(world.story().at(-1)).toBe('caller 8 ended no-answer rejected');
  });

  it('CR-3 the fallback URL fails as well: the reason is spoken', async () => {
    world.application = { ...world.application!, fallback: { url: 'http://app.test/fallback', method: 'GET' } };
    await world.respond(refused(APP_URL)).call();
    await settle();
    expect(world.requests).toHaveLength(2);
    expect(world.story().filter((line) => line.includes('instructions-failed'))).toHaveLength(2);
    expect(world.legs.commands).toContain('play:wav caller');
  });

  it.each([
    ['<Response><Say>unclosed</Response>', 'text/xml', 12_100],
    ['<!DOCTYPE Response [<!ENTITY x "y">]><Response>&x;</Response>', 'text/xml', 12_100],
    ['<html><body>404</body></html>', 'text/html', 12_100],
    [`<Response>${'<Say>x</Say>'.repeat(6000)}</Response>`, 'text/xml', 11_750],
    [`<Response>${'<a>'.repeat(40)}${'</a>'.repeat(40)}</Response>`, 'text/xml', 12_100],
    ['{"verb":"say"}', 'application/json', 12_100],
    ['%PDF-1.7', 'application/pdf', 12_300],
  ])('CR-3 a document that cannot be used: %.40s', async (body, contentType, code) => {
    await world.respond({ body, contentType }).call();
    await settle();
    expect(world.events.find(({ type }) => type === 'call.instructions-failed')!.data).toMatchObject({ code });
    expect(world.story().at(-1)).toContain('application-error');
  });

  it('CR-1 documents that lead to each other for ever end the call', async () => {
    await world.twiml('<Redirect/>').call();
    for (let i = 0; i < 40; i++) await settle();
    expect(world.requests).toHaveLength(31);
    expect(world.events.find(({ type }) => type === 'call.instructions-failed')!.data).toMatchObject({ code: 11_215 });
  });

  it('the caller hangs up while the application is asked: the request is given up', async () => {
    await world.respond('hang').call();
    world.legs.remoteEnd(CALL, 'hangup-caller');
    expect(world.aborted).toBe(1);
    expect(world.story().at(-1)).toBe('caller 3 ended canceled hangup-caller');
  });

  it.each([
    ['the caller first', true],
    ['the party first', false],
  ])(
    'BR-9 the media worker of a call in progress dies: a definite end for every leg (%s)',
    async (_name, callerFirst) => {
      await world.twiml('<Dial answerOnBridge="true"><Client>alice</Client></Dial><Say>never</Say>').call();
      world.router.legEvent({ kind: 'leg-answered', callSid: world.party(0) });
      const legs = [CALL, world.party(0)];
      for (const leg of callerFirst ? legs : legs.reverse()) world.legs.remoteEnd(leg, 'media-worker-died');
      expect(world.story()).toContain('caller 8 verb-ended Dial failed');
      expect(new Set(world.story().filter((line) => line.includes(' ended ')))).toEqual(
        new Set(['party0 3 ended failed media-worker-died', 'caller 9 ended failed media-worker-died']),
      );
    },
  );

  it('a bridge that never reports the end of a leg leaves no call behind', async () => {
    world.legs.silentEnds = true;
    await world.twiml('<Reject/>').call();
    expect(world.router.activeCalls()).toHaveLength(1);
    world.clock.advance(40_000);
    expect(world.story().at(-1)).toBe('caller 6 ended failed internal-error');
  });

  it('a fault inside a call ends that call and no other', async () => {
    world.twiml('<Pause length="60"/>');
    await world.call();
    const other = `CA${'5'.repeat(32)}`;
    await world.call({ callSid: other });
    world.legs.sendDigits = () => {
      throw new Error('a bug');
    };
    world.router.update(other, { kind: 'twiml', document: '<Response><Play digits="1"/></Response>' });
    expect(world.events.find(({ type, subject }) => type === 'call.ended' && subject === other)!.data).toMatchObject({
      cause: 'internal-error',
      status: 'failed',
    });
    expect(world.router.activeCalls().map(({ callSid }) => callSid)).toEqual([CALL]);
    world.legs.remoteEnd(CALL, 'hangup-caller');
  });
});

describe('live updates', () => {
  let world: CallWorld;
  beforeEach(() => {
    world = new CallWorld();
  });
  afterEach(() => {
    expect(world.router.activeCalls()).toEqual([]);
    expect(world.clock.pendingTimers).toBe(0);
    expectGapless(world);
  });

  it('CR-4 a URL interrupts the verb in progress and its document runs', async () => {
    world.autoPlay = false;
    await world.twiml('<Say loop="0">wait</Say>').twiml('<Hangup/>', 'http://app.test/other').call();
    expect(world.router.update(CALL, { kind: 'redirect', url: 'http://app.test/other', method: 'POST' })).toBe(
      'accepted',
    );
    await settle();
    expect(world.legs.commands).toContain('stop-play caller');
    expect(world.story().slice(6)).toEqual([
      'caller 6 verb-ended Say interrupted',
      'caller 7 instructions-requested',
      'caller 8 instructions-received 200 Hangup',
      'caller 9 verb-started Hangup',
      'caller 10 verb-ended Hangup finished',
      'caller 11 ended completed hangup-api',
    ]);
  });

  it('CR-4 a document in place of a Dial ends the dialled party', async () => {
    await world.twiml(DEMO).call();
    world.router.legEvent({ kind: 'leg-answered', callSid: world.party(0) });
    world.router.update(CALL, { kind: 'twiml', document: '<Response><Pause length="1"/></Response>' });
    expect(world.legs.ends[0]).toMatchObject({ callSid: world.party(0) });
    world.clock.advance(1000);
    expect(world.story().at(-1)).toContain('caller 11 ended completed hangup-api');
  });

  it('CR-4 completed ends the call, a dialled leg can be ended alone', async () => {
    await world.twiml(DEMO).call();
    const request = { cause: 'hangup-api' as const, message: 'ended by REST' };
    expect(world.router.update(world.party(0), { kind: 'redirect', url: APP_URL, method: 'GET' })).toBe(
      'not-supported',
    );
    expect(world.router.update('CA0', { kind: 'end', request })).toBe('unknown-call');
    expect(world.router.update(CALL, { kind: 'end', request })).toBe('accepted');
    expect(world.story().slice(-3)).toEqual([
      'caller 6 verb-ended Dial interrupted',
      'party0 1 ended canceled hangup-api',
      'caller 7 ended canceled hangup-api',
    ]);
  });

  it('drain takes no new calls, ends the ones left at the deadline, and resolves', async () => {
    await world.twiml('<Pause length="600"/>').call();
    const drained = world.router.drain(5000);
    const facts = { sourceIp: '192.0.2.1', calledUser: '+15550100', candidates: [] };
    expect(world.router.admitSip(facts)).toMatchObject({ admitted: false, kind: 'shutting-down' });
    await world.call({ callSid: `CA${'6'.repeat(32)}` });
    expect(world.legs.ends[0]!.request).toMatchObject({ cause: 'shutdown', sipStatus: 503 });
    world.clock.advance(5000);
    await drained;
    expect(world.story().at(-1)).toBe('caller 6 ended failed shutdown');
  });
});

describe('placed calls', () => {
  it('MT-5 tell what they took when they are over: how long, and all their legs together', async () => {
    const world = new CallWorld();
    world.twiml('<Dial><Number>+15550199</Number></Dial>');
    const uses: { readonly seconds: number; readonly legSeconds: number }[] = [];
    const sid = world.router.placeCall({
      accountSid: ACCOUNT,
      from: '+15550100',
      to: '+15550123',
      target: { kind: 'number', number: '+15550123', sendDigits: undefined },
      application: world.application!,
      timeoutMs: 60_000,
      onOver: (use) => uses.push(use),
    })!;
    world.clock.advance(5000);
    world.router.legEvent({ kind: 'leg-answered', callSid: sid });
    await settle();
    const dialled = world.legs.placed[1]!.callSid;
    world.router.legEvent({ kind: 'leg-answered', callSid: dialled });
    world.clock.advance(20_000);
    world.legs.remoteEnd(dialled, 'hangup-callee');
    world.clock.advance(1000);
    await settle();
    world.legs.remoteEnd(sid, 'hangup-callee');
    expect(uses.map(({ seconds, legSeconds }) => [seconds, legSeconds].map(Math.round))).toEqual([[25, 45]]);
  });

  it('CR-4 run their instructions when answered', async () => {
    const world = new CallWorld();
    world.twiml('<Hangup/>');
    const sid = world.router.placeCall({
      accountSid: ACCOUNT,
      from: '+15550100',
      to: '+15550123',
      target: { kind: 'number', number: '+15550123', sendDigits: undefined },
      application: world.application!,
      timeoutMs: 60_000,
    })!;
    expect(world.legs.placed[0]).toMatchObject({ callSid: sid, parentCallSid: sid });
    world.router.legEvent({ kind: 'leg-ringing', callSid: sid, earlyMedia: true });
    expect(world.requests).toEqual([]);
    world.router.legEvent({ kind: 'leg-answered', callSid: sid });
    await settle();
    expect(world.requests[0]!.params).toMatchObject({ Direction: 'outbound-api', CallStatus: 'in-progress' });
    expect(world.story().map((line) => line.replace('party0 ', ''))).toEqual([
      '0 initiated',
      '1 ringing',
      '2 early-media',
      '3 answered',
      '4 instructions-requested',
      '5 instructions-received 200 Hangup',
      '6 verb-started Hangup',
      '7 verb-ended Hangup finished',
      '8 ended completed hangup-api',
    ]);
    expect(world.router.activeCalls()).toEqual([]);
  });
});

describe('admission of SIP calls', () => {
  const world = new CallWorld();
  const from = '+15550177';
  const ask = (to: string, accounts = [ACCOUNT], calledUser = to) =>
    world.router.admitSip({
      sourceIp: '192.0.2.1',
      calledUser,
      candidates: accounts.map((accountSid) => ({ trunkSid: TRUNK, accountSid, shared: false, from, to })),
    });

  it.each([
    [
      '+15559999',
      'number-unknown',
      'number +15559999 (sent as 5559999) belongs to no account of the trunk at 192.0.2.1',
    ],
    ['+15550101', 'number-without-application', 'number +15550101 has no application'],
  ])('to %s is refused as %s, with the account that it concerns', (to, kind, problem) => {
    const admission = ask(to, [ACCOUNT], to.slice(2));
    expect(admission).toMatchObject({ admitted: false, kind, accountSid: ACCOUNT, trunkSid: TRUNK, from, to });
    expect(admission).toHaveProperty('problem', expect.stringContaining(problem));
  });

  it('MT-6 by a trunk that is shared it is a call to an account below the trunk’s', () => {
    const directory = (below: string): Directory =>
      ({
        accountBySid: (sid: string) => ({ sid, status: 'active', ownerSid: sid === below ? ACCOUNT : undefined }),
        numberByE164: () => ({ accountSid: below, applicationSid: APPLICATION }),
        application: () => ({ accountSid: below, voiceUrl: 'http://127.0.0.1/', voiceMethod: 'POST' }),
      }) as unknown as Directory;
    const below = `AC${'3'.repeat(32)}`;
    const asked = (shared: boolean) =>
      admit(callDirectory(directory(below)), {
        ...{ sourceIp: '192.0.2.1', calledUser: '+15550100' },
        candidates: [{ trunkSid: TRUNK, accountSid: ACCOUNT, shared, from, to: '+15550100' }],
      });
    expect(asked(true)).toMatchObject({ admitted: true, accountSid: below, trunkSid: TRUNK });
    expect(asked(false)).toMatchObject({ admitted: false, kind: 'number-unknown' });
  });

  it('an unknown number of a source that accounts share concerns none of them', () => {
    expect(ask('+15559999', [ACCOUNT, `AC${'2'.repeat(32)}`])).not.toHaveProperty('accountSid');
  });

  it('a number without its application, and one of an account that is not active', () => {
    const { application } = world;
    world.application = undefined;
    expect(ask('+15550100')).toMatchObject({ admitted: false, kind: 'application-missing' });
    world.application = application;
    expect(ask('+15550100')).toEqual({
      admitted: true,
      accountSid: ACCOUNT,
      applicationSid: APPLICATION,
      trunkSid: TRUNK,
      from,
      to: '+15550100',
    });
    world.active = false;
    expect(ask('+15550100')).toMatchObject({ admitted: false, kind: 'account-inactive' });
  });
});
