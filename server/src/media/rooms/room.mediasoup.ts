import { toError } from '../../kernel/index.ts';
import type { Unsubscribe } from '../../kernel/index.ts';
import { MediaError } from '../media-error.ts';
import { PacedMixer } from '../mixer/mixer.ts';
import type { MixLeg } from '../mixer/mix-leg.ts';
import type {
  ClientLegMedia,
  ClientLegOptions,
  Leg,
  MediasoupJson,
  Mixer,
  MixLegMedia,
  Room,
  RoomEndReason,
  SipLegMedia,
  SipLegOptions,
} from '../ports.ts';
import type { RtpPortAllocator } from '../rtp/rtp-socket.ts';
import { ClientLeg } from './client-leg.mediasoup.ts';
import { DirectPair } from './direct-path.mediasoup.ts';
import { HandOverRunner } from './hand-over-runner.ts';
import type { LegAudio } from './leg-audio.ts';
import type { MediaContext } from './media-context.ts';
import { LazyRouter } from './room-router.mediasoup.ts';
import type { RoomRouter } from './room-router.mediasoup.ts';
import { SipLeg } from './sip-leg.ts';

type AnyLeg = SipLeg | ClientLeg | MixLeg;

export interface RoomParts {
  readonly id: string;
  readonly context: MediaContext;
  /** Makes the room's router on some worker. Asked when the first client comes. */
  readonly openRouter: () => Promise<RoomRouter>;
  readonly ports: RtpPortAllocator;
  readonly announcedAddress: string | undefined;
  readonly rtpCapabilities: MediasoupJson;
}

/** One call's media: its legs, who hears whom, and a router once there is a browser. */
export class MediasoupRoom implements Room {
  readonly id: string;
  readonly #parts: RoomParts;
  readonly #legs = new Map<LegAudio, AnyLeg>();
  /** One for each phone that is bridged to a browser. */
  readonly #handOvers = new Map<SipLeg, HandOverRunner>();
  readonly #router: LazyRouter;
  readonly #listeners = new Set<(reason: RoomEndReason) => void>();
  #ended: RoomEndReason | undefined;
  #ending: Promise<void> | undefined;

  constructor(parts: RoomParts) {
    this.id = parts.id;
    this.#parts = parts;
    this.#router = new LazyRouter(parts.openRouter, () => {
      void this.end('media-worker-died');
    });
  }

  get rtpCapabilities(): MediasoupJson {
    return this.#parts.rtpCapabilities;
  }

  /** Open legs. */
  get legs(): number {
    return this.#legs.size;
  }

  async createSipLeg(options: SipLegOptions): Promise<SipLegMedia> {
    this.#assertOpen();
    const { ports, context, announcedAddress } = this.#parts;
    const socket = await ports.open();
    if (this.#ended !== undefined) {
      await socket.close();
      this.#assertOpen();
    }
    const leg: SipLeg = new SipLeg({
      options,
      context,
      socket,
      announcedAddress,
      onChange: () => {
        this.#handOvers.get(leg)?.check();
      },
      onUpdate: () => {
        this.#handOvers.get(leg)?.interrupt('update');
      },
    });
    return this.#add(leg);
  }

  async createClientLeg(options: ClientLegOptions): Promise<ClientLegMedia> {
    this.#assertOpen();
    const { context } = this.#parts;
    const { router, direct, server } = await this.#router.get();
    this.#assertOpen();
    let leg: ClientLeg;
    try {
      leg = await ClientLeg.open({
        options,
        context,
        access: { router, direct },
        server,
        onChange: () => {
          this.#arrangeOpus(leg);
          this.#handOverOf(leg)?.check();
        },
      });
    } catch (error) {
      throw new MediaError('closed', `room ${this.id} ended while a client leg was being made`, { cause: error });
    }
    if (this.#ended !== undefined) {
      await leg.close(this.#ended);
      this.#assertOpen();
    }
    return this.#add(leg);
  }

  createMixLeg({ id, mixer }: { readonly id: string; readonly mixer: Mixer }): MixLegMedia {
    this.#assertOpen();
    if (!(mixer instanceof PacedMixer))
      throw new MediaError('bad-parameters', `mixer ${mixer.id} is not of this engine`);
    return this.#add(mixer.join(id));
  }

  connect(a: Leg, b: Leg | MixLegMedia): void {
    const [first, second] = [this.#own(a), this.#own(b)];
    // A leg that was closed meanwhile, or a closed room: nothing to connect.
    if (first === undefined || second === undefined || first === second || first.audio.peer === second.audio) return;
    this.#part(first);
    this.#part(second);
    first.audio.setPeer(second.audio);
    second.audio.setPeer(first.audio);
    this.#arrangeOpus(first);
    this.#offerHandOver(first, second);
  }

  disconnect(a: Leg, b: Leg | MixLegMedia): void {
    const [first, second] = [this.#own(a), this.#own(b)];
    if (first !== undefined && second !== undefined && first.audio.peer === second.audio) this.#part(first);
  }

  onEnded(listener: (reason: RoomEndReason) => void): Unsubscribe {
    const reason = this.#ended;
    if (reason === undefined) this.#listeners.add(listener);
    else {
      queueMicrotask(() => {
        this.#tell(listener, reason);
      });
    }
    return () => this.#listeners.delete(listener);
  }

  close(): Promise<void> {
    return this.end('closed');
  }

  /** Ends the room for this reason; the first one counts. */
  end(reason: RoomEndReason): Promise<void> {
    if (this.#ending !== undefined) return this.#ending;
    this.#ended = reason;
    this.#ending = (async () => {
      await Promise.allSettled([...this.#legs.values()].map((leg) => leg.close(reason)));
      this.#router.release();
      for (const listener of [...this.#listeners]) this.#tell(listener, reason);
      this.#listeners.clear();
    })();
    return this.#ending;
  }

  #add<L extends AnyLeg>(leg: L): L {
    this.#legs.set(leg.audio, leg);
    const forget = (): void => {
      this.#part(leg);
      this.#legs.delete(leg.audio);
    };
    if (leg.kind === 'sip') leg.on('closed', forget);
    else if (leg.kind === 'mix') leg.on('closed', forget);
    else leg.on('closed', forget);
    return leg;
  }

  #own(leg: Leg | MixLegMedia): AnyLeg | undefined {
    for (const own of this.#legs.values()) if (own === leg) return own;
    return undefined;
  }

  #part(leg: AnyLeg): void {
    const peer = leg.audio.peer;
    if (peer === undefined) return;
    this.#endHandOver(leg);
    leg.audio.setPeer(undefined);
    peer.setPeer(undefined);
    const other = this.#legs.get(peer);
    this.#arrangeOpus(leg);
    if (other !== undefined) this.#arrangeOpus(other);
  }

  /** A phone and a browser: the worker may carry their audio without Node. */
  #offerHandOver(first: AnyLeg, second: AnyLeg): void {
    const { context } = this.#parts;
    const sip = first.kind === 'sip' ? first : second;
    const client = first.kind === 'sip' ? second : first;
    if (context.handOver === undefined || sip.kind !== 'sip' || client.kind !== 'client') return;
    const access = this.#router.opened;
    if (access === undefined) return;
    const pair = new DirectPair({ sip, client, access, strays: access.strays, context });
    this.#handOvers.set(sip, new HandOverRunner(pair, context, context.handOver));
  }

  #handOverOf(leg: AnyLeg): HandOverRunner | undefined {
    const peer = leg.kind === 'sip' || leg.audio.peer === undefined ? leg : this.#legs.get(leg.audio.peer);
    return peer?.kind === 'sip' ? this.#handOvers.get(peer) : undefined;
  }

  /** Node has the audio of both on return. */
  #endHandOver(leg: AnyLeg): void {
    this.#handOverOf(leg)?.close();
    for (const one of [leg, leg.audio.peer === undefined ? undefined : this.#legs.get(leg.audio.peer)]) {
      if (one?.kind === 'sip') this.#handOvers.delete(one);
    }
  }

  /**
   * Opus is for two clients that both can, while nothing needs their audio as frames; each direction changes over when
   * its sender produces Opus, and back for the time of a playback.
   */
  #arrangeOpus(leg: AnyLeg): void {
    if (this.#ended !== undefined || leg.kind !== 'client') return;
    const peer = leg.audio.peer === undefined ? undefined : this.#legs.get(leg.audio.peer);
    if (peer?.kind !== 'client') {
      leg.wantCodec(leg.codec);
      leg.listenTo(undefined);
      return;
    }
    const needed = leg.audio.hasSinks || peer.audio.hasSinks;
    const wanted = !needed && leg.canOpus && peer.canOpus;
    for (const [one, other] of [
      [leg, peer],
      [peer, leg],
    ] as const) {
      one.wantCodec(wanted ? 'opus' : one.codec);
      one.listenTo(wanted && !one.audio.isPlaying ? other.opusProducer : undefined);
    }
  }

  #tell(listener: (reason: RoomEndReason) => void, reason: RoomEndReason): void {
    try {
      listener(reason);
    } catch (error) {
      this.#parts.context.log.error({ err: toError(error), room: this.id }, 'a listener of a room failed');
    }
  }

  #assertOpen(): void {
    if (this.#ended !== undefined) throw new MediaError('closed', `room ${this.id} has ended (${this.#ended})`);
  }
}
