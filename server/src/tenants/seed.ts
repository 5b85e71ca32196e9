import type { TenantStore } from './store.ts';
import { gatewaysOf } from './trunk-record.ts';
import type { AccountRecord } from './records.ts';

export interface SeedOptions {
  /** Where the demo application listens now; undefined: no demo application, and the number has none. */
  readonly voiceUrl?: string;
  /** Ranges of the demo trunk (default: loopback). Given ones replace the stored ones. */
  readonly allow?: readonly string[];
  /** Where the demo trunk sends outgoing calls. */
  readonly outbound?: { readonly host: string; readonly port: number };
  /** The demo trunk that there is stays as it is: another process says how it should be (default false). */
  readonly keepTrunk?: boolean;
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
  /** The domain that a SIP phone can register in without more ado; undefined: deleted, or there is another of its name. */
  readonly phoneDomain: string | undefined;
}

const LOOPBACK = ['127.0.0.0/8', '::1/128'];
const DEMO = 'demo';
/** Phones may be given the server's address instead: this is the domain that an address stands for. */
export const DEMO_PHONE_DOMAIN = 'phones.hookswitch.internal';
const DEMO_PHONE_USER = 'phone';

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
    settings: { gateways: options.outbound === undefined ? [] : [options.outbound] },
  });
  return {
    created: true,
    account,
    authToken,
    key: { sid: key.sid, secret },
    applicationSid: application?.sid,
    trunkSid: trunk.sid,
    numbers: [number.number],
    phoneDomain: await addPhones(store, account.sid, application?.sid),
  };
}

/** A domain with one user, whose password is made here and shown by `hookswitch sip-users show phone`. */
async function addPhones(store: TenantStore, accountSid: string, applicationSid: string | undefined): Promise<string> {
  const domain = await store.phones.addDomain(accountSid, {
    domain: DEMO_PHONE_DOMAIN,
    applicationSid: applicationSid ?? null,
  });
  await store.phones.addUser(domain.sid, { username: DEMO_PHONE_USER });
  return domain.domain;
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
  if (trunk !== undefined && options.keepTrunk !== true) {
    if (allow !== undefined && allow.join() !== trunk.allow.join()) {
      await store.updateTrunk(trunk.sid, { allow: [...allow] });
    }
    const [gateway] = gatewaysOf(trunk);
    if (outbound !== undefined && (outbound.host !== gateway?.host || outbound.port !== gateway.port)) {
      await store.updateTrunk(trunk.sid, { settings: { gateways: [outbound] } });
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
    phoneDomain: (await store.phones.domains(account.sid)).find(({ domain }) => domain === DEMO_PHONE_DOMAIN)?.domain,
  };
}

async function newKey(store: TenantStore, accountSid: string): Promise<{ sid: string; secret: string }> {
  const { key, secret } = await store.createKey(accountSid, 'First key');
  return { sid: key.sid, secret };
}
