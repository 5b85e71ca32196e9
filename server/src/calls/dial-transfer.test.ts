import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LegEvent, ReferTarget } from './ports.ts';
import { expectGapless } from './testing/gapless.fake.ts';
import { CALL, CallWorld, refused, settle } from './testing/call-world.fake.ts';

const DONE = 'http://app.test/done';
const REFER = 'http://app.test/refer';
const NUMBER: ReferTarget = { uri: 'sip:+15550142@pbx.test', way: { kind: 'number', number: '+15550142' } };
const PHONE: ReferTarget = { uri: 'sip:bob@pbx.test', way: { kind: 'sip', uri: 'sip:bob@pbx.test' } };
const OTHER_CALL: ReferTarget = { uri: 'sip:us', way: { kind: 'leg', callSid: 'CA9', to: 'sip:carol@pbx.test' } };
const OUTSIDE: ReferTarget = {
  uri: 'sip:x@elsewhere.test',
  way: { kind: 'outside', sipStatus: 403, problem: 'transfers to elsewhere.test are left to the application' },
};

describe('transfers that a party of a Dial asks for', () => {
  let world: CallWorld;
  beforeEach(() => {
    world = new CallWorld();
    world.twiml('<Hangup/>', DONE);
  });
  afterEach(() => {
    expect(world.router.activeCalls()).toEqual([]);
    expect(world.clock.pendingTimers).toBe(0);
    expectGapless(world);
  });

  const talking = async (attributes = ''): Promise<void> => {
    await world
      .twiml(`<Dial action="/done" answerOnBridge="true" ${attributes}><Client>a</Client></Dial><Say>after</Say>`)
      .call();
    world.router.legEvent({ kind: 'leg-answered', callSid: world.party(0) });
  };
  const ask = (by: string, target: ReferTarget = NUMBER, trusted = true): void => {
    world.router.legEvent({ kind: 'refer-requested', callSid: by, referId: 'r', target, trusted });
  };
  const leg = (n: number, event: { kind: 'leg-answered' } | { kind: 'leg-ringing'; earlyMedia: boolean }): void => {
    world.router.legEvent({ ...event, callSid: world.party(n) });
  };
  const unmerged = (a: string, b: string): void => {
    world.router.legEvent({ kind: 'unmerged', callSid: a, peerCallSid: b });
  };
  const transfers = (): unknown[] =>
    world.events
      .filter(({ type }) => type.startsWith('call.transfer'))
      .map(({ type, subject, data }) => {
        const { kind = '', newCallSid, sipStatus } = data as Record<string, string | undefined>;
        const to = newCallSid === undefined ? (sipStatus ?? '') : world.name(newCallSid);
        return `${world.name(String(subject))} ${type.replace('call.', '')} ${kind} ${to}`.trim();
      });
  const commandsAfter = (mark: string): string[] => world.legs.commands.slice(world.legs.commands.indexOf(mark));

  it('the dialled party hands the caller on: 202, 180, 200, its leg ends, the Dial goes on with the new one', async () => {
    await talking();
    ask(world.party(0));
    expect(world.legs.placed[1]).toMatchObject({
      target: { kind: 'number', number: '+15550142' },
      from: '+15550177',
      timeoutMs: 30_000,
    });
    leg(1, { kind: 'leg-ringing', earlyMedia: false });
    leg(1, { kind: 'leg-answered' });
    unmerged(CALL, world.party(0));
    expect(world.legs.refers).toEqual(['202', 'progress 180', 'progress 200']);
    expect(commandsAfter('place:+15550142 party1')).toEqual([
      'place:+15550142 party1',
      'merge caller',
      'end:hangup-callee party0',
    ]);
    expect(transfers()).toEqual(['party0 transfer-requested blind', 'party0 transferred blind party1']);
    world.legs.remoteEnd(world.party(1), 'hangup-callee');
    await settle();
    expect(world.lastParams()).toMatchObject({ DialCallStatus: 'completed', DialCallSid: world.party(1) });
  });

  it('the caller hands the dialled party on: the call goes over to it, and its own document is over', async () => {
    await talking();
    ask(CALL, PHONE);
    expect(world.legs.placed[1]).toMatchObject({ target: { kind: 'sip', uri: PHONE.uri }, from: 'client:a' });
    leg(1, { kind: 'leg-answered' });
    expect(world.legs.refers).toEqual(['202', 'progress 200']);
    expect(commandsAfter('lead party0')).toEqual([
      'lead party0',
      'place:sip:bob@pbx.test party1',
      'lead party0',
      'merge party0',
      'end:hangup-callee caller',
    ]);
    expect(world.callbacks.at(-1)).toMatchObject({ url: DONE, params: { CallSid: CALL, DialCallStatus: 'completed' } });
    expect(world.router.activeCalls()).toMatchObject([{ callSid: world.party(0), legs: 2 }]);
    world.legs.remoteEnd(world.party(1), 'hangup-callee');
    await settle();
    expect(world.requests).toHaveLength(1);
    expect(world.legs.commands.at(-1)).toBe('end:hangup-api party0');
  });

  it('CR-5 transfers one after another: each target is a leg of its own, with a sid that no leg before it had', async () => {
    await talking();
    ask(CALL);
    leg(1, { kind: 'leg-answered' });
    unmerged(CALL, world.party(0));
    for (const by of [1, 2, 3]) {
      ask(world.party(by));
      leg(by + 1, { kind: 'leg-answered' });
      unmerged(world.party(0), world.party(by));
    }
    const sids = world.legs.placed.map(({ callSid }) => callSid);
    expect(sids).toHaveLength(5);
    expect(new Set(sids).size).toBe(5);
    expect(transfers().filter((line) => String(line).includes('transferred'))).toEqual([
      'caller transferred blind party1',
      'party1 transferred blind party2',
      'party2 transferred blind party3',
      'party3 transferred blind party4',
    ]);
    world.legs.remoteEnd(world.party(4), 'hangup-callee');
    world.legs.remoteEnd(world.party(0), 'hangup-callee');
    await settle();
  });

  it('a transferor that hangs up at once: the other party hears ringing and gets the target', async () => {
    await talking();
    ask(world.party(0));
    world.legs.remoteEnd(world.party(0), 'hangup-callee');
    expect(world.legs.commands.at(-1)).toBe('play:ringback caller');
    leg(1, { kind: 'leg-answered' });
    expect(world.legs.commands.slice(-2)).toEqual(['stop-play caller', 'merge caller']);
    expect(transfers()).toEqual(['party0 transfer-requested blind', 'caller transferred blind party1']);
    world.legs.remoteEnd(CALL, 'hangup-caller');
  });

  it('a caller that transfers and hangs up at once leaves its party behind', async () => {
    await talking();
    ask(CALL);
    world.legs.remoteEnd(CALL, 'hangup-caller');
    expect(
      world
        .story()
        .filter((line) => line.startsWith('caller'))
        .slice(-2),
    ).toEqual(['caller 9 verb-ended Dial transferred', 'caller 10 ended completed hangup-caller']);
    expect(world.legs.commands.slice(-2)).toEqual(['lead party0', 'play:ringback party0']);
    leg(1, { kind: 'leg-answered' });
    expect(world.legs.commands.at(-1)).toBe('merge party0');
    world.legs.remoteEnd(world.party(0), 'hangup-callee');
    expect(world.legs.commands.at(-1)).toBe('end:hangup-caller party1');
  });

  it.each([
    ['busy', 486, 'busy', undefined],
    ['declined', 603, 'rejected', 603],
    ['no answer', 480, 'no-answer', undefined],
  ] as const)('%s: the transferor is told, and the call goes on as it was', async (_what, told, cause, sipStatus) => {
    await talking();
    for (const by of [world.party(0), CALL]) {
      ask(by);
      world.legs.remoteEnd(world.legs.placed.at(-1)!.callSid, cause, sipStatus);
    }
    expect(world.legs.refers).toEqual(['202', `progress ${told}`, '202', `progress ${told}`]);
    expect(world.legs.commands.filter((command) => command.startsWith('lead'))).toEqual(['lead party0', 'lead caller']);
    expect(world.legs.ends).toEqual([]);
    expect(transfers()).toEqual([
      'party0 transfer-requested blind',
      `party0 transfer-failed blind ${told}`,
      'caller transfer-requested blind',
      `caller transfer-failed blind ${told}`,
    ]);
    world.legs.remoteEnd(world.party(0), 'hangup-callee');
    await settle();
    expect(world.lastParams()).toMatchObject({ CallSid: CALL, DialCallStatus: 'completed' });
  });

  it('a target that never reports back is given up', async () => {
    await talking('timeout="10"');
    ask(world.party(0));
    world.clock.advance(15_000);
    expect(world.legs.commands.at(-1)).toBe('end:no-answer party1');
    expect(world.legs.refers).toEqual(['202', 'progress 480']);
    world.legs.remoteEnd(CALL, 'hangup-caller');
  });

  it.each<[string, ReferTarget, boolean, number]>([
    ['a party that may not', NUMBER, false, 403],
    ['a target out of reach', OUTSIDE, true, 403],
    ['a number that is none', { uri: 'sip:*', way: { kind: 'number', number: '*' } }, true, 404],
  ])('refused: %s', async (_what, target, trusted, status) => {
    await talking();
    ask(world.party(0), target, trusted);
    expect(world.legs.refers).toEqual([`refused ${status}`]);
    expect(transfers().at(-1)).toBe(`party0 transfer-failed blind ${status}`);
    expect(world.legs.placed).toHaveLength(1);
    world.legs.remoteEnd(CALL, 'hangup-caller');
  });

  it('refused: a second transfer at the same time, and one of a party that is alone', async () => {
    await world.twiml('<Dial><Client>a</Client></Dial>').call();
    ask(CALL);
    world.router.legEvent({ kind: 'leg-answered', callSid: world.party(0) });
    ask(world.party(0));
    ask(CALL);
    expect(world.legs.refers).toEqual(['refused 603', '202', 'refused 491']);
    world.legs.remoteEnd(CALL, 'hangup-caller');
    expect(world.legs.refers.at(-1)).toBe('progress 487');
  });

  it('refused: outside of a Dial nobody can be handed on', async () => {
    await world.twiml('<Pause length="10"/>').call();
    ask(CALL);
    expect(world.legs.refers).toEqual(['refused 603']);
    world.legs.remoteEnd(CALL, 'hangup-caller');
  });

  it('attended: the party gets the call that the transferor has already', async () => {
    await talking('referUrl="/refer"');
    ask(world.party(0), OTHER_CALL, false);
    expect(world.legs.placed[1]).toMatchObject({
      target: { kind: 'leg', callSid: 'CA9' },
      from: '+15550177',
      to: 'sip:carol@pbx.test',
    });
    leg(1, { kind: 'leg-answered' });
    expect(transfers()).toEqual(['party0 transfer-requested attended', 'party0 transferred attended party1']);
    world.legs.remoteEnd(CALL, 'hangup-caller');
  });

  describe('referUrl', () => {
    it('is asked with ReferTransferTarget, and its document goes on with the caller', async () => {
      world.twiml('<Say>one moment</Say><Dial><Number>+15550143</Number></Dial>', REFER);
      await talking('referUrl="/refer" referMethod="GET"');
      ask(world.party(0), OUTSIDE, false);
      expect(world.legs.refers).toEqual(['202']);
      await settle();
      expect(world.requests.at(-1)).toMatchObject({ url: REFER, method: 'GET' });
      expect(world.lastParams()).toMatchObject({ CallSid: CALL, ReferTransferTarget: OUTSIDE.uri });
      expect(world.legs.refers).toEqual(['202', 'progress 200']);
      expect(world.legs.commands).toContain('end:hangup-callee party0');
      expect(world.events.findLast(({ type }) => type === 'call.instructions-received')).toMatchObject({
        subject: CALL,
        data: { url: REFER, method: 'GET', verbs: ['Say', 'Dial'] },
      });
      expect(world.story().some((line) => line.endsWith('verb-ended Dial transferred'))).toBe(true);
      expect(world.legs.placed.at(-1)!.to).toBe('+15550143');
      world.legs.remoteEnd(CALL, 'hangup-caller');
    });

    it('runs for the dialled party when the caller transfers it', async () => {
      world.twiml('<Say>one moment</Say>', REFER);
      await talking('referUrl="/refer"');
      world.autoPlay = false;
      ask(CALL, NUMBER, false);
      await settle();
      expect(world.lastParams()).toMatchObject({
        CallSid: world.party(0),
        ParentCallSid: CALL,
        ReferTransferTarget: NUMBER.uri,
      });
      expect(world.lastParams()).not.toHaveProperty('SipCallId');
      expect(world.legs.commands.slice(-3)).toEqual(['lead party0', 'end:hangup-callee caller', 'play:wav party0']);
      world.legs.remoteEnd(world.party(0), 'hangup-callee');
    });

    it.each([false, true])('no answer: the call goes on as it was; hung up meanwhile: %s', async (gone) => {
      world.respond(refused(REFER), REFER);
      await talking('referUrl="/refer"');
      ask(CALL, NUMBER, false);
      if (gone) world.legs.remoteEnd(CALL, 'hangup-caller');
      await settle();
      expect(world.legs.refers).toEqual(['202', 'progress 503']);
      expect(world.events.find(({ type }) => type === 'call.instructions-failed')).toMatchObject({
        subject: world.party(0),
        data: { url: REFER, method: 'POST' },
      });
      if (gone) expect(world.legs.commands.at(-1)).toBe('end:hangup-api party0');
      else {
        expect(world.legs.commands.at(-1)).toBe('lead caller');
        world.legs.remoteEnd(CALL, 'hangup-caller');
      }
    });

    it('is given up when the call ends', async () => {
      world.respond('hang', REFER);
      await talking('referUrl="/refer"');
      ask(world.party(0), NUMBER, false);
      world.legs.remoteEnd(CALL, 'hangup-caller');
      expect(world.aborted).toBe(1);
      expect(world.legs.refers).toEqual(['202', 'progress 487']);
    });
  });
});

describe('Refer', () => {
  let world: CallWorld;
  beforeEach(() => {
    world = new CallWorld();
    world.twiml('<Hangup/>', DONE);
  });
  afterEach(() => {
    expect(world.router.activeCalls()).toEqual([]);
    expect(world.clock.pendingTimers).toBe(0);
    expectGapless(world);
  });
  const REFERRED = '<Refer action="/done"><Sip>sip:desk@pbx.test</Sip></Refer><Say>still here</Say>';

  it.each<[Extract<LegEvent, { kind: 'referred' }>['outcome'], Record<string, string>, string]>([
    [
      { kind: 'done', sipStatus: 200 },
      { ReferCallStatus: 'completed', ReferSipResponseCode: '202', NotifySipResponseCode: '200' },
      'transferred',
    ],
    [
      { kind: 'done', sipStatus: 486 },
      { ReferCallStatus: 'failed', ReferSipResponseCode: '202', NotifySipResponseCode: '486' },
      'failed',
    ],
    [
      { kind: 'refused', sipStatus: 405, message: 'Method Not Allowed' },
      { ReferCallStatus: 'failed', ReferSipResponseCode: '405' },
      'failed',
    ],
    [{ kind: 'unknown' }, { ReferCallStatus: 'in-progress', ReferSipResponseCode: '202' }, 'failed'],
  ])('asks the peer, and the action URL is told: %j', async (outcome, params, ended) => {
    await world.twiml(REFERRED).call();
    expect(world.legs.commands).toEqual(['ring caller', 'answer caller', 'refer:sip:desk@pbx.test caller']);
    world.router.legEvent({ kind: 'referred', callSid: CALL, outcome });
    await settle();
    expect(world.lastParams()).toMatchObject(params);
    expect(world.story().some((line) => line.endsWith(`verb-ended Refer ${ended}`))).toBe(true);
    expect(world.events.filter(({ type }) => type.startsWith('call.transfer')).map(({ type }) => type)).toEqual([
      'call.transfer-requested',
      ended === 'transferred' ? 'call.transferred' : 'call.transfer-failed',
    ]);
  });

  it('a peer that says nothing is waited for two minutes; without action the next verb runs', async () => {
    await world.twiml('<Refer><Sip>sip:desk@pbx.test</Sip></Refer><Say>still here</Say>').call();
    world.clock.advance(120_000);
    await settle();
    expect(world.legs.commands).toContain('play:wav caller');
  });

  it('a peer that hangs up ends the call; the action URL is told', async () => {
    await world.twiml(REFERRED).call();
    world.legs.remoteEnd(CALL, 'hangup-caller');
    expect(world.callbacks.at(-1)).toMatchObject({ url: DONE, params: { ReferCallStatus: 'in-progress' } });
  });

  it('without a SIP URI it is skipped with a warning', async () => {
    await world.twiml('<Refer><Sip>nobody</Sip></Refer><Hangup/>').call();
    expect(world.story().filter((line) => line.includes('warning'))).toEqual(['caller 4 warning 12200']);
  });
});
