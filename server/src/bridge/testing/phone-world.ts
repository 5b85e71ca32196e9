import { silentLog, systemClock, systemRandom } from '../../kernel/index.ts';
import { createMediaEngine } from '../../media/engine.mediasoup.ts';
import type { MediaEngine } from '../../media/ports.ts';
import { requireWorkerBin } from '../../media/testing/worker-bin.ts';
import { createUserAgent, openSipTransports } from '../../sip/index.ts';
import type { TransportSet, UserAgent } from '../../sip/index.ts';
import { MemoryBindings } from '../../sip/registrar/bindings.memory.ts';
import { createBridgeHost } from '../bridge-host.ts';
import type { BridgeHost } from '../bridge-host.ts';
import { MemoryRpcNetwork } from '../node-rpc.memory.ts';
import type { PhoneConfiguration, PhoneDomainFacts } from '../phones/index.ts';
import { MemoryRegistrations } from '../registrations.memory.ts';
import { Waiting } from '../../testing/waiting.ts';
import { FakeTrunks, aTrunk } from './trunks.fake.ts';
import { ACCOUNT, APPLICATION, FakeBus, FakeRouter } from './world.fake.ts';

export const PHONE_DOMAIN = 'phones.example.com';
export const PASSWORD = 'wonderland-7';

/** `alice` with a password, `bob` with a number, in one domain. */
export function phoneConfiguration(change: Partial<PhoneDomainFacts> = {}): PhoneConfiguration {
  const domain: PhoneDomainFacts = {
    sid: 'SD1',
    accountSid: ACCOUNT,
    domain: PHONE_DOMAIN,
    registration: true,
    applicationSid: APPLICATION,
    ...change,
  };
  const users = new Map([
    ['alice', { username: 'alice', password: PASSWORD, callerNumber: undefined }],
    ['bob', { username: 'bob', password: PASSWORD, callerNumber: '+15550177' }],
  ]);
  return {
    domain: (name) => (name.toLowerCase() === PHONE_DOMAIN ? domain : undefined),
    addressDomain: (address) => (address === '127.0.0.1' ? domain : undefined),
    user: (_sid, username) => users.get(username),
    caller: (_sid, username) => {
      const user = users.get(username);
      return user === undefined ? undefined : { ...user, listed: false };
    },
    access: () => ({ address: undefined, credentials: undefined }),
    accountActive: () => true,
  };
}

/** The bridge with SIP phones on real UDP and TCP and the real media engine; the call router is a script. */
export class PhoneWorld {
  readonly media: MediaEngine;
  readonly transport: TransportSet;
  readonly agent: UserAgent;
  readonly host: BridgeHost;
  readonly router = new FakeRouter();
  readonly bus = new FakeBus(undefined as never);
  readonly #waiting = new Waiting();

  private constructor(media: MediaEngine, transport: TransportSet) {
    const parts = { clock: systemClock, random: systemRandom, log: silentLog };
    this.media = media;
    this.transport = transport;
    const emit = this.bus.emit.bind(this.bus);
    this.bus.emit = (event) => {
      emit(event);
      this.#wake();
    };
    this.host = createBridgeHost({
      ...parts,
      media,
      events: this.bus,
      registrations: new MemoryRegistrations(),
      rpc: new MemoryRpcNetwork(silentLog).node('node-a'),
      // The address alone would be enough for a call: a phone of the same machine has to be told apart from it.
      trunks: new FakeTrunks(aTrunk({ allow: ['127.0.0.0/8'], gateways: [] })),
      phones: { configuration: phoneConfiguration(), bindings: new MemoryBindings() },
      sipAddress: '127.0.0.1',
    });
    this.agent = createUserAgent({ ...parts, transport, handlers: this.host.sipHandlers });
    this.router.onEvent = () => {
      this.#wake();
    };
    const incoming = this.router.incoming.bind(this.router);
    this.router.incoming = (call) => {
      incoming(call);
      this.#wake();
    };
    this.host.start({ router: this.router, userAgent: this.agent });
  }

  static async open(): Promise<PhoneWorld> {
    const media = await createMediaEngine({ log: silentLog, workers: 1, workerBin: requireWorkerBin() });
    const parts = { clock: systemClock, random: systemRandom, log: silentLog };
    return new PhoneWorld(media, await openSipTransports({ listen: { udp: { port: 0 }, tcp: { port: 0 } }, ...parts }));
  }

  get server(): string {
    const { address, port } = this.transport.advertisedFor('udp');
    return `${address}:${String(port)}`;
  }

  until(condition: () => boolean): Promise<void> {
    return this.#waiting.until(condition);
  }

  async close(): Promise<void> {
    this.host.close();
    await this.agent.end({ timeoutMs: 1000 });
    await this.transport.close();
    await this.media.close();
  }

  #wake(): void {
    this.#waiting.wake();
  }
}
