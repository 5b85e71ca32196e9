import { describe, expect, it } from 'vitest';
import { formatReplaces, parseReplaces, refusalOfReplaces } from './replaces.ts';
import type { ReplacedState } from './replaces.ts';
import { agreeAsServer, agreedAsClient, parseMinSe, parseSessionExpires } from './session-expires.ts';
import type { TimerRequest } from './session-expires.ts';
import { formatSipfrag, parseReferEvent, parseSipfrag, parseSubscriptionState } from './sipfrag.ts';

describe('RFC 3891: Replaces', () => {
  it('names a dialog as its receiver knows it', () => {
    const dialog = { callId: '425928@bobster.example.org', localTag: '7743', remoteTag: '6472' };
    const text = formatReplaces(dialog, { earlyOnly: true });
    expect(text).toBe('425928@bobster.example.org;to-tag=6472;from-tag=7743;early-only');
    expect(parseReplaces(text)).toEqual({
      callId: dialog.callId,
      localTag: '6472',
      remoteTag: '7743',
      earlyOnly: true,
    });
  });

  it('"0" stands for no tag; what is not whole is refused', () => {
    expect(parseReplaces(' a@b ; from-tag = 0 ; to-tag=x ')).toMatchObject({ localTag: 'x', remoteTag: '' });
    for (const bad of ['', 'a@b', 'a@b;to-tag=1', 'a@b;to-tag=1;from-tag=2;to-tag=3', ';to-tag=1;from-tag=2'])
      expect(parseReplaces(bad)).toBeUndefined();
  });

  it.each<[ReplacedState, boolean, number | undefined]>([
    [undefined, false, 481],
    ['ended', false, 603],
    ['confirmed', false, undefined],
    ['confirmed', true, 486],
    ['early-outgoing', false, undefined],
    ['early-outgoing', true, undefined],
    ['early-incoming', false, 481],
  ])('section 3: %s (early-only %s) is %s', (found, earlyOnly, status) => {
    expect(refusalOfReplaces(found, earlyOnly)).toBe(status);
  });
});

describe('RFC 3515 and RFC 6665: what a NOTIFY says', () => {
  it('sipfrag', () => {
    expect(parseSipfrag(Buffer.from('SIP/2.0 603 Declined\r\nX: 1\r\n'))).toEqual({ status: 603, reason: 'Declined' });
    expect(parseSipfrag(Buffer.from('SIP/2.0 200'))).toEqual({ status: 200, reason: '' });
    expect([parseSipfrag(Buffer.from('')), parseSipfrag(Buffer.from('hello'))]).toEqual([undefined, undefined]);
    expect(formatSipfrag({ status: 180, reason: 'Ring\r\nEvil: 1' }).toString()).toBe('SIP/2.0 180 Ring Evil: 1\r\n');
  });

  it('Subscription-State and Event', () => {
    expect(parseSubscriptionState('active;expires=60')).toEqual({ terminated: false, expires: 60 });
    expect(parseSubscriptionState('Terminated; reason=noresource')).toEqual({ terminated: true, expires: undefined });
    expect([parseSubscriptionState(undefined), parseSubscriptionState('gone')]).toEqual([undefined, undefined]);
    expect([parseReferEvent('refer'), parseReferEvent('refer;id=93809824'), parseReferEvent('presence')]).toEqual([
      { id: undefined },
      { id: 93_809_824 },
      undefined,
    ]);
  });
});

describe('RFC 4028: who agrees to what', () => {
  const policy = { interval: 1800, minimum: 90, refresher: 'peer' } as const;
  const ask = (text: string | undefined, supported: boolean, minimum?: number): TimerRequest => ({
    expires: parseSessionExpires(text),
    minimum,
    supported,
  });

  it.each<[string, TimerRequest, string | undefined, boolean?]>([
    ['no wish, no support', ask(undefined, false), undefined],
    ['no wish, support: ours, the peer refreshes', ask(undefined, true), '1800;refresher=uac', true],
    ['a shorter one is taken', ask('600', true), '600;refresher=uac', true],
    ['a longer one is cut', ask('7200', true), '1800;refresher=uac', true],
    ['but not below its Min-SE', ask('7200', true, 3600), '3600;refresher=uac', true],
    ['the peer may choose us', ask('600;refresher=uas', true), '600;refresher=uas', false],
    ['the peer may choose itself', ask('600;refresher=uac', true), '600;refresher=uac', true],
    ['a proxy asked, the client cannot: we refresh', ask('600', false), '600;refresher=uas', false],
  ])('table 2: %s', (_what, request, header, required) => {
    const verdict = agreeAsServer(policy, request);
    expect(verdict.kind === 'on' ? verdict.header : undefined).toBe(header);
    if (verdict.kind === 'on') {
      expect(verdict.required).toBe(required);
      expect(verdict.agreed.refresher).toBe(verdict.header.endsWith('uas') ? 'self' : 'peer');
    }
  });

  it('an interval below ours is 422, unless the client could not follow', () => {
    const strict = { ...policy, minimum: 300 };
    expect(agreeAsServer(strict, ask('200', true))).toEqual({ kind: 'too-small', minimum: 300 });
    expect(agreeAsServer(strict, ask('200', false))).toMatchObject({ kind: 'on', agreed: { interval: 200 } });
    expect(agreeAsServer(policy, ask('30', true))).toEqual({ kind: 'too-small', minimum: 90 });
  });

  it('the client follows the 2xx', () => {
    expect(agreedAsClient(undefined)).toBeUndefined();
    expect(agreedAsClient(parseSessionExpires('1800;refresher=uas'))).toEqual({ interval: 1800, refresher: 'peer' });
    expect(agreedAsClient(parseSessionExpires('600'))).toEqual({ interval: 600, refresher: 'self' });
    expect([parseSessionExpires('soon'), parseMinSe('90;x=1'), parseMinSe('x')]).toEqual([undefined, 90, undefined]);
  });
});
