import { beforeEach, describe, expect, it } from 'vitest';
import { ACCOUNT, APPLICATION, CALL, CallWorld, settle } from './testing/call-world.fake.ts';

const DONE = 'http://app.test/done';

describe('parameters of requests', () => {
  let world: CallWorld;
  beforeEach(() => {
    world = new CallWorld();
    world.twiml('<Pause length="60"/>').twiml('<Hangup/>', DONE);
  });

  it('CR-1 a call by a trunk: the standard ones, places that are not known, and what the carrier says', async () => {
    await world.call({
      forwardedFrom: '+15550166',
      sipHeaders: { 'X-Order': '17' },
      origin: {
        kind: 'sip',
        trunkSid: `TK${'3'.repeat(32)}`,
        sipCallId: 'abc@carrier',
        sourceIp: '192.0.2.1',
        callerName: 'Anna',
        stirVerstat: 'TN-Validation-Passed-A',
      },
    });
    const places = ['From', 'To', 'Caller', 'Called'].flatMap((who) =>
      ['City', 'State', 'Zip', 'Country'].map((part) => [`${who}${part}`, '']),
    );
    expect(world.lastParams()).toEqual({
      CallSid: CALL,
      AccountSid: ACCOUNT,
      From: '+15550177',
      To: '+15550100',
      Caller: '+15550177',
      Called: '+15550100',
      CallStatus: 'ringing',
      ApiVersion: '2010-04-01',
      Direction: 'inbound',
      ForwardedFrom: '+15550166',
      'SipHeader_X-Order': '17',
      SipCallId: 'abc@carrier',
      SipSourceIp: '192.0.2.1',
      CallerName: 'Anna',
      StirVerstat: 'TN-Validation-Passed-A',
      ...Object.fromEntries(places),
    });
    world.legs.remoteEnd(CALL, 'hangup-caller');
  });

  it("CR-1 a SIP phone's call: its domain and who authenticated; of what is no number no place is named", async () => {
    const domain = { sid: 'SD1', name: 'phones.example.com', username: 'alice' };
    await world.call({
      from: 'sip:alice@phones.example.com',
      origin: { kind: 'sip', sipCallId: 'abc', sourceIp: '192.0.2.1', domain },
    });
    expect(world.lastParams()).toMatchObject({
      SipDomain: 'phones.example.com',
      SipDomainSid: 'SD1',
      SipUsername: 'alice',
      ToCity: '',
    });
    expect(world.lastParams()).not.toHaveProperty('FromCity');
    expect(world.lastParams()).not.toHaveProperty('StirVerstat');
    world.legs.remoteEnd(CALL, 'hangup-caller');
  });

  it('CR-1 a call of a dialled application: of the call that dialled it', async () => {
    const parentCallSid = `CA${'9'.repeat(32)}`;
    await world.call({ origin: { kind: 'application', parentCallSid, params: { Param_a: '1', CallSid: 'no' } } });
    expect(world.lastParams()).toMatchObject({
      ParentCallSid: parentCallSid,
      Param_a: '1',
      CallSid: CALL,
      ApplicationSid: APPLICATION,
    });
    world.legs.remoteEnd(CALL, 'hangup-caller');
  });

  it.each([
    ['answered', 200, { 'X-Queue': 'sales' }],
    ['refused', 486, {}],
  ] as const)(
    'CR-1 a dialled SIP party that was %s: its Call-ID, its status and its headers',
    async (how, code, headers) => {
      world = new CallWorld();
      world.twiml('<Hangup/>', DONE);
      await world.twiml('<Dial action="/done"><Sip>sip:desk@pbx.example</Sip></Dial>').call();
      const sip = { callId: 'out@us', headers };
      const callSid = world.party(0);
      if (how === 'answered') world.router.legEvent({ kind: 'leg-answered', callSid, sip });
      const end = { kind: 'leg-ended', callSid, message: 'over', by: 'remote' } as const;
      if (how === 'answered') world.router.legEvent({ ...end, cause: 'hangup-callee' });
      else world.router.legEvent({ ...end, cause: 'busy', sipStatus: 486, sip });
      await settle();
      expect(world.lastParams()).toMatchObject({ DialSipCallId: 'out@us', DialSipResponseCode: String(code) });
      expect(world.lastParams()['DialSipHeader_X-Queue']).toBe(how === 'answered' ? 'sales' : undefined);
    },
  );
});
