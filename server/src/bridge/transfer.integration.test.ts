import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { NO_RESIDUE, TransferWorld } from './testing/transfer-world.ts';
import type { Party, PartyCall } from './testing/transfer-world.ts';

const US = '+15550100';
const [ANNA, BERT, CARL] = [440, 700, 1200];

/** Anna calls and gets Bert, one of them transfers to Carl: everything real but the application. */
describe('three parties', () => {
  let world: TransferWorld;
  let [anna, bert, carl]: Party[] = [];

  beforeAll(async () => {
    world = await TransferWorld.open();
    anna = await world.party({ transfers: 'allow' });
    bert = await world.party({ transfers: 'allow' });
    carl = await world.party();
  });
  afterAll(async () => {
    await world.close();
  });
  afterEach(async () => {
    for (const party of people()) {
      party.answers = 200;
      for (const call of party.calls.splice(0)) {
        call.control.bye();
        await call.close();
      }
    }
    await expect.poll(() => world.residue, { timeout: 10_000 }).toEqual(NO_RESIDUE);
    world.bus.emitted.length = 0;
    world.requests.length = 0;
  });

  const people = (): Party[] => [anna, bert, carl].filter((party) => party !== undefined);
  const three = (): [Party, Party, Party] => people() as [Party, Party, Party];
  const urlOf = (party: Party): string => `sip:${party.number}@127.0.0.1:${String(world.port)}`;

  /** Anna has called and talks with Bert. */
  async function talking(attributes = ''): Promise<{ caller: PartyCall; dialled: PartyCall }> {
    const [a, b] = three();
    world.documents.set(US, `<Dial answerOnBridge="true" ${attributes}><Number>${b.number}</Number></Dial>`);
    const caller = await a.dial(US);
    const dialled = b.call;
    caller.say(ANNA);
    dialled.say(BERT);
    await world.until(() => world.bus.of('call.merged').length === 2);
    await Promise.all([caller.hears(BERT), dialled.hears(ANNA)]);
    return { caller, dialled };
  }

  it('RFC 3515: the dialled party transfers the caller; it is told 200 and ended, the two others talk', async () => {
    const [, , c] = three();
    const { caller, dialled } = await talking();
    const progress: number[] = [];
    const result = await dialled.control.refer(urlOf(c), {
      onProgress: ({ status }) => progress.push(status),
    });
    expect(result).toMatchObject({ kind: 'done', status: 200 });
    expect(progress).toEqual([100, 180]);
    await world.until(() => dialled.end !== undefined);
    expect(dialled.end).toMatchObject({ by: 'remote', cause: 'bye' });
    c.call.say(CARL);
    await Promise.all([caller.hears(CARL), c.call.hears(ANNA)]);
    expect(world.transfers()).toEqual(['transfer-requested blind', 'transferred blind']);
  });

  it('the caller transfers the dialled party: the call goes over to it, with its instructions at an end', async () => {
    const [, , c] = three();
    const { caller, dialled } = await talking('action="/done"');
    const result = await caller.control.refer(urlOf(c));
    expect(result).toMatchObject({ kind: 'done', status: 200 });
    await world.until(() => caller.end !== undefined);
    c.call.say(CARL);
    await Promise.all([dialled.hears(CARL), c.call.hears(BERT)]);
    expect(world.router.activeCalls()).toMatchObject([{ to: bert?.number, legs: 2 }]);
    c.call.control.bye();
    await world.until(() => dialled.end !== undefined);
  });

  it('a transferor that hangs up after the 202 leaves the others to each other', async () => {
    const [, , c] = three();
    const { caller, dialled } = await talking();
    const accepted = Promise.withResolvers<void>();
    const result = dialled.control.refer(urlOf(c), {
      onProgress: () => {
        accepted.resolve();
      },
    });
    await accepted.promise;
    dialled.control.bye();
    // RFC 5057: the subscription outlives the BYE.
    expect(await result).toMatchObject({ kind: 'done', status: 200 });
    c.call.say(CARL);
    await Promise.all([caller.hears(CARL), c.call.hears(ANNA)]);
  });

  it.each([486, 603])('a target that answers %i: the transferor is told, and talks on', async (status) => {
    const [, , c] = three();
    c.answers = status;
    const { caller, dialled } = await talking();
    expect(await dialled.control.refer(urlOf(c))).toMatchObject({ kind: 'done', status });
    const heard = caller.rtp.packets.length;
    await caller.rtp.until(() => caller.rtp.packets.length > heard + 30);
    await Promise.all([caller.hears(BERT), dialled.hears(ANNA)]);
    expect(world.transfers()).toEqual(['transfer-requested blind', `transfer-failed blind ${String(status)}`]);
  });

  it.each(['caller', 'dialled'] as const)('the other one hangs up while the target rings: of the %s', async (whose) => {
    const [, , c] = three();
    c.answers = 180;
    const calls = await talking();
    const [by, other] = whose === 'caller' ? [calls.caller, calls.dialled] : [calls.dialled, calls.caller];
    const ringing = Promise.withResolvers<void>();
    const result = by.control.refer(urlOf(c), {
      onProgress: ({ status }) => {
        if (status === 180) ringing.resolve();
      },
    });
    await ringing.promise;
    other.control.bye();
    expect(await result).toMatchObject({ kind: 'done', status: 487 });
    await world.until(() => by.end !== undefined);
    expect(world.transfers()).toEqual(['transfer-requested blind', 'transfer-failed blind 487']);
  });

  it('to where the account does not reach it is refused, with a reason', async () => {
    const { dialled } = await talking();
    expect(await dialled.control.refer('sip:mallory@elsewhere.test')).toMatchObject({ kind: 'refused', status: 403 });
    expect(world.transfers()).toEqual(['transfer-requested blind', 'transfer-failed blind 403']);
  });

  it('by a carrier whose trunk does not allow it, it is refused', async () => {
    const [a, b, c] = three();
    world.documents.set('+15550101', `<Dial answerOnBridge="true"><Number>${c.number}</Number></Dial>`);
    const caller = await a.dial('+15550101');
    const dialled = c.call;
    caller.say(ANNA);
    dialled.say(CARL);
    await world.until(() => world.bus.of('call.merged').length === 2);
    expect(await dialled.control.refer(urlOf(b))).toMatchObject({ kind: 'refused', status: 403 });
    expect(b.calls).toEqual([]);
    expect(world.bus.of('call.transfer-failed')).toMatchObject([
      { sipStatus: 403, message: expect.stringContaining('--transfers allow') as unknown },
    ]);
  });

  it('referUrl: the application decides, and its document goes on with the caller', async () => {
    const [, , c] = three();
    world.documents.set('/refer', `<Dial answerOnBridge="true"><Number>${c.number}</Number></Dial>`);
    const { caller, dialled } = await talking('referUrl="http://app.test/refer"');
    expect(await dialled.control.refer('sip:desk@elsewhere.test')).toMatchObject({ kind: 'done', status: 200 });
    expect(world.requests.at(-1)?.params).toMatchObject({ ReferTransferTarget: 'sip:desk@elsewhere.test' });
    await world.until(() => dialled.end !== undefined && c.calls.length > 0);
    c.call.say(CARL);
    await Promise.all([caller.hears(CARL), c.call.hears(ANNA)]);
  });

  it('RFC 5589 attended: who was consulted before gets the caller', async () => {
    const [, b, c] = three();
    const { caller, dialled } = await talking();
    world.documents.set('+15550101', `<Dial answerOnBridge="true"><Number>${c.number}</Number></Dial>`);
    await dialled.hold();
    const consulting = await b.dial('+15550101');
    consulting.say(BERT);
    c.call.say(CARL);
    await Promise.all([consulting.hears(CARL), c.call.hears(BERT)]);
    await consulting.hold();
    expect(await dialled.control.refer(consulting.control)).toMatchObject({ kind: 'done', status: 200 });
    await world.until(() => dialled.end !== undefined && consulting.end !== undefined);
    await Promise.all([caller.hears(CARL), c.call.hears(ANNA)]);
    expect(world.transfers()).toEqual(['transfer-requested attended', 'transferred attended', 'transferred attended']);
    c.call.control.bye();
    await world.until(() => caller.end !== undefined);
  });

  describe('INVITE with Replaces (RFC 3891)', () => {
    const replaces = ({ control }: PartyCall): string => {
      const { callId = '', localTag = '', remoteTag = '' } = control.dialogId ?? {};
      return `${callId};to-tag=${remoteTag};from-tag=${localTag}`;
    };

    it.each(['caller', 'dialled'] as const)('takes the place of the %s', async (whose) => {
      const [a, , c] = three();
      const calls = await talking();
      const [replaced, other] = whose === 'caller' ? [calls.caller, calls.dialled] : [calls.dialled, calls.caller];
      const taking = await a.dial('us', { replaces: replaces(replaced) });
      expect(taking.failed).toBeUndefined();
      await world.until(() => replaced.end !== undefined);
      taking.say(CARL);
      await Promise.all([taking.hears(whose === 'caller' ? BERT : ANNA), other.hears(CARL)]);
      expect(world.transfers()).toEqual(['transferred attended']);
      expect(c.calls).toEqual([]);
      taking.control.bye();
      await world.until(() => other.end !== undefined);
    });

    it('is refused to a carrier that may not transfer, and the call stays as it is', async () => {
      const [, , c] = three();
      const { caller, dialled } = await talking();
      const taking = await c.dial('us', { replaces: replaces(dialled) });
      expect(taking.failed).toMatch(/^403 taking over calls is not allowed/);
      expect(world.bus.of('call.refused')).toMatchObject([{ reason: 'takeover-refused', sipStatus: 403 }]);
      await Promise.all([caller.hears(BERT), dialled.hears(ANNA)]);
    });

    it('of no call of ours is refused', async () => {
      const [a] = three();
      const taking = await a.dial(US, { replaces: 'nothing@nowhere;to-tag=a;from-tag=b' });
      expect(taking.failed).toMatch(/^481/);
    });
  });

  describe('phones of the account', () => {
    let [alice, bob]: Party[] = [];
    beforeAll(async () => {
      alice = await world.phone('alice');
      bob = await world.phone('bob');
    });
    afterEach(async () => {
      for (const phone of [alice, bob]) {
        for (const call of phone?.calls.splice(0) ?? []) {
          call.control.bye();
          await call.close();
        }
      }
    });
    const both = (): [Party, Party] => [alice, bob] as [Party, Party];

    it('one that was called transfers to another one, by its address', async () => {
      const [a] = three();
      const [phone, other] = both();
      world.documents.set(US, `<Dial answerOnBridge="true"><Sip>${phone.uri}</Sip></Dial>`);
      const caller = await a.dial(US);
      caller.say(ANNA);
      phone.call.say(BERT);
      await Promise.all([caller.hears(BERT), phone.call.hears(ANNA)]);
      const dialled = phone.call;
      expect(await dialled.control.refer(other.uri)).toMatchObject({ kind: 'done', status: 200 });
      await world.until(() => dialled.end !== undefined);
      other.call.say(CARL);
      await Promise.all([caller.hears(CARL), other.call.hears(ANNA)]);
    });

    it('one that calls transfers to a number; to a user that is not there it is refused', async () => {
      const [, phone] = both();
      const [, , c] = three();
      world.documents.set(US, `<Dial answerOnBridge="true"><Number>${anna?.number ?? ''}</Number></Dial>`);
      const caller = await phone.dial(US);
      const dialled = three()[0].call;
      caller.say(ANNA);
      dialled.say(BERT);
      await Promise.all([caller.hears(BERT), dialled.hears(ANNA)]);
      const nobody = phone.uri.replace('bob', 'mallory');
      expect(await caller.control.refer(nobody)).toMatchObject({ kind: 'refused', status: 404 });
      expect(await caller.control.refer(phone.uri.replace('bob', c.number))).toMatchObject({
        kind: 'done',
        status: 200,
      });
      c.call.say(CARL);
      await Promise.all([dialled.hears(CARL), c.call.hears(BERT)]);
    });
  });

  describe('Refer', () => {
    beforeEach(() => {
      world.documents.set(US, '<Refer action="/done"><Sip>sip:desk@elsewhere.test</Sip></Refer>');
      world.documents.set('/done', '<Pause length="60"/>');
    });

    it('asks the caller to go elsewhere, and the application is told how that went', async () => {
      const [a] = three();
      const caller = await a.dial(US);
      await world.until(() => caller.refers.length > 0);
      const [refer] = caller.refers;
      expect(refer?.target.uri).toBe('sip:desk@elsewhere.test');
      refer?.accept();
      refer?.progress(180);
      refer?.progress(200);
      await world.until(() => world.requests.some(({ url }) => url.endsWith('/done')));
      expect(world.requests.at(-1)?.params).toMatchObject({
        ReferCallStatus: 'completed',
        ReferSipResponseCode: '202',
        NotifySipResponseCode: '200',
      });
      expect(world.transfers()).toEqual(['transfer-requested blind', 'transferred blind']);
    });

    it('a peer that refuses', async () => {
      const [a] = three();
      const caller = await a.dial(US);
      await world.until(() => caller.refers.length > 0);
      caller.refers[0]?.reject(603);
      await world.until(() => world.bus.of('call.transfer-failed').length > 0);
      await world.until(() => world.requests.some(({ url }) => url.endsWith('/done')));
      expect(world.requests.at(-1)?.params).toMatchObject({ ReferCallStatus: 'failed', ReferSipResponseCode: '603' });
    });
  });
});
