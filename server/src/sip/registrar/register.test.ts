import { describe, expect, it } from 'vitest';
import { binding } from './bindings.conformance.ts';
import { readContacts, sameUri } from './contact.ts';
import type { Binding, RegistrarChange } from './ports.ts';
import { DEFAULT_POLICY, register } from './register.ts';
import type { RegisterFacts, RegistrarPolicy } from './register.ts';

const NOW = 1000;
const received = { protocol: 'udp', address: '192.0.2.1', port: 5060 } as const;

function facts(contacts: string | string[], change: Partial<RegisterFacts> = {}): RegisterFacts {
  const read = readContacts([contacts].flat());
  if (read === undefined) throw new Error('bad contacts');
  return {
    callId: 'c',
    cseq: 2,
    contacts: read,
    expires: undefined,
    origin: { path: [], received, node: 'n1' },
    overFlow: () => false,
    ...change,
  };
}
const run = (request: RegisterFacts, current: readonly Binding[] = [], policy: Partial<RegistrarPolicy> = {}) =>
  register(request, current, { policy: { ...DEFAULT_POLICY, ...policy }, now: NOW });
const said = (changes: readonly RegistrarChange[]) =>
  changes.map((change) => `${change.kind === 'registered' ? 'registered' : change.reason} ${change.binding.contact}`);
const lives = (outcome: ReturnType<typeof run>) =>
  outcome.ok ? outcome.bindings.map(({ contact, expiresAt }) => [contact, (expiresAt - NOW) / 1000]) : outcome.status;

describe('RFC 3261 section 10.3', () => {
  it.each<[string, string, number | undefined, number]>([
    ['the expires parameter of the contact', '<sip:a@h>;expires=120', 999, 120],
    ['else the Expires header', '<sip:a@h>', 999, 999],
    ['else the default', '<sip:a@h>', undefined, 3600],
    ['an unreadable one is none (20.10)', '<sip:a@h>;expires=soon', undefined, 3600],
    ['never more than the longest', '<sip:a@h>;expires=4294967296', undefined, 7200],
  ])('step 7: life is %s', (...[, contact, expires, life]) => {
    expect(lives(run(facts(contact, { expires })))).toEqual([['sip:a@h', life]]);
  });

  it('step 7: too brief is 423 with what is wanted, and nothing changes', () => {
    expect(run(facts(['<sip:a@h>', '<sip:b@h>;expires=59']))).toEqual({
      ok: false,
      status: 423,
      reason: 'Interval Too Brief',
      minExpires: 60,
    });
  });

  it('step 7: several contacts at once; refreshing one tells nobody, removing one does', () => {
    const first = run(facts(['<sip:a@h>;q=0.3', '"B" <sip:b@h:5062>']));
    if (!first.ok) throw new Error();
    expect(said(first.changes)).toEqual(['registered sip:a@h', 'registered sip:b@h:5062']);
    expect(first.bindings.map(({ q, since }) => [q, since])).toEqual([
      [0.3, NOW],
      [1, NOW],
    ]);
    const second = run(facts(['<sip:a@H>;expires=300', '<sip:b@h:5062>;expires=0'], { cseq: 3 }), first.bindings);
    if (!second.ok) throw new Error();
    expect(said(second.changes)).toEqual(['unregistered sip:b@h:5062']);
    expect(lives(second)).toEqual([['sip:a@H', 300]]);
  });

  it('step 7: an older CSeq of the same Call-ID fails and changes nothing; another Call-ID wins', () => {
    const held = [binding('sip:a@h', { cseq: 2 })];
    expect(run(facts('<sip:a@h>'), held)).toMatchObject({ ok: false, status: 500 });
    expect(run(facts('<sip:a@h>;expires=0', { cseq: 1 }), held)).toMatchObject({ ok: false, status: 500 });
    expect(run(facts('<sip:a@h>', { cseq: 1, callId: 'other' }), held)).toMatchObject({ ok: true });
    expect(run(facts('<sip:b@h>', { cseq: 1 }), held)).toMatchObject({ ok: true });
  });

  it('step 6: * with Expires 0 removes everything, without it is 400, out of order is 500', () => {
    const held = [binding('sip:a@h', { cseq: 1 }), binding('sip:b@h', { callId: 'other', cseq: 99 })];
    const outcome = run(facts('*', { expires: 0 }), held);
    expect(outcome.ok && said(outcome.changes)).toEqual(['unregistered sip:a@h', 'unregistered sip:b@h']);
    expect(lives(outcome)).toEqual([]);
    expect(run(facts('*', { expires: 60 }), held)).toMatchObject({ status: 400 });
    expect(run(facts('*'), held)).toMatchObject({ status: 400 });
    expect(run(facts('*', { expires: 0, cseq: 1 }), held)).toMatchObject({ status: 500 });
  });

  it('step 6: no contact is a question', () => {
    const outcome = run(facts([]), [binding('sip:a@h'), binding('sip:old@h', { expiresAt: NOW })]);
    expect(lives(outcome)).toEqual([['sip:a@h', 4]]);
    expect(outcome.ok && said(outcome.changes)).toEqual(['expired sip:old@h']);
  });

  it('one address-of-record has a bounded number of contacts; refreshing goes on', () => {
    const held = [1, 2].map((n) => binding(`sip:${String(n)}@h`));
    expect(run(facts('<sip:3@h>'), held, { maxContacts: 2 })).toMatchObject({ ok: false, status: 403 });
    expect(run(facts('<sip:2@h>'), held, { maxContacts: 2 })).toMatchObject({ ok: true });
    expect(run(facts(['<sip:1@h>;expires=0', '<sip:3@h>']), held, { maxContacts: 2 })).toMatchObject({ ok: true });
  });

  it.each(['<sip:a@h', 'tel:+1555', '*, <sip:a@h>', 'http://x'])('a contact that cannot be used: %s', (contact) => {
    expect(readContacts([contact])).toBeUndefined();
  });
});

describe('RFC 5626 section 6', () => {
  const device = ';+sip.instance="<urn:uuid:1>"';

  it('a device that comes back with another contact replaces its old one', () => {
    const first = run(facts(`<sip:a@h:40001>${device}`));
    if (!first.ok) throw new Error();
    const second = run(facts(`<sip:a@h:40002>${device}`, { callId: 'new' }), first.bindings);
    expect(lives(second)).toEqual([['sip:a@h:40002', 3600]]);
    expect(second.ok && said(second.changes)).toEqual(['replaced sip:a@h:40001', 'registered sip:a@h:40002']);
  });

  it('flows of one device with different reg-id stand beside each other', () => {
    const first = run(facts(`<sip:a@h;ob>${device};reg-id=1`));
    if (!first.ok) throw new Error();
    const second = run(facts(`<sip:a@h;ob>${device};reg-id=2`, { callId: 'new' }), first.bindings);
    expect(second.ok && second.bindings.map(({ regId }) => regId)).toEqual([1, 2]);
  });
});

describe('RFC 3261 section 19.1.4', () => {
  it.each([
    ['sip:alice@AtLanTa.CoM;Transport=tcp', 'sip:alice@atlanta.com;transport=TCP', true],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com;newparam=5', true],
    ['sip:carol@chicago.com;security=on', 'sip:carol@chicago.com;newparam=5', true],
    ['sip:ALICE@AtLanTa.CoM', 'sip:alice@AtLanTa.CoM', false],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:5060', false],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com;transport=udp', false],
    ['sip:carol@chicago.com;security=on', 'sip:carol@chicago.com;security=off', false],
    ['sip:a@b', 'sips:a@b', false],
    ['sip:a@b', 'tel:+1', false],
  ])('%s and %s', (a, b, same) => {
    expect(sameUri(a, b)).toBe(same);
    expect(sameUri(b, a)).toBe(same);
  });
});
