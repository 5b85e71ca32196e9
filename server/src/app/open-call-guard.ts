import { CallGuard } from '../bridge/guards/index.ts';
import { NatsSpend } from '../bridge/guards/shared-spend.nats.ts';
import { guardsInForce } from '../tenants/index.ts';
import type { BusParts, TenantReaders } from './open-stores.ts';
import type { Platform } from './platform.ts';

/** Guards accounts against calls that others make at their cost: docs/guards.md. */
export async function openCallGuard(
  { startup, clock, log, metrics }: Pick<Platform, 'startup' | 'clock' | 'log' | 'metrics'>,
  { bus, tenants }: { readonly bus: BusParts; readonly tenants: Pick<TenantReaders, 'directory'> },
): Promise<CallGuard> {
  const spend = await startup.step(
    'what accounts have spent',
    () => NatsSpend.open(bus.bus),
    (opened) => opened.close(),
  );
  const { directory: accounts } = tenants;
  const directory = { guardsOf: (sid: string) => guardsInForce(accounts, accounts.accountBySid(sid)) };
  return new CallGuard({ directory, spend, clock, log, metrics, events: bus.outbox });
}
