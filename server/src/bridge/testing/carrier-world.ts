import { admit } from '../../calls/admission.ts';
import type { IncomingCall, LegEvent, SipAdmission, SipAdmissionFacts } from '../../calls/ports.ts';
import { createMetrics, silentLog, systemClock, systemRandom } from '../../kernel/index.ts';
import { createUserAgent, openUdpTransport } from '../../sip/index.ts';
import type {
  CallFailure,
  IncomingCall as SipCall,
  InviteOptions,
  OutgoingCall,
  RequestFacts,
  UserAgent,
} from '../../sip/index.ts';
import { createBridgeHost } from '../bridge-host.ts';
import type { BridgeHost, BridgeHostOptions } from '../bridge-host.ts';
import { MemoryRpcNetwork } from '../node-rpc.memory.ts';
import { MemoryRegistrations } from '../registrations.memory.ts';
import type { Trunk } from '../trunks/index.ts';
import { Waiting } from '../../testing/waiting.ts';
import { FakeMediaEngine } from './media.fake.ts';
import { SDP } from './sip.fake.ts';
import { FakeTrunks, aGateway } from './trunks.fake.ts';
import { ACCOUNT, APPLICATION, FakeBus, FakeRouter } from './world.fake.ts';

type Transport = Awaited<ReturnType<typeof openUdpTransport>>;

const parts = { clock: systemClock, random: systemRandom, log: silentLog };

/** Answers whose call it is as the real router does, for one number. */
class AdmittingRouter extends FakeRouter {
  override admitSip(facts?: SipAdmissionFacts): SipAdmission {
    if (facts === undefined) throw new Error('admission without facts');
    return admit(
      {
        accountActive: () => true,
        number: (accountSid, e164) => (e164 === '+15550100' ? { accountSid, applicationSid: APPLICATION } : undefined),
        application: () => ({
          applicationSid: APPLICATION,
          voice: { url: 'http://127.0.0.1/', method: 'POST' },
          fallback: undefined,
          statusCallback: undefined,
        }),
      },
      facts,
    );
  }
  override incoming(call: IncomingCall): void {
    super.incoming(call);
    this.onEvent({ kind: 'leg-ringing', callSid: call.callSid, earlyMedia: false });
  }
}

/** The bridge on the real SIP stack over loopback, media faked. */
export class CarrierWorld {
  readonly media = new FakeMediaEngine();
  readonly router = new AdmittingRouter();
  readonly bus = new FakeBus(undefined as never);
  readonly trunks = new FakeTrunks();
  readonly metrics = createMetrics();
  readonly transport: Transport;
  readonly host: BridgeHost;
  readonly agent: UserAgent;
  readonly #carriers: Carrier[] = [];
  readonly #waiting = new Waiting();
  #sids = 0;

  private constructor(transport: Transport, options: Partial<BridgeHostOptions>) {
    this.transport = transport;
    const { address } = transport.local;
    this.host = createBridgeHost({
      ...parts,
      media: this.media,
      events: this.bus,
      registrations: new MemoryRegistrations(),
      rpc: new MemoryRpcNetwork(silentLog).node('node-a'),
      trunks: this.trunks,
      metrics: this.metrics,
      sipAddress: address.includes(':') ? `[${address}]` : address,
      ...options,
    });
    this.agent = createUserAgent({ ...parts, transport, handlers: this.host.sipHandlers });
    this.host.start({ router: this.router, userAgent: this.agent });
    this.router.onEvent = () => {
      this.#waiting.wake();
    };
  }

  static async open(options: Partial<BridgeHostOptions> = {}, address = '127.0.0.1'): Promise<CarrierWorld> {
    return new CarrierWorld(await openUdpTransport({ address, log: silentLog }), options);
  }

  /** A carrier's gateway with an address of its own. */
  async carrier(address = this.transport.local.address): Promise<Carrier> {
    const carrier = await Carrier.open(address, this.transport.local.port, this.transport.local.address);
    this.#carriers.push(carrier);
    return carrier;
  }

  until(condition: () => boolean): Promise<void> {
    return this.#waiting.until(condition);
  }

  /** Dials a number; resolves when the leg is answered or has ended, with these events as words. */
  async dial(
    number = '+4930123',
    timeoutMs = 20_000,
  ): Promise<{ callSid: string; words: string[]; end: LegEvent | undefined }> {
    const callSid = `CA${String(++this.#sids).padStart(32, '0')}`;
    const target = { kind: 'number', number, sendDigits: undefined } as const;
    const common = { accountSid: ACCOUNT, from: '+15550100', to: number, timeoutMs };
    this.host.legs.place({ callSid, parentCallSid: callSid, target, ...common });
    await this.until(() => this.router.words(callSid).some((word) => /answered|ended/.test(word)));
    const end = this.router.events.find((event) => event.callSid === callSid && event.kind === 'leg-ended');
    return { callSid, words: this.router.words(callSid), end };
  }

  hangUp(callSid: string): void {
    this.host.legs.end(callSid, { cause: 'hangup-api', message: 'over' });
  }

  /** Everything that must be nothing in the end. */
  async close(): Promise<object> {
    this.host.close();
    for (const carrier of this.#carriers) await carrier.close();
    this.agent.close();
    await this.transport.close();
    return { legs: this.host.residue, calls: this.agent.stats.calls, listeners: this.trunks.listeners };
  }
}

/** The far end of a trunk. */
export class Carrier {
  /** INVITEs that arrived. */
  readonly received: RequestFacts[] = [];
  /** Contact of the last REGISTER; every one is taken. */
  contact: string | undefined;
  /** What is done with them (default: answered). */
  answer: (call: SipCall) => void = (call) => {
    call.answer(SDP);
  };
  readonly #transport: Transport;
  readonly #agent: UserAgent;
  readonly #peer: string;

  private constructor(transport: Transport, peer: string) {
    this.#transport = transport;
    this.#peer = peer;
    this.#agent = createUserAgent({
      ...parts,
      transport,
      handlers: {
        authorize: () => ({ allow: true, context: undefined }),
        onInvite: (call) => {
          this.received.push(call);
          this.answer(call);
        },
        onRequest: (request) => {
          const value = request.header('Contact') ?? '';
          this.contact = /<([^>]*)>/.exec(value)?.[1];
          request.respond(200, { headers: [{ name: 'Contact', value }] });
          return true;
        },
      },
    });
  }

  static async open(address: string, port: number, host: string): Promise<Carrier> {
    const peer = `${host.includes(':') ? `[${host}]` : host}:${String(port)}`;
    return new Carrier(await openUdpTransport({ address, log: silentLog }), peer);
  }

  /** As a gateway of a trunk. */
  gateway(change: Partial<Trunk['gateways'][number]> = {}): Trunk['gateways'][number] {
    const { address, port } = this.#transport.local;
    return aGateway(address, { port, ...change });
  }

  /** Refuses every call. */
  refuse(status: number): this {
    this.answer = (call) => {
      call.reject(status);
    };
    return this;
  }

  options(): Promise<number> {
    return this.#agent.ping(`sip:${this.#peer}`);
  }

  /** Calls the server. Resolves with the call when it was answered, with the failure when not. */
  call(options: Partial<InviteOptions> = {}): {
    readonly call: OutgoingCall;
    readonly result: Promise<'answered' | CallFailure>;
  } {
    const { promise, resolve } = Promise.withResolvers<'answered' | CallFailure>();
    const call = this.#agent.invite(
      { target: `sip:+15550100@${this.#peer}`, from: { uri: `sip:+4930999@carrier.invalid` }, sdp: SDP, ...options },
      {
        onAnswered: () => {
          resolve('answered');
        },
        onFailed: resolve,
      },
    );
    return { call, result: promise };
  }

  async close(): Promise<void> {
    this.#agent.close();
    await this.#transport.close();
  }
}
