import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { NO_RESIDUE, TransferWorld } from './testing/transfer-world.ts';
import { ACCOUNT, APPLICATION } from './testing/world.fake.ts';
import type { Party } from './testing/transfer-world.ts';

const US = '+15550100';
const [ANNA, BERT] = [440, 700];
const DIAL = `<ApplicationSid>${APPLICATION}</ApplicationSid><Parameter name="order" value="17"/>`;

/** Anna calls, her application dials another one, which runs a call of its own: everything real but the applications. */
describe('CR-1 Dial Application', () => {
  let world: TransferWorld;
  let [anna, bert]: Party[] = [];

  beforeAll(async () => {
    world = await TransferWorld.open();
    anna = await world.party();
    bert = await world.party();
  });
  afterAll(async () => {
    await world.close();
  });
  afterEach(async () => {
    for (const party of [anna, bert]) {
      for (const call of party?.calls.splice(0) ?? []) {
        call.control.bye();
        await call.close();
      }
    }
    await expect.poll(() => world.residue, { timeout: 10_000 }).toEqual(NO_RESIDUE);
    world.bus.emitted.length = 0;
    world.requests.length = 0;
    world.documents.clear();
  });
  const asked = (path: string) => world.requests.filter(({ url }) => new URL(url).pathname === path);

  it('its instructions run for a call of their own: keys reach it, whom it dials is heard, and what it returns goes to the action', async () => {
    const [a, b] = [anna!, bert!];
    world.documents.set(
      US,
      `<Dial action="/done" answerOnBridge="true"><Application customerId="shop">${DIAL}</Application></Dial>`,
    );
    world.documents.set(APPLICATION, '<Gather numDigits="1" action="/keyed"/>');
    world.documents.set('/keyed', `<Dial action="/back"><Number callerId="+15550100">${b.number}</Number></Dial>`);
    world.documents.set('/back', '<Hangup><Parameter name="verdict" value="sold"/></Hangup>');
    world.documents.set('/done', '<Gather numDigits="1"/>');
    const caller = await a.dial(US);
    const [first, second] = asked('/voice');
    expect(second?.params).toMatchObject({
      AccountSid: ACCOUNT,
      ParentCallSid: first?.params['CallSid'],
      Direction: 'inbound',
      From: a.number,
      To: APPLICATION,
      ApplicationSid: APPLICATION,
      CustomerId: 'shop',
      Param_order: '17',
    });
    expect(second?.params['CallSid']).not.toBe(first?.params['CallSid']);
    await caller.control.info('application/dtmf-relay', 'Signal=5\r\nDuration=160\r\n');
    await world.until(() => b.calls.length > 0);
    expect(asked('/keyed')[0]?.params).toMatchObject({ Digits: '5', CallSid: second?.params['CallSid'] });
    caller.say(ANNA);
    b.call.say(BERT);
    await Promise.all([caller.hears(BERT), b.call.hears(ANNA)]);
    b.call.control.bye();
    await world.until(() => asked('/done').length > 0);
    expect(asked('/done')[0]?.params).toMatchObject({
      CallSid: first?.params['CallSid'],
      DialCallStatus: 'completed',
      DialBridged: 'true',
      ReturnParam_verdict: 'sold',
    });
    expect(caller.end).toBeUndefined();
  });

  it('applications that dial one another come to an end, and nothing of their calls is left', async () => {
    const [a] = [anna!];
    world.documents.set(US, `<Dial><Application copyParentTo="true">${DIAL}</Application></Dial>`);
    world.documents.set(APPLICATION, '<Reject/>');
    const caller = await a.dial(US);
    await world.until(() => world.bus.of('call.ended').length > 0);
    // With copyParentTo the application is asked for the same number, and dials itself again.
    expect(new Set(asked('/voice').map(({ params }) => params['To']))).toEqual(new Set([US]));
    // Five deep is enough.
    expect(asked('/voice')).toHaveLength(6);
    caller.control.bye();
  });

  it('an application that turns the call away is busy, and says why', async () => {
    const [a] = [anna!];
    world.documents.set(US, `<Dial action="/done"><Application>${DIAL}</Application></Dial>`);
    world.documents.set(APPLICATION, '<Reject reason="busy"><Parameter name="why" value="lunch"/></Reject>');
    await a.dial(US);
    await world.until(() => asked('/done').length > 0);
    expect(asked('/done')[0]?.params).toMatchObject({
      DialCallStatus: 'busy',
      DialBridged: 'false',
      ReturnParam_why: 'lunch',
    });
  });
});
