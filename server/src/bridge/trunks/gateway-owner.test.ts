import { expect, it } from 'vitest';
import { aGateway, aTrunk } from '../testing/trunks.fake.ts';
import { gatewayOf } from './gateway-owner.ts';

const [A, B, BELOW_A] = ['AC1', 'AC2', 'AC3'];
const trunk = aTrunk({
  ...{ sid: 'TK1', accountSid: A },
  gateways: [aGateway('sip.carrier.example'), aGateway('192.0.2.7', { port: 5080 }), aGateway('2001:db8::7')],
});
const directory = {
  trunks: (accountSid?: string) => (accountSid === undefined || accountSid === A ? [trunk] : []),
  accountBySid: (sid: string) => ({ ownerSid: sid === BELOW_A ? A : undefined }),
};
const of = (accountSid: string, uri: string) => gatewayOf(directory, accountSid, uri);

it.each([
  'sip:+881612345678@sip.carrier.example',
  'sip:+881612345678@SIP.carrier.example.:5061;transport=tls',
  'sips:0123@sip.carrier.example',
  'sip:x@192.0.2.7:5080',
  'sip:x@[2001:DB8::7]:5060',
])('MT-10 the gateway of a trunk of another account is known by its address: %s', (uri) => {
  expect(of(B, uri)).toEqual({ of: 'others' });
});

it.each(['sip:x@example.org', 'sip:x@192.0.2.7', 'sip:x@192.0.2.7:5081', 'tel:+4930', 'nonsense', ''])(
  'an address that no trunk has is nobody’s: %s',
  (uri) => {
    expect(of(B, uri)).toEqual({ of: 'nobody' });
  },
);

it('MT-10 a number at the own gateway is a number to the guards, of an account and of those below it', () => {
  expect(of(A, 'sip:%2B881612345678@sip.carrier.example')).toEqual({ of: 'own', number: '+881612345678' });
  expect(of(BELOW_A, 'sip:00881612345678@192.0.2.7:5080')).toEqual({ of: 'own', number: '+881612345678' });
  expect(of(A, 'sip:alice@sip.carrier.example')).toEqual({ of: 'own', number: undefined });
});
