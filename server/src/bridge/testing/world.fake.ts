import { topicMatches, topicsOf } from '@hookswitch/shared';
import type {
  EventData,
  EventType,
  Grants,
  HookswitchEvent,
  SoftphonePush,
  SoftphoneRequestInput,
} from '@hookswitch/shared';
import type {
  CallRouter,
  EventSink,
  IncomingCall as RoutedCall,
  InstructionRequest,
  InstructionResponse,
  Instructions,
  LegEvent,
  Legs,
  SipAdmission,
} from '../../calls/ports.ts';
import type { ExtensionConnection } from '../../gateway/ports.ts';
import { FakeClock, settle } from '../../kernel/clock.fake.ts';
import { seededRandom, silentLog } from '../../kernel/index.ts';
import type { Random } from '../../kernel/index.ts';
import { BridgeRequests } from '../requests/index.ts';
import { MemoryBridgeRequestStore } from '../requests/request-store.memory.ts';
import { createBridgeHost } from '../bridge-host.ts';
import type { BridgeHost, BridgeHostOptions } from '../bridge-host.ts';
import { MemoryRpcNetwork } from '../node-rpc.memory.ts';
import type { Notifications } from '../ports.ts';
import { MemoryRegistrations } from '../registrations.memory.ts';
import { createSoftphoneExtension } from '../softphone-extension.ts';
import type { SoftphoneExtension } from '../softphone-extension.ts';
import { FakeMediaEngine } from './media.fake.ts';
import { FakeIncoming, FakeUserAgent } from './sip.fake.ts';
import { FakeTrunks, aTrunk } from './trunks.fake.ts';

export const ACCOUNT = `AC${'1'.repeat(32)}`;
export const APPLICATION = `AP${'1'.repeat(32)}`;
export const ROOT = 'root';

/** The bus in memory: what is emitted reaches the matching subscribers at once. */
export class FakeBus implements EventSink, Notifications {
  readonly emitted: { type: EventType; accountSid: string; data: Record<string, unknown> }[] = [];
  readonly #subscribers = new Set<{ accountSid: string; pattern: string; onEvent: (event: HookswitchEvent) => void }>();
  readonly #clock: FakeClock;
  /** Milliseconds between emit and delivery; 0 is at once. */
  delayMs = 0;
  /** What becomes of events; undefined: it stays open. */
  outcome: 'stored' | 'refused' | undefined = 'stored';

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }
  get subscribers(): number {
    return this.#subscribers.size;
  }
  types(prefix = ''): string[] {
    return this.emitted.filter(({ type }) => type.startsWith(prefix)).map(({ type }) => type);
  }
  of<T extends EventType>(type: T): EventData<T>[] {
    return this.emitted.filter((event) => event.type === type).map((event) => event.data as EventData<T>);
  }
  emit<T extends EventType>(event: {
    accountSid: string;
    type: T;
    subject: string;
    data: EventData<T>;
    onSettled?: (outcome: 'stored' | 'refused') => void;
  }): void {
    if (this.outcome !== undefined) event.onSettled?.(this.outcome);
    const data = event.data as Record<string, unknown>;
    this.emitted.push({ type: event.type, accountSid: event.accountSid, data });
    const deliver = (): void => {
      this.#deliver(event.accountSid, event.type, event.data);
    };
    if (this.delayMs === 0) deliver();
    else this.#clock.setTimer(this.delayMs, deliver);
  }
  subscribe(
    accountSid: string,
    pattern: string,
    onEvent: (event: HookswitchEvent) => void,
  ): { ready: Promise<void>; close: () => void } {
    const subscriber = { accountSid, pattern, onEvent };
    this.#subscribers.add(subscriber);
    return { ready: Promise.resolve(), close: () => void this.#subscribers.delete(subscriber) };
  }
  #deliver<T extends EventType>(accountSid: string, type: T, data: EventData<T>): void {
    const event = { type, accountsid: accountSid, data } as unknown as HookswitchEvent;
    for (const { accountSid: account, pattern, onEvent } of [...this.#subscribers]) {
      if (account !== accountSid) continue;
      if (topicsOf(type, data).some((topic) => topicMatches(pattern, topic))) onEvent(event);
    }
  }
}

/** A call router that only notes; tests command the legs themselves, or react by `onEvent`. */
export class FakeRouter implements CallRouter {
  readonly calls: RoutedCall[] = [];
  readonly events: LegEvent[] = [];
  admission: SipAdmission = {
    admitted: true,
    accountSid: ACCOUNT,
    applicationSid: APPLICATION,
    trunkSid: 'TK1',
    from: '+15551234',
    to: '+15550100',
  };
  onEvent: (event: LegEvent) => void = () => {};

  admitSip(): SipAdmission {
    return this.admission;
  }
  incoming(call: RoutedCall): void {
    this.calls.push(call);
  }
  legEvent(event: LegEvent): void {
    this.events.push(event);
    this.onEvent(event);
  }
  /** Events of a leg as short words. */
  words(callSid: string): string[] {
    return this.events
      .filter((event) => event.callSid === callSid)
      .map((event) => {
        switch (event.kind) {
          case 'leg-ended':
            return `ended ${event.cause} ${event.by}`;
          case 'leg-ringing':
            return event.earlyMedia ? 'early-media' : 'ringing';
          case 'play-ended':
            return `play ${event.playId} ${event.result}`;
          case 'digit':
            return `digit ${event.digit}`;
          case 'one-way-audio':
            return `one-way ${event.silent}`;
          default:
            return event.kind.replace('leg-', '');
        }
      });
  }
}

/** An application server that is asked about messages. */
export class FakeApplication implements Instructions {
  readonly asked: InstructionRequest[] = [];
  answer: (request: InstructionRequest) => Promise<InstructionResponse> = () => Promise.resolve(json('{}'));

  fetch(request: InstructionRequest): Promise<InstructionResponse> {
    this.asked.push(request);
    return this.answer(request);
  }
}

/** An answer of the application. */
export function json(body: string, contentType = 'application/json'): InstructionResponse {
  return { ok: true, url: 'http://app.test/', status: 200, contentType, body, durationMs: 1 };
}

/** A device: its connection to a gateway, and what it was told. */
export class FakeDevice {
  readonly pushes: SoftphonePush[] = [];
  readonly extension: SoftphoneExtension;
  readonly connection: ExtensionConnection;
  readonly #clock: FakeClock;

  constructor(parts: { extension: SoftphoneExtension; clock: FakeClock; grants: Grants; id: string }) {
    const { extension, clock, grants, id } = parts;
    this.extension = extension;
    this.#clock = clock;
    this.connection = { id, grants, push: (body) => void this.pushes.push(body as SoftphonePush) };
  }
  async ask(request: SoftphoneRequestInput): Promise<Record<string, unknown>> {
    const answer = await this.extension.handle(this.connection, request);
    await this.#clock.advanceAsync(0);
    return 'result' in answer ? (answer.result as Record<string, unknown>) : { ...answer };
  }
  async register(registration?: string): Promise<string> {
    const answer = await this.ask({ type: 'register', ...(registration === undefined ? {} : { registration }) });
    if (typeof answer['registration'] !== 'string') throw new Error(JSON.stringify(answer));
    return answer['registration'];
  }
  get incoming(): Extract<SoftphonePush, { type: 'incoming' }>[] {
    return this.pushes.filter((push) => push.type === 'incoming');
  }
  accept(push = this.incoming.at(-1)!): Promise<Record<string, unknown>> {
    return this.ask({
      type: 'accept',
      callSid: push.callSid,
      token: push.token,
      hint: push.hint,
      rtpCapabilities: { codecs: [{ mimeType: 'audio/PCMU' }] },
    });
  }
  reject(reason: 'rejected' | 'busy' = 'rejected'): Promise<Record<string, unknown>> {
    const { callSid, token, hint } = this.incoming.at(-1)!;
    return this.ask({ type: 'reject', callSid, token, hint, reason });
  }
  drop(): void {
    this.extension.connectionClosed(this.connection, 'gone');
  }
  /** Pushes as short words. */
  words(): string[] {
    return this.pushes.map((push) => {
      switch (push.type) {
        case 'cancel':
          return `cancel ${push.reason}${push.by === undefined ? '' : ` by ${push.by}`}`;
        case 'ended':
          return `ended ${push.cause}`;
        case 'ringing':
          return push.earlyMedia ? 'ringing early' : 'ringing';
        case 'digit':
          return `digit ${push.digit}`;
        case 'codec':
          return `codec ${push.codec}`;
        case 'one-way-audio':
          return `one-way ${push.silent}`;
        default:
          return push.type;
      }
    });
  }
}

export function grantsOf(identity: string | undefined, change: Partial<Grants> = {}): Grants {
  return {
    accountSid: ACCOUNT,
    keySid: `SK${'1'.repeat(32)}`,
    tokenId: undefined,
    identity,
    expiresAt: Infinity,
    voice: { incoming: true, outgoing: { applicationSid: APPLICATION, params: {} } },
    subscribe: [],
    publish: [],
    presence: [],
    trace: false,
    ...change,
  };
}

/** One call node and its gateway on fakes, connected by the memory implementations of the bridge's ports. */
export class World {
  readonly clock = new FakeClock();
  readonly random: Random;
  readonly media = new FakeMediaEngine();
  readonly agent = new FakeUserAgent();
  readonly router = new FakeRouter();
  readonly bus = new FakeBus(this.clock);
  readonly application = new FakeApplication();
  readonly requests = new BridgeRequests({
    store: new MemoryBridgeRequestStore(),
    events: this.bus,
    clock: this.clock,
    random: seededRandom(1),
  });
  readonly registrations = new MemoryRegistrations();
  readonly network = new MemoryRpcNetwork(silentLog);
  readonly host: BridgeHost;
  readonly front: SoftphoneExtension;
  readonly fronts: SoftphoneExtension[] = [];
  readonly trunks = new FakeTrunks(aTrunk());
  #connections = 0;
  #sids = 0;

  constructor(options: Partial<BridgeHostOptions> = {}, seed = 7) {
    this.random = seededRandom(seed);
    this.host = createBridgeHost({
      ...this.#common(),
      rpc: this.network.node('node-a'),
      media: this.media,
      requests: this.requests,
      trunks: this.trunks,
      sipAddress: '192.0.2.100',
      ...options,
    });
    this.host.start({ router: this.router, userAgent: this.agent, instructions: this.application });
    this.front = this.gateway('gate-a');
  }
  #common() {
    const { clock, random, registrations, bus } = this;
    return { clock, random, log: silentLog, registrations, events: bus };
  }
  /** A further gateway. */
  gateway(name: string): SoftphoneExtension {
    const rpc = this.network.node(name);
    const parts = {
      ...this.#common(),
      rpc,
      notifications: this.bus,
      requests: this.requests,
      pickHost: () => 'node-a',
    };
    const front = createSoftphoneExtension(parts);
    this.fronts.push(front);
    return front;
  }
  get legs(): Legs {
    return this.host.legs;
  }
  sid(): string {
    return `CA${String(++this.#sids).padStart(32, '0')}`;
  }
  device(
    identity: string | undefined = 'alice',
    change: Partial<Grants> = {},
    extension: SoftphoneExtension = this.front,
  ): FakeDevice {
    const id = `conn-${String(++this.#connections)}`;
    return new FakeDevice({ extension, clock: this.clock, grants: grantsOf(identity, change), id });
  }
  async registered(identity = 'alice'): Promise<FakeDevice> {
    const device = this.device(identity);
    await device.register();
    return device;
  }
  /** An INVITE that has reached the router. */
  async caller(call = new FakeIncoming(this.router.admission as never)): Promise<{ sip: FakeIncoming; root: string }> {
    const before = this.router.calls.length;
    this.host.sipHandlers.onInvite(call);
    await settle();
    const root = this.router.calls[before]?.callSid;
    if (root === undefined) throw new Error(`the call did not reach the router: ${call.did.join(' ')}`);
    return { sip: call, root };
  }
  /** Places a leg to a client target. */
  async dial(root: string, identity = 'alice', timeoutMs = 20_000): Promise<string> {
    const callSid = this.sid();
    const target = { kind: 'client', identity, parameters: { ticket: '42' } } as const;
    this.legs.place({ callSid, parentCallSid: root, accountSid: ACCOUNT, target, from: '+1', to: identity, timeoutMs });
    await settle();
    return callSid;
  }
  async dialNumber(root: string, number = '+15559999', timeoutMs = 20_000): Promise<string> {
    const callSid = this.sid();
    const target = { kind: 'number', number, sendDigits: undefined } as const;
    this.legs.place({
      callSid,
      parentCallSid: root,
      accountSid: ACCOUNT,
      target,
      from: '+15550100',
      to: number,
      timeoutMs,
    });
    await settle();
    return callSid;
  }
  /** A caller merged with a device. */
  async talking(): Promise<{ sip: FakeIncoming; root: string; child: string; device: FakeDevice }> {
    const device = await this.registered();
    const { sip, root } = await this.caller();
    this.legs.answer(root);
    const child = await this.dial(root);
    await device.accept();
    this.legs.merge(root, child);
    this.media.leg(root).flow();
    this.media.leg(child).flow();
    await settle();
    return { sip, root, child, device };
  }
  /** Everything that must be nothing when no call and no device is left. */
  async residue(): Promise<object> {
    await Promise.all(this.fronts.map((front) => front.close()));
    this.host.close();
    await settle();
    return {
      legs: this.host.residue,
      media: this.media.open,
      timers: this.clock.pendingTimers,
      store: this.registrations.size,
      front: this.fronts.reduce((sum, front) => sum + front.size, 0),
      subscribers: this.bus.subscribers,
      served: this.network.size,
    };
  }
}

export const NOTHING = {
  legs: 0,
  media: { rooms: 0, legs: 0, listeners: 0 },
  timers: 0,
  store: { registrations: 0, watchers: 0 },
  front: 0,
  subscribers: 0,
  served: 0,
};
