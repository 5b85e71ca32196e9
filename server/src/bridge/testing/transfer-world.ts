import { NodeCallRouter } from '../../calls/index.ts';
import type { CallDirectory, InstructionRequest } from '../../calls/ports.ts';
import { delay, silentLog, systemClock, systemRandom } from '../../kernel/index.ts';
import { createMediaEngine } from '../../media/engine.mediasoup.ts';
import { encodeWav, toneShare } from '../../media/index.ts';
import type { MediaEngine } from '../../media/ports.ts';
import { RtpPeer } from '../../media/testing/rtp-peer.ts';
import { requireWorkerBin } from '../../media/testing/worker-bin.ts';
import { createSdpSession, createUserAgent, openUdpTransport } from '../../sip/index.ts';
import type {
  CallControl,
  CallEnd,
  IncomingCall,
  InviteOptions,
  ReceivedRefer,
  SdpSession,
  SingleTransport,
  UserAgent,
} from '../../sip/index.ts';
import { Waiting } from '../../testing/waiting.ts';
import { createBridgeHost } from '../bridge-host.ts';
import type { BridgeHost } from '../bridge-host.ts';
import { MemoryRpcNetwork } from '../node-rpc.memory.ts';
import { MemoryBindings } from '../../sip/registrar/bindings.memory.ts';
import { MemoryRegistrations } from '../registrations.memory.ts';
import type { Trunk } from '../trunks/index.ts';
import { PASSWORD, PHONE_DOMAIN, phoneConfiguration } from './phone-world.ts';
import { FakeTrunks, aGateway, aTrunk } from './trunks.fake.ts';
import { ACCOUNT, APPLICATION, FakeBus } from './world.fake.ts';

const parts = { clock: systemClock, random: systemRandom, log: silentLog };
const SERVER = '127.0.0.1';

/**
 * Bridge, call router, SIP stack and media engine of one node, real all of them, and an application that answers from a
 * table. Its parties are user agents with addresses, trunks and numbers of their own.
 */
export class TransferWorld {
  /** Documents by path of the URL; calls that come in ask for their number. */
  readonly documents = new Map<string, string>();
  readonly requests: InstructionRequest[] = [];
  readonly callbacks: InstructionRequest[] = [];
  readonly bus = new FakeBus(undefined as never);
  readonly trunks = new FakeTrunks();
  readonly host: BridgeHost;
  readonly router: NodeCallRouter;
  readonly agent: UserAgent;
  readonly media: MediaEngine;
  readonly #transport: SingleTransport;
  readonly #waiting = new Waiting();
  readonly #parties: Party[] = [];

  private constructor(media: MediaEngine, transport: SingleTransport) {
    this.media = media;
    this.#transport = transport;
    const emit = this.bus.emit.bind(this.bus);
    this.bus.emit = (event) => {
      emit(event);
      this.wake();
    };
    this.host = createBridgeHost({
      ...parts,
      media,
      events: this.bus,
      registrations: new MemoryRegistrations(),
      rpc: new MemoryRpcNetwork(silentLog).node('node-a'),
      trunks: this.trunks,
      phones: { configuration: phoneConfiguration(), bindings: new MemoryBindings() },
      sipAddress: SERVER,
    });
    const wav = encodeWav(new Int16Array(8000));
    this.router = new NodeCallRouter({
      ...parts,
      legs: this.host.legs,
      events: this.bus,
      directory: DIRECTORY,
      instructions: {
        fetch: (request) => {
          this.requests.push(request);
          this.wake();
          const path = new URL(request.url).pathname;
          const body = this.documents.get(path === '/voice' ? (request.params['To'] ?? '') : path) ?? '<Hangup/>';
          const { url } = request;
          const answer = { url, status: 200, contentType: 'text/xml', body: `<Response>${body}</Response>` };
          return Promise.resolve({ ok: true, ...answer, durationMs: 0 });
        },
      },
      prompts: { say: () => Promise.resolve({ ok: true, wav }), fetch: () => Promise.resolve({ ok: true, wav }) },
      callbacks: {
        send: (request) => {
          this.callbacks.push(request);
          this.wake();
        },
      },
    });
    this.agent = createUserAgent({ ...parts, transport, handlers: this.host.sipHandlers });
    this.host.start({ router: this.router, userAgent: this.agent });
  }

  static async open(): Promise<TransferWorld> {
    const media = await createMediaEngine({
      log: silentLog,
      workers: 1,
      workerBin: requireWorkerBin(),
      // Soon enough to be seen by a test: who talks for a moment is carried by the worker.
      handOver: { settleMs: 100, calmMs: 100, pollMs: 100 },
    });
    return new TransferWorld(media, await openUdpTransport({ address: SERVER, log: silentLog }));
  }

  get port(): number {
    return this.#transport.local.port;
  }

  /** A party behind a trunk of its own. */
  async party(change: Partial<Trunk> = {}): Promise<Party> {
    const index = this.#parties.length + 2;
    const party = await Party.open(this, { address: `127.0.0.${String(index)}`, number: `+1555020${String(index)}` });
    this.#parties.push(party);
    const { address, port, number } = party;
    const trunk = aTrunk({
      sid: `TK${String(index)}`,
      name: `trunk ${String(index)}`,
      accountSid: ACCOUNT,
      allow: [`${address}/32`],
      gateways: [aGateway(address, { port })],
      prefixes: [number],
      ...change,
    });
    this.trunks.set(...this.trunks.trunks(), trunk);
    return party;
  }

  /** A phone of the account, registered as this user. */
  async phone(user: string): Promise<Party> {
    const address = `127.0.0.${String(this.#parties.length + 2)}`;
    const phone = await Party.open(this, { address, number: user, isPhone: true });
    this.#parties.push(phone);
    await phone.register();
    return phone;
  }

  until(condition: () => boolean): Promise<void> {
    return this.#waiting.until(condition);
  }

  wake(): void {
    this.#waiting.wake();
  }

  /** Events of transfers, each as words. */
  transfers(): string[] {
    return this.bus.emitted
      .filter(({ type }) => type.startsWith('call.transfer'))
      .map(({ type, data }) => [type.replace('call.', ''), data['kind'], data['sipStatus']].filter(Boolean).join(' '));
  }

  /** What is left of calls. */
  get residue(): object {
    const { calls, dialogs } = this.agent.stats;
    const rooms = this.media.workers.reduce((sum, worker) => sum + worker.rooms, 0);
    return { legs: this.host.residue, routed: this.router.activeCalls().length, calls, dialogs, rooms };
  }

  async close(): Promise<void> {
    for (const party of this.#parties) await party.close();
    this.host.close();
    this.agent.close();
    await this.#transport.close();
    await this.media.close();
  }
}

export const NO_RESIDUE = { legs: 0, routed: 0, calls: 0, dialogs: 0, rooms: 0 };

const DIRECTORY: CallDirectory = {
  accountActive: () => true,
  number: (accountSid, e164) => (e164.startsWith('+1555010') ? { accountSid, applicationSid: APPLICATION } : undefined),
  application: () => ({
    applicationSid: APPLICATION,
    voice: { url: 'http://app.test/voice', method: 'POST' },
    fallback: undefined,
    statusCallback: undefined,
  }),
};

interface PartyFacts {
  readonly address: string;
  /** Or the user name of a phone. */
  readonly number: string;
  readonly isPhone?: boolean;
}

/** A peer with one user agent and any number of calls. */
export class Party {
  readonly number: string;
  readonly address: string;
  readonly port: number;
  /** Calls that it placed or got, in order. */
  readonly calls: PartyCall[] = [];
  /** Status that calls to it are refused with; 200: answered; 180: left ringing. */
  answers = 200;
  readonly #world: TransferWorld;
  readonly #transport: SingleTransport;
  readonly #agent: UserAgent;
  readonly #isPhone: boolean;

  private constructor(world: TransferWorld, facts: PartyFacts, transport: SingleTransport) {
    this.#world = world;
    this.number = facts.number;
    this.#isPhone = facts.isPhone === true;
    this.#transport = transport;
    ({ address: this.address, port: this.port } = transport.local);
    const take = (call: IncomingCall): void => void this.#take(call);
    this.#agent = createUserAgent({
      ...parts,
      transport,
      handlers: { authorize: () => ({ allow: true, context: undefined }), onInvite: take, onReplaces: take },
    });
  }

  static async open(world: TransferWorld, facts: PartyFacts): Promise<Party> {
    return new Party(world, facts, await openUdpTransport({ address: facts.address, log: silentLog }));
  }

  /** The call at hand. */
  get call(): PartyCall {
    const call = this.calls.at(-1);
    if (call === undefined) throw new Error('no call');
    return call;
  }

  /** Who it is, as it writes itself. */
  get uri(): string {
    return `sip:${this.number}@${this.#isPhone ? PHONE_DOMAIN : this.address}`;
  }

  async register(): Promise<void> {
    const { status } = await this.#agent.request({
      method: 'REGISTER',
      target: `sip:${PHONE_DOMAIN}`,
      nextHop: `sip:${SERVER}:${String(this.#world.port)};lr`,
      from: { uri: this.uri },
      to: { uri: this.uri },
      contact: { user: this.number, params: ';expires=600' },
      credentials: this.#credentials,
    });
    if (status !== 200) throw new Error(`${this.uri} cannot register: ${String(status)}`);
  }

  /** Calls a number of the server; resolves when the call is answered or refused. */
  async dial(user: string, options: Partial<InviteOptions> = {}): Promise<PartyCall> {
    const rtp = await RtpPeer.open(this.address);
    const sdp = createSdpSession({ address: this.address, port: rtp.port, codecs: ['PCMU'] }, systemRandom);
    const settled = Promise.withResolvers<void>();
    const target = `sip:${user}@${SERVER}:${String(this.#world.port)}`;
    const control = this.#agent.invite(
      {
        target,
        from: { uri: this.uri },
        sdp: sdp.createOffer(),
        ...(this.#isPhone ? { credentials: this.#credentials } : {}),
        ...options,
      },
      {
        onAnswered: (event) => {
          rtp.target.port = sdp.acceptAnswer(event.sdp ?? '').remotePort;
          settled.resolve();
        },
        onFailed: ({ status, sipReason }) => {
          call.failed = `${String(status)} ${sipReason?.text ?? ''}`.trim();
          settled.resolve();
        },
        onRefer: (refer) => {
          call.referred(refer);
        },
        onEnded: (end) => {
          call.over(end);
        },
      },
    );
    const call = new PartyCall(this.#world, { rtp, sdp, control });
    this.calls.push(call);
    await settled.promise;
    return call;
  }

  async close(): Promise<void> {
    for (const call of this.calls) await call.close();
    this.#agent.close();
    await this.#transport.close();
  }

  get #credentials(): { readonly username: string; readonly password: string } {
    return { username: this.number, password: PASSWORD };
  }

  async #take(incoming: IncomingCall): Promise<void> {
    if (this.answers === 180) {
      incoming.ring();
      return;
    }
    if (this.answers !== 200) {
      incoming.reject(this.answers);
      return;
    }
    const opened = Promise.withResolvers<PartyCall>();
    incoming.listen({
      onEnded: (end) => {
        void opened.promise.then((call) => {
          call.over(end);
        });
      },
      onRefer: (refer) => {
        void opened.promise.then((call) => {
          call.referred(refer);
        });
      },
    });
    const rtp = await RtpPeer.open(this.address);
    const sdp = createSdpSession({ address: this.address, port: rtp.port, codecs: ['PCMU'] }, systemRandom);
    const answer = sdp.answerOffer(incoming.remoteOffer ?? '');
    rtp.target.port = answer.audio.remotePort;
    incoming.ring();
    incoming.answer(answer.sdp);
    const call = new PartyCall(this.#world, { rtp, sdp, control: incoming });
    this.calls.push(call);
    opened.resolve(call);
    this.#world.wake();
  }
}

/** One call of a party, with a mouth and an ear. */
export class PartyCall {
  readonly control: CallControl;
  readonly rtp: RtpPeer;
  /** Why it was not answered. */
  failed: string | undefined;
  end: CallEnd | undefined;
  refers: ReceivedRefer[] = [];
  readonly #world: TransferWorld;
  readonly #sdp: SdpSession;
  #speaking = true;

  constructor(world: TransferWorld, parts: { rtp: RtpPeer; sdp: SdpSession; control: CallControl }) {
    this.#world = world;
    ({ rtp: this.rtp, sdp: this.#sdp, control: this.control } = parts);
  }

  /** Puts the other side on hold. */
  async hold(): Promise<void> {
    const result = await this.control.reinvite(this.#sdp.createOffer({ direction: 'sendonly' }));
    if (!result.ok) throw new Error(`hold was refused with ${String(result.status)}`);
    this.#sdp.acceptAnswer(result.sdp ?? '');
  }

  over(end: CallEnd): void {
    this.end = end;
    this.#speaking = false;
    this.#world.wake();
  }

  referred(refer: ReceivedRefer): void {
    this.refers.push(refer);
    this.#world.wake();
  }

  /** Sends a tone until the call is over. */
  say(hertz: number): void {
    void this.#speak(hertz);
  }

  /** Resolves when nothing but this tone has been heard for a second. */
  hears(hertz: number): Promise<void> {
    return this.rtp.until(() => {
      const heard = this.rtp.heard('PCMU', Math.max(0, this.rtp.packets.length - 50));
      return heard.length >= 50 * 160 && toneShare(heard, hertz) > 0.9;
    });
  }

  async close(): Promise<void> {
    this.#speaking = false;
    await delay(systemClock, 25);
    await this.rtp.close();
  }

  async #speak(hertz: number): Promise<void> {
    for (let n = 0; this.#speaking; n++) {
      this.rtp.sendTone(hertz, n);
      await delay(systemClock, 20);
    }
  }
}
