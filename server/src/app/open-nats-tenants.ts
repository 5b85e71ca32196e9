import { TenantResponder, natsOptions, tenantSubjects } from '../bus/index.ts';
import type { NatsTenant } from '../bus/index.ts';
import { HubTenantRequests } from '../hub/index.ts';
import type { PublishQuota } from '../gateway/index.ts';
import type { Hub } from '../hub/index.ts';
import { describeError } from '../kernel/index.ts';
import type { NatsAccess } from '../rest/index.ts';
import type { Directory } from '../tenants/index.ts';
import type { BusParts, TenantReaders } from './open-stores.ts';
import type { Platform } from './platform.ts';

/** Changes of this time are one reload of the server, milliseconds. */
const GATHER_MS = 100;

/** What accounts are told of their access. */
export function natsAccess({ url, setTenants }: BusParts): NatsAccess {
  // Several servers: those that are named, without their logins.
  const address = natsOptions(url)
    .servers.map((server) => new URL(server).host)
    .join(', ');
  return { address, managed: setTenants !== undefined, subjectsOf: tenantSubjects };
}

/**
 * NATS accounts of tenants: the embedded server knows an account for each active one, with its API keys as logins, and
 * this process answers what their backends ask for. An external server is configured by hand (docs/nats.md).
 */
export async function openNatsTenants(
  platform: Platform,
  {
    bus,
    tenants,
    hub,
    quotas,
  }: { readonly bus: BusParts; readonly tenants: TenantReaders; readonly hub: Hub; readonly quotas: PublishQuota },
): Promise<void> {
  const { startup, clock, random } = platform;
  const { directory } = tenants;
  const isActive = (sid: string): boolean => directory.accountBySid(sid)?.status === 'active';
  await startup.step(
    'NATS requests of tenants',
    () => {
      const takeQuota = (sid: string, bytes: number) => quotas.publish(sid, bytes);
      return new TenantResponder(bus.bus, new HubTenantRequests({ hub, isActive, takeQuota, clock, random }));
    },
    (opened) => {
      opened.close();
    },
  );
  const { setTenants } = bus;
  if (setTenants === undefined) return;
  await startup.step('NATS accounts of tenants', () => setTenants(tenantsOf(directory)));
  startup.scope.defer(follow(platform, directory, setTenants));
}

/** Keeps the server's accounts as the directory says. @returns ends it */
function follow(
  { clock, log }: Platform,
  directory: Directory,
  setTenants: (tenants: readonly NatsTenant[]) => Promise<void>,
): () => void {
  let timer: ReturnType<typeof clock.setTimer> | undefined;
  const off = directory.onChange(({ kind }) => {
    if (kind !== 'account' && kind !== 'apiKey') return;
    timer ??= clock.setTimer(GATHER_MS, () => {
      timer = undefined;
      setTenants(tenantsOf(directory)).catch((error: unknown) => {
        log.error({ reason: describeError(error) }, 'the NATS accounts of tenants could not be changed');
      });
    });
  });
  return () => {
    off();
    timer?.cancel();
  };
}

function tenantsOf(directory: Directory): NatsTenant[] {
  const logins = new Map<string, { user: string; password: string }[]>();
  const keys = directory.apiKeys().sort((a, b) => (a.sid < b.sid ? -1 : 1));
  for (const { sid, accountSid, secret, accountActive } of keys) {
    if (!accountActive || secret === '') continue;
    const own = logins.get(accountSid);
    if (own === undefined) logins.set(accountSid, [{ user: sid, password: secret }]);
    else own.push({ user: sid, password: secret });
  }
  return [...logins].sort(([a], [b]) => (a < b ? -1 : 1)).map(([account, own]) => ({ account, logins: own }));
}
