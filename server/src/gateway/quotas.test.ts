import { describe, expect, it } from 'vitest';
import { FakeClock } from '../kernel/clock.fake.ts';
import { ACCOUNT, OTHER_ACCOUNT } from '../hub/testing/fixtures.ts';
import { Quotas } from './quotas.ts';
import type { AccountLimits } from '../tenants/index.ts';
import type { AccountQuotas, ConnectionUse } from './quotas.ts';

function fixture(defaults: Partial<AccountQuotas>): {
  clock: FakeClock;
  quotas: Quotas;
  open: (of?: string) => ConnectionUse;
} {
  const clock = new FakeClock();
  const quotas = new Quotas({ clock, defaults });
  return {
    clock,
    quotas,
    open: (of = ACCOUNT) => {
      const use = quotas.connect(of);
      if ('message' in use) throw new Error(use.message);
      return use;
    },
  };
}

describe('quotas of an account', () => {
  it('EV-9 bounds connections, each account by itself; a place is free again once', () => {
    const { quotas, open } = fixture({ connections: 2 });
    const first = open();
    open();
    expect(quotas.connect(ACCOUNT)).toMatchObject({ message: 'the account has its 2 connections' });
    open(OTHER_ACCOUNT);
    first.release();
    first.release();
    open();
    expect('message' in quotas.connect(ACCOUNT)).toBe(true);
  });

  it('lets connections in at a rate, after a burst, and says when to come back', () => {
    const { clock, quotas, open } = fixture({ connectsPerSecond: 10, connectBurst: 2 });
    open();
    open();
    expect(quotas.connect(ACCOUNT)).toMatchObject({ retryAfterMs: 100 });
    clock.advance(99);
    expect('message' in quotas.connect(ACCOUNT)).toBe(true);
    clock.advance(1);
    open();
  });

  it('bounds the rate of publishing over all connections of the account', () => {
    const { clock, open } = fixture({ publishesPerSecond: 2, publishBurst: 2 });
    const [a, b] = [open(), open()];
    expect([a.publish(1), b.publish(1)]).toEqual([undefined, undefined]);
    expect(a.publish(1)).toEqual({ message: 'the account publishes more than 2 events a second', retryAfterMs: 500 });
    expect(open(OTHER_ACCOUNT).publish(1)).toBeUndefined();
    clock.advance(500);
    expect(b.publish(1)).toBeUndefined();
    clock.advance(60_000);
    expect([a.publish(1), a.publish(1), a.publish(1)?.retryAfterMs]).toEqual([undefined, undefined, 500]);
  });

  it('bounds bytes: what is more than there is has to come back before anything else', () => {
    const { clock, open } = fixture({ publishBytesPerSecond: 1000, publishBytesBurst: 2000 });
    const [a, b] = [open(), open()];
    expect([a.publish(1500), b.publish(1500)]).toEqual([undefined, undefined]);
    const over = { message: 'the account publishes more than 1000 bytes a second', retryAfterMs: 1001 };
    expect(a.publish(1)).toEqual(over);
    expect(open(OTHER_ACCOUNT).publish(1)).toBeUndefined();
    clock.advance(1001);
    expect(b.publish(2)).toBeUndefined();
    expect(b.publish(1)?.message).toBe(over.message);
  });

  it('a refusal for bytes takes nothing of the other rate, and a limit of nothing lets nothing pass', () => {
    const { clock, quotas } = fixture({
      publishesPerSecond: 1,
      publishBurst: 2,
      publishBytesPerSecond: 10,
      publishBytesBurst: 10,
    });
    expect(quotas.publish(ACCOUNT, 11)).toBeUndefined();
    for (let n = 0; n < 5; n++) expect(quotas.publish(ACCOUNT, 1)?.retryAfterMs).toBe(200);
    clock.advance(200);
    expect(quotas.publish(ACCOUNT, 1)).toBeUndefined();
    const none = fixture({ publishBurst: 0, publishesPerSecond: 0 }).quotas;
    expect(none.publish(ACCOUNT, 1)).toMatchObject({ retryAfterMs: 60_000 });
  });

  it('bounds subscriptions of all connections together', () => {
    const { open } = fixture({ subscriptions: 3 });
    const [a, b] = [open(), open()];
    a.holds(2);
    b.holds(1);
    expect(a.subscribe()?.message).toBe('the account has its 3 subscriptions');
    expect(b.subscribe(2)?.message).toBe('the account has its 3 subscriptions');
    b.release();
    b.holds(5);
    expect(a.subscribe()).toBeUndefined();
  });

  it('takes an account`s own limits where it has some, at once when they change', () => {
    const own: { value: AccountLimits | undefined } = { value: { connections: 1, publishBurst: 1 } };
    const quotas = new Quotas({ clock: new FakeClock(), source: () => own.value });
    quotas.connect(ACCOUNT);
    expect('message' in quotas.connect(ACCOUNT)).toBe(true);
    expect('message' in quotas.attend(ACCOUNT)).toBe(true);
    expect(quotas.publish(ACCOUNT, 1)).toBeUndefined();
    expect(quotas.publish(ACCOUNT, 1)).toBeDefined();
    own.value = undefined;
    expect('message' in quotas.connect(ACCOUNT)).toBe(false);
    expect('message' in quotas.attend(ACCOUNT)).toBe(false);
    // What is left out is the default, room that was added is filled.
    expect(quotas.publish(ACCOUNT, 1)).toBeUndefined();
    own.value = { connections: undefined, subscriptions: 7 };
    expect(quotas.of(ACCOUNT)).toMatchObject({ connections: 10_000, subscriptions: 7 });
    expect(quotas.usage()).toEqual([{ accountSid: ACCOUNT, connections: 3, subscriptions: 0 }]);
  });

  it('forgets accounts that left', () => {
    const { clock, quotas, open } = fixture({});
    open().release();
    clock.advance(60_001);
    open(OTHER_ACCOUNT);
    expect(quotas.accounts).toBe(1);
  });
});
