import { beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../kernel/clock.fake.ts';
import { silentLog, systemClock, systemRandom } from '../kernel/index.ts';
import { SecretBox, TenantStore } from '../tenants/index.ts';
import { MemoryTenantMirror } from '../tenants/mirror.memory.ts';
import { MemoryTenantRepository } from '../tenants/repository.memory.ts';
import { endCallsOfSuspended } from './open-suspension.ts';

const secrets = new SecretBox(new Uint8Array(32).fill(1), systemRandom);

/** Accounts in memory, and calls that somebody else runs. */
class World {
  readonly clock = new FakeClock();
  readonly mirror = new MemoryTenantMirror({ secrets, log: silentLog });
  readonly store = new TenantStore({
    repository: new MemoryTenantRepository(),
    mirror: this.mirror,
    secrets,
    clock: systemClock,
    random: systemRandom,
  });
  readonly calls = new Map<string, string>();
  readonly ended: string[] = [];
  readonly stop = endCallsOfSuspended({
    directory: this.mirror.directory,
    clock: this.clock,
    log: silentLog,
    router: {
      activeCalls: () =>
        [...this.calls].map(([callSid, accountSid]) => ({
          ...{ callSid, accountSid, from: '', to: '', phase: 'answered' as const, legs: 1 },
        })),
      update: (callSid, change) => {
        this.ended.push(`${callSid} ${change.kind === 'end' ? change.request.message : ''}`);
        this.calls.delete(callSid);
        return 'accepted';
      },
    },
  });

  async account(name: string, owner: string | null = null): Promise<string> {
    return (await this.store.createAccount(name, owner)).account.sid;
  }
}

let world: World;
beforeEach(() => {
  world = new World();
});

describe('MT-10 an account that is suspended', () => {
  it('loses its calls when this process hears of it, and those of accounts that it owns; nobody else loses any', async () => {
    const [one, other] = [await world.account('One'), await world.account('Other')];
    const child = await world.account('Child', one);
    world.calls.set('CA1', one).set('CA2', child).set('CA3', other);
    await world.store.setAccountLimits(one, { connections: 5 });
    expect(world.ended).toEqual([]);
    await world.store.setAccountStatus(one, 'suspended');
    expect(world.ended).toEqual(['CA1 the account was suspended', 'CA2 the account was suspended']);
    expect([...world.calls.keys()]).toEqual(['CA3']);
    world.stop();
    expect(world.clock.pendingTimers).toBe(0);
  });

  it('loses a call that was let in just before, too; what comes after it was resumed stays', async () => {
    const one = await world.account('One');
    await world.store.setAccountStatus(one, 'suspended');
    world.calls.set('CA1', one);
    world.clock.advance(1000);
    expect(world.ended).toHaveLength(1);
    await world.store.setAccountStatus(one, 'active');
    world.calls.set('CA2', one);
    world.clock.advance(5000);
    expect(world.ended).toHaveLength(1);
    world.stop();
  });
});
