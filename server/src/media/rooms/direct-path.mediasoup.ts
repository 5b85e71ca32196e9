import type { types } from 'mediasoup';
import { delay } from '../../kernel/index.ts';
import type { Unsubscribe } from '../../kernel/index.ts';
import { MediaError } from '../media-error.ts';
import type { PathOwner, PathReason } from '../ports.ts';
import { PacketSampler } from '../rtp/packet-sampler.mediasoup.ts';
import { EXCUSE_MS } from '../rtp/rtcp-claims.ts';
import { PlainTransportOwner } from '../rtp/plain-transport-owner.mediasoup.ts';
import type { RtpPortState } from '../rtp/rtp-port-owner.ts';
import type { ClientLeg } from './client-leg.mediasoup.ts';
import type { DirectAccess, Microphone } from './client-streams.mediasoup.ts';
import type { HandOverPair, LentPath } from './hand-over-runner.ts';
import type { MediaContext } from './media-context.ts';
import { PathHealth } from './path-health.ts';
import type { PathFinding } from './path-health.ts';
import type { SipLeg } from './sip-leg.ts';
import type { StrayAlert, StrayLook } from './stray-alert.ts';

/** Both parties were heard so recently that their streams are taken for running, milliseconds. */
const RUNNING_MS = 500;
/** How long Node keeps the port for packets of the client that came to it before the worker took over, milliseconds. */
const STRAGGLERS_MS = 2;
/** How long the worker keeps the port after Node took it back, for what it had received already, milliseconds. */
const DRAIN_MS = 50;
/** Silence is told when it is found again so much later: a worker that was held up has packets waiting that it did not count yet, milliseconds. */
const RECHECK_MS = 20;

/** How often a packet of either party is looked at for whether it holds any sound, milliseconds. */
const SAMPLE_MS = 3000;

export interface PairParts {
  readonly sip: SipLeg;
  readonly client: ClientLeg;
  readonly access: DirectAccess;
  /** Of the worker that the access is at. */
  readonly strays: StrayAlert;
  readonly context: MediaContext;
}

/** A bridged phone and browser, as the hand-over sees them. */
export class DirectPair implements HandOverPair {
  readonly #parts: PairParts;

  constructor(parts: PairParts) {
    this.#parts = parts;
  }

  obstacle(isPlain: boolean): PathReason | undefined {
    const { sip, client, context } = this.#parts;
    if (sip.audio.isPlaying || client.audio.isPlaying) return 'playback';
    if (sip.audio.hasSinks || client.audio.hasSinks) return 'sink';
    const port = sip.lending.obstacle;
    if (port !== undefined) return port;
    const { microphone } = client;
    if (!client.isConnected || microphone === undefined) return 'not-connected';
    if (microphone.codec !== sip.codec || client.hearing.codec !== `audio/${sip.codec.toLowerCase()}`) return 'codec';
    if (isPlain) return undefined;
    const now = context.clock.monotonic();
    if (!sip.isFlowing || sip.flow.idleMs(now) > RUNNING_MS) return 'silent';
    return !client.isFlowing || client.flow.idleMs(now) > RUNNING_MS ? 'peer-silent' : undefined;
  }

  async prepare(): Promise<LentPath> {
    const { sip, client, access, context } = this.#parts;
    const { microphone } = client;
    const state = microphone === undefined ? undefined : sip.lending.hold();
    if (state === undefined || microphone === undefined)
      throw new MediaError('closed', 'nothing to hand over any more');
    const health = new PathHealth();
    let owner: PlainTransportOwner | undefined;
    try {
      owner = await PlainTransportOwner.open({
        ...access,
        state,
        microphone: microphone.producer,
        cname: sip.id,
        onEvent: (packet) => {
          sip.lending.event(packet, context.clock.monotonic());
        },
        onComfortNoise: () => {
          const now = context.clock.monotonic();
          health.excuse(now, EXCUSE_MS.comfortNoise);
          sip.flow.excuse(now, EXCUSE_MS.comfortNoise);
        },
      });
      const endSource = await client.hearing.addSource(owner.producer);
      // Last: that of the microphone would outlive a failure.
      const samplers = await this.#openSamplers(owner.producer, microphone);
      return new DirectPath(this.#parts, owner, { microphone, endSource, samplers, state, health });
    } catch (error) {
      owner?.close();
      sip.lending.open();
      throw error;
    }
  }

  /** The worker closes them when the owner or the microphone closes. */
  #openSamplers(phone: types.Producer, microphone: Microphone): Promise<PacketSampler[]> {
    const { sip, client, access, context } = this.#parts;
    const sides = [
      { producer: phone, codec: sip.codec, silence: sip.silence },
      { producer: microphone.producer, codec: microphone.codec, silence: client.silence },
    ];
    const open = ({ producer, codec, silence }: (typeof sides)[number]): Promise<PacketSampler> =>
      PacketSampler.open({
        direct: access.direct,
        producer,
        codec,
        onPayload: (payload) => {
          silence.audio(codec, payload, context.clock.monotonic());
        },
      });
    return Promise.all(sides.map(open));
  }

  report(owner: PathOwner, reason: PathReason): void {
    this.#parts.sip.reportPath(owner, reason);
  }

  onStray(look: StrayLook): Unsubscribe {
    return this.#parts.strays.on(look);
  }
}

/** What a hand-over was prepared with. */
interface Prepared {
  /** How the phone sent then. */
  readonly state: RtpPortState;
  readonly health: PathHealth;
  readonly microphone: Microphone;
  /** The client hears the phone by way of Node alone again. */
  readonly endSource: () => void;
  /** Of either party. */
  readonly samplers: readonly PacketSampler[];
}

/**
 * The worker's side of one hand-over. Neither way has a moment without a carrier: what is on its way to Node when it yields
 * goes its way through Node, and what is on its way to the worker when Node takes back through the worker.
 */
class DirectPath implements LentPath {
  readonly #parts: PairParts;
  readonly #owner: PlainTransportOwner;
  readonly #prepared: Prepared;
  #isSwitched = false;
  #sampledAt = -Infinity;

  constructor(parts: PairParts, owner: PlainTransportOwner, prepared: Prepared) {
    this.#parts = parts;
    this.#owner = owner;
    this.#prepared = prepared;
  }

  async switchOver(): Promise<void> {
    const { sip, context } = this.#parts;
    // The worker would know neither another SSRC nor another port.
    if (!sip.lending.isCurrent(this.#prepared.state))
      throw new MediaError('closed', 'the phone changed its stream just now');
    this.#isSwitched = true;
    // Asked for in one breath: the worker does one after the other.
    await Promise.all([this.#owner.start(), this.#prepared.microphone.mute()]);
    // mediasoup hands on packets a turn later than answers: Node still has the port for those that came before this one.
    await delay(context.clock, STRAGGLERS_MS);
    sip.lending.yield();
    this.#prepared.health.begin(context.clock.monotonic());
    sip.setSuccessor(this.#owner);
  }

  async takeBack(): Promise<void> {
    const { sip, client, context } = this.#parts;
    if (this.#isSwitched) {
      sip.lending.take(context.clock.monotonic());
      sip.setSuccessor(undefined);
      const settled = [this.#prepared.microphone.listen(), this.#owner.stop(), client.hearing.renew()];
      await Promise.allSettled(settled);
      await delay(context.clock, DRAIN_MS);
    }
    this.#prepared.endSource();
    for (const sampler of this.#prepared.samplers) sampler.close();
    this.#owner.close();
    sip.lending.open();
  }

  async examine(): Promise<PathReason | undefined> {
    const { reason } = await this.#look();
    if (reason !== 'silent' && reason !== 'peer-silent') return reason;
    await delay(this.#parts.context.clock, RECHECK_MS);
    return (await this.#look()).reason;
  }

  async hasStrayed(): Promise<boolean> {
    return this.#prepared.health.hasStrayed(await this.#owner.counters());
  }

  async #look(): Promise<PathFinding> {
    const { sip, client, context } = this.#parts;
    const counters = await this.#owner.counters();
    const now = context.clock.monotonic();
    const finding = this.#prepared.health.examine(counters, now);
    if (now - this.#sampledAt >= SAMPLE_MS) {
      this.#sampledAt = now;
      for (const sampler of this.#prepared.samplers) sampler.take();
    }
    if (finding.isSent) client.flow.media(now);
    if (finding.isHeard) sip.flow.media(now);
    return finding;
  }
}
