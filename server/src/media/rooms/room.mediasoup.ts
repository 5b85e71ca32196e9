import type { types } from 'mediasoup';
import { toError } from '../../kernel/index.ts';
import type { Unsubscribe } from '../../kernel/index.ts';
import { MediaError } from '../media-error.ts';
import type {
  ClientLegMedia,
  ClientLegOptions,
  Leg,
  MediasoupJson,
  Room,
  RoomEndReason,
  SipLegMedia,
  SipLegOptions,
} from '../ports.ts';
import type { RtpPortAllocator } from '../rtp/rtp-socket.ts';
import { ClientLeg } from './client-leg.mediasoup.ts';
import type { LegAudio } from './leg-audio.ts';
import type { MediaContext } from './media-context.ts';
import { SipLeg } from './sip-leg.ts';

export interface RoomParts {
  readonly id: string;
  readonly context: MediaContext;
  readonly router: types.Router;
  readonly direct: types.DirectTransport;
  readonly server: types.WebRtcServer;
  readonly ports: RtpPortAllocator;
  readonly announcedAddress: string | undefined;
}

/** One call's media: a router, its legs, and who hears whom. */
export class MediasoupRoom implements Room {
  readonly id: string;
  readonly #parts: RoomParts;
  readonly #legs = new Map<LegAudio, SipLeg | ClientLeg>();
  readonly #listeners = new Set<(reason: RoomEndReason) => void>();
  #ended: RoomEndReason | undefined;
  #ending: Promise<void> | undefined;

  constructor(parts: RoomParts) {
    this.id = parts.id;
    this.#parts = parts;
    parts.router.on('workerclose', () => {
      void this.end('media-worker-died');
    });
  }

  get rtpCapabilities(): MediasoupJson {
    return this.#parts.router.rtpCapabilities;
  }

  async createSipLeg(options: SipLegOptions): Promise<SipLegMedia> {
    this.#assertOpen();
    const { ports, context, announcedAddress } = this.#parts;
    const socket = await ports.open();
    if (this.#ended !== undefined) {
      await socket.close();
      this.#assertOpen();
    }
    return this.#add(new SipLeg({ options, context, socket, announcedAddress }));
  }

  async createClientLeg(options: ClientLegOptions): Promise<ClientLegMedia> {
    this.#assertOpen();
    const { context, router, direct, server } = this.#parts;
    let leg: ClientLeg;
    try {
      leg = await ClientLeg.open({
        options,
        context,
        access: { router, direct },
        server,
        onChange: () => {
          this.#arrangeOpus(leg);
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

  connect(a: Leg, b: Leg): void {
    const [first, second] = [this.#own(a), this.#own(b)];
    // A leg that was closed meanwhile, or a closed room: nothing to connect.
    if (first === undefined || second === undefined || first === second || first.audio.peer === second.audio) return;
    this.#part(first);
    this.#part(second);
    first.audio.setPeer(second.audio);
    second.audio.setPeer(first.audio);
    this.#arrangeOpus(first);
  }

  disconnect(a: Leg, b: Leg): void {
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
      this.#parts.router.close();
      for (const listener of [...this.#listeners]) this.#tell(listener, reason);
      this.#listeners.clear();
    })();
    return this.#ending;
  }

  #add<L extends SipLeg | ClientLeg>(leg: L): L {
    this.#legs.set(leg.audio, leg);
    const forget = (): void => {
      this.#part(leg);
      this.#legs.delete(leg.audio);
    };
    if (leg.kind === 'sip') leg.on('closed', forget);
    else leg.on('closed', forget);
    return leg;
  }

  #own(leg: Leg): SipLeg | ClientLeg | undefined {
    for (const own of this.#legs.values()) if (own === leg) return own;
    return undefined;
  }

  #part(leg: SipLeg | ClientLeg): void {
    const peer = leg.audio.peer;
    if (peer === undefined) return;
    leg.audio.setPeer(undefined);
    peer.setPeer(undefined);
    const other = this.#legs.get(peer);
    this.#arrangeOpus(leg);
    if (other !== undefined) this.#arrangeOpus(other);
  }

  /**
   * Opus is for two clients that both can, while nothing needs their audio as frames; each direction changes over when
   * its sender produces Opus, and back for the time of a playback.
   */
  #arrangeOpus(leg: SipLeg | ClientLeg): void {
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
