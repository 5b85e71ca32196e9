import { Quotas, SharedUse } from '../gateway/index.ts';
import { NatsUseReports } from '../gateway/use-reports.nats.ts';
import type { Directory } from '../tenants/index.ts';
import type { BusParts } from './open-stores.ts';
import type { Platform } from './platform.ts';

/** What accounts may use of the hub, and what they use of all gateways. */
export async function openQuotas(
  { startup, clock, node }: Platform,
  { bus, directory }: { readonly bus: BusParts; readonly directory: Pick<Directory, 'accountBySid'> },
): Promise<Quotas> {
  const reports = await startup.step(
    'reports of use',
    () => new NatsUseReports(bus.bus),
    (opened) => {
      opened.close();
    },
  );
  const elsewhere = await startup.step(
    'use of other gateways',
    () => new SharedUse({ node, clock, reports }),
    (opened) => {
      opened.close();
    },
  );
  const quotas = new Quotas({ clock, source: (sid) => directory.accountBySid(sid)?.limits, elsewhere });
  elsewhere.start(quotas);
  return quotas;
}
