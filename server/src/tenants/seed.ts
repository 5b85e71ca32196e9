import type { TenantStore } from './store.ts';
import type { AccountRecord } from './records.ts';

export interface SeedOptions {
  /** Where the demo application listens now; undefined: no demo application, and the number has none. */
  readonly voiceUrl?: string;
  /** Ranges of the demo trunk (default: loopback). Given ones replace the stored ones. */
  readonly allow?: readonly string[];
  /** Where the demo trunk sends outgoing calls. */
  readonly outbound?: { readonly host: string; readonly port: number };
  /** Default +15550100. */
  readonly number?: string;
}

export interface Seeded {
  /** True the first time: print the credentials now, they are not shown again. */
  readonly created: boolean;
  readonly account: AccountRecord;
  readonly authToken: string;
  readonly key: { readonly sid: string; readonly secret: string };
  /** Undefined when there is no demo application. */
  readonly applicationSid: string | undefined;
  readonly trunkSid: string | undefined;
  readonly numbers: readonly string[];
}

const LOOPBACK = ['127.0.0.0/8', '::1/128'];
const DEMO = 'demo';

/**
 * First start: one account with an API key, the demo application, its number and a trunk for loopback. Later starts
 * find them and only bring the demo application's address and the demo trunk up to date. What an operator deleted or
 * changed otherwise stays as it is.
 */
export async function seedFirstAccount(store: TenantStore, options: SeedOptions = {}): Promise<Seeded> {
  const [first] = await store.accounts();
  return first === undefined ? await create(store, options) : await refresh(store, first, options);
}

async function create(store: TenantStore, options: SeedOptions): Promise<Seeded> {
  const { account, authToken } = await store.createAccount('First account');
  const { key, secret } = await store.createKey(account.sid, 'First key');
  const application =
    options.voiceUrl === undefined
      ? undefined
      : await store.createApplication(account.sid, { name: DEMO, voiceUrl: options.voiceUrl });
  const number = await store.addNumber(account.sid, {
    number: options.number ?? '+15550100',
    applicationSid: application?.sid ?? null,
  });
  const trunk = await store.addTrunk(account.sid, {
    name: DEMO,
    allow: [...(options.allow ?? LOOPBACK)],
    outboundHost: options.outbound?.host ?? null,
    outboundPort: options.outbound?.port ?? null,
  });
  return {
    created: true,
    account,
    authToken,
    key: { sid: key.sid, secret },
    applicationSid: application?.sid,
    trunkSid: trunk.sid,
    numbers: [number.number],
  };
}

async function refresh(store: TenantStore, account: AccountRecord, options: SeedOptions): Promise<Seeded> {
  const credentials = await store.credentials(account.sid);
  const key = credentials.key ?? (await newKey(store, account.sid));
  let application = (await store.applications(account.sid)).find((candidate) => candidate.name === DEMO);
  const { voiceUrl, allow, outbound } = options;
  if (application !== undefined && voiceUrl !== undefined && application.voiceUrl !== voiceUrl) {
    application = await store.updateApplication(application.sid, { voiceUrl });
  }
  const trunk = (await store.trunks(account.sid)).find((candidate) => candidate.name === DEMO);
  if (trunk !== undefined) {
    if (allow !== undefined && allow.join() !== trunk.allow.join()) await store.allowOnTrunk(trunk.sid, allow);
    if (outbound !== undefined && (outbound.host !== trunk.outboundHost || outbound.port !== trunk.outboundPort)) {
      await store.routeTrunk(trunk.sid, outbound.host, outbound.port);
    }
  }
  return {
    created: false,
    account,
    authToken: credentials.authToken,
    key,
    applicationSid: application?.sid,
    trunkSid: trunk?.sid,
    numbers: (await store.numbers(account.sid)).map((number) => number.number),
  };
}

async function newKey(store: TenantStore, accountSid: string): Promise<{ sid: string; secret: string }> {
  const { key, secret } = await store.createKey(accountSid, 'First key');
  return { sid: key.sid, secret };
}
