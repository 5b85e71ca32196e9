import { expect, it } from 'vitest';
import { FakeClock } from '../kernel/clock.fake.ts';
import { silentLog, systemClock } from '../kernel/index.ts';
import { EndedTokenWatch } from './ended-tokens.ts';
import { newRevocation } from './index.ts';
import { revocationStoreConformance } from './revocation-store.conformance.ts';
import { MemoryRevocationStore } from './revocation-store.memory.ts';
import { ACCOUNT, FakeKeys } from './testing/fixtures.ts';

revocationStoreConformance('memory', () => {
  const store = new MemoryRevocationStore({ clock: systemClock, log: silentLog });
  const close = async (): Promise<void> => {
    store.close();
    await Promise.resolve();
  };
  return Promise.resolve({ store, other: store, close });
});

it('revocations that come together are told of together', async () => {
  const clock = new FakeClock();
  const revocations = new MemoryRevocationStore({ clock, log: silentLog });
  const watch = new EndedTokenWatch({ keys: new FakeKeys(), revocations, clock, log: silentLog });
  const told: string[] = [];
  watch.on(({ disconnect }) => told.push(disconnect));
  for (let n = 0; n < 100; n++) {
    await revocations.add(newRevocation({ accountSid: ACCOUNT, kind: 'token', value: `t${n}` }, clock));
  }
  expect(told).toEqual([]);
  await clock.advanceAsync(50);
  expect(told).toEqual(['tokenRevoked']);
  await revocations.add(newRevocation({ accountSid: ACCOUNT, kind: 'account' }, clock));
  watch.close();
  expect(clock.pendingTimers).toBe(0);
  revocations.close();
});
