import type { Trunk, TrunkDirectory } from '../trunks/index.ts';

/** A trunk as the configuration gives it, with the defaults of a new record. */
export function aTrunk(change: Partial<Trunk> = {}): Trunk {
  return {
    sid: 'TK1',
    accountSid: `AC${'1'.repeat(32)}`,
    name: 'carrier',
    allow: ['192.0.2.0/24'],
    inbound: undefined,
    gateways: [aGateway('192.0.2.10')],
    prefixes: [],
    priority: 0,
    cost: 0,
    digest: undefined,
    codecs: ['PCMU', 'PCMA'],
    sharing: 'own',
    channels: {},
    srtp: 'off',
    optionsIntervalS: 0,
    numbers: { countryCode: null, nationalPrefix: null, internationalPrefix: '00', out: 'e164', rules: [] },
    identity: { caller: 'from', trusted: false, fromUser: null, fromDomain: null, toDomain: null, diversion: false },
    register: undefined,
    reliableProvisional: 'supported',
    transfers: 'refuse',
    sessionTimer: undefined,
    ...change,
  };
}

export function aGateway(host: string, change: Partial<Trunk['gateways'][number]> = {}): Trunk['gateways'][number] {
  return { host, port: 5060, transport: 'udp', priority: 0, weight: 100, ...change };
}

/** Trunks that a test sets; one whose allow-list begins like the address allows it. */
export class FakeTrunks implements TrunkDirectory {
  readonly #listeners = new Set<(change: { kind: string; sid: string }) => void>();
  #list: readonly Trunk[];

  constructor(...list: Trunk[]) {
    this.#list = list;
  }
  set(...list: Trunk[]): void {
    this.#list = list;
    for (const listener of this.#listeners) listener({ kind: 'trunk', sid: 'TK' });
  }
  get listeners(): number {
    return this.#listeners.size;
  }
  trunks(accountSid?: string): readonly Trunk[] {
    return this.#list.filter((trunk) => accountSid === undefined || trunk.accountSid === accountSid);
  }
  trunk(sid: string): Trunk | undefined {
    return this.#list.find((trunk) => trunk.sid === sid);
  }
  trunksBySourceIp(ip: string): readonly Trunk[] {
    return this.#list.filter(({ allow }) =>
      allow.some((range) => ip.startsWith(range.replace(/(?:\.0)*\/\d+$|::?\/\d+$/, ''))),
    );
  }
  trunksByInboundUser(username: string): readonly Trunk[] {
    return this.#list.filter(({ inbound }) => inbound?.username === username);
  }
  onChange(listener: (change: { kind: string; sid: string }) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
