import type { Clock, Random } from '../../kernel/index.ts';
import { MediaError } from '../media-error.ts';
import type { AudioFrame, DtmfSendResult, G711Codec, LegStatistics, MediaDirection, SipMediaRemote } from '../ports.ts';
import { expectSource, targetOf } from './latch.ts';
import { TelephoneEventReceiver } from './rfc4733.ts';
import { EXCUSE_MS, SenderClaims } from './rtcp-claims.ts';
import { RtcpSession } from './rtcp-session.ts';
import type { Instant } from './rtcp-session.ts';
import { isRtcp } from './rtp-packet.ts';
import type { RtpPacket } from './rtp-packet.ts';
import { PortLender } from './port-lending.ts';
import type { NodePortOwner, RtpPortListener } from './rtp-port-owner.ts';
import { RtpReceiver } from './rtp-receiver.ts';
import { RtpSender } from './rtp-sender.ts';
import type { AudioPacket } from './rtp-sender.ts';
import type { RtpSockets } from './rtp-socket.ts';
import { isAddress } from './socket-address.ts';
import type { Endpoint } from './socket-address.ts';
import { TelephoneEventSender } from './telephone-event-sender.ts';

export interface NodeRtpEndpointOptions {
  /** Owned from now on: closed by close(). */
  readonly socket: RtpSockets;
  readonly clock: Clock;
  readonly random: Random;
  readonly codec: G711Codec;
  readonly listener: RtpPortListener;
}

/**
 * RTP endpoint of one phone, in Node: one port pair, symmetric latching (latch.ts), RTCP with real statistics, RFC 4733 both ways.
 * Nothing that arrives from the network makes it throw.
 */
export class NodeRtpEndpoint implements NodePortOwner {
  readonly kind = 'node';
  readonly lending: PortLender;
  readonly #socket: RtpSockets;
  readonly #clock: Clock;
  readonly #listener: RtpPortListener;
  readonly #receiver = new RtpReceiver();
  readonly #sender: RtpSender;
  readonly #rtcp: RtcpSession;
  readonly #claims = new SenderClaims();
  readonly #presses = new TelephoneEventReceiver();
  readonly #dtmf = new TelephoneEventSender();
  #remote: SipMediaRemote | undefined;
  #rtcpSource: Endpoint | undefined;
  #reportedPackets = 0;
  #socketErrors = 0;
  #foreignRtcp = 0;
  #closing: Promise<void> | undefined;

  constructor(options: NodeRtpEndpointOptions) {
    const { socket, clock, random, codec, listener } = options;
    this.#socket = socket;
    this.#clock = clock;
    this.#listener = listener;
    this.#sender = new RtpSender({
      codec,
      random,
      write: (datagram) => {
        const target = targetOf(this.#receiver.latch);
        if (target !== undefined) socket.sendRtp(datagram, target);
      },
    });
    this.#sender.enabled = false;
    this.#rtcp = new RtcpSession({ ssrc: this.#sender.ssrc, random });
    this.lending = new PortLender({
      socket,
      receiver: this.#receiver,
      sender: this.#sender,
      remote: () => this.#remote,
      rtcpTarget: () => this.#rtcpTarget(),
      isSendingDtmf: () => !this.#dtmf.isIdle,
      onEvent: (packet, now) => {
        this.#receiveEvent(packet, now);
      },
    });
    socket.attach({
      onRtp: (datagram, from) => {
        if (isRtcp(datagram)) this.#receiveRtcp(datagram, from);
        else this.#receiveRtp(datagram, from);
      },
      onRtcp: (datagram, from) => {
        this.#receiveRtcp(datagram, from);
      },
      onSocketError: () => {
        this.#socketErrors++;
      },
    });
  }

  get local(): Endpoint {
    return { address: this.#socket.address, port: this.#socket.port };
  }

  get codec(): G711Codec {
    return this.#sender.codec;
  }

  update(remote: SipMediaRemote): void {
    if (!isAddress(remote.address) || !Number.isInteger(remote.port) || remote.port < 0 || remote.port > 65_535) {
      throw new MediaError(
        'bad-parameters',
        `remote RTP address ${remote.address}:${String(remote.port)} is no IP address and port; refuse the SDP with 488`,
      );
    }
    const before = this.#receiver.latch;
    this.#remote = remote;
    this.#receiver.telephoneEvent = remote.receiveTelephoneEvent ?? remote.telephoneEvent;
    // The address of hold and rejected streams is no place: what was known stays.
    if (isPlace(remote)) this.#receiver.latch = expectSource(before, remote, remote.signallingAddress);
    if (this.#receiver.latch.latched !== before.latched) this.lending.open();
    if (this.#receiver.latch.expected !== before.expected) this.#rtcpSource = undefined;
    this.#sender.codec = remote.codec;
    this.#sender.enabled = isPlace(remote) && sends(remote.direction);
    if (this.#sender.enabled) return;
    this.#dtmf.stop();
    this.#sender.endEvent();
  }

  forward(packet: AudioPacket, now: number): number | undefined {
    return this.#sender.forward(packet, now);
  }

  skip(key: unknown): void {
    this.#sender.skip(key);
  }

  play(frame: AudioFrame, key: unknown, now: number): number | undefined {
    return this.#sender.frame(frame, key, now);
  }

  sendDtmf(digits: string, options: { readonly toneMs?: number; readonly gapMs?: number }): Promise<DtmfSendResult> {
    if (this.#closing !== undefined) return Promise.resolve('stopped');
    if (this.#remote?.telephoneEvent === undefined) return Promise.resolve('unsupported');
    return this.#dtmf.enqueue(digits, options);
  }

  tick(now: number): void {
    for (const press of this.#presses.expire(now)) this.#listener.onKeyPress(press);
    if (this.lending.isAway) return;
    if (!this.#dtmf.isIdle) this.#sendEvent(now);
    this.#sender.tick(now);
    if (this.#rtcp.isDue(now)) this.#report(false);
  }

  statistics(): LegStatistics {
    const { packets, octets } = this.#sender.totals;
    const remote = this.#rtcp.remote;
    return {
      received: this.#receiver.statistics(),
      sent: { packets, bytes: octets, lost: remote?.lost, jitterMs: remote?.jitterMs },
      roundTripMs: this.#rtcp.roundTripMs,
      counters: {
        ...this.#receiver.counters,
        socketErrors: this.#socketErrors,
        foreignRtcp: this.#foreignRtcp,
        sequenceRestart: this.#receiver.current?.restarts ?? 0,
      },
    };
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      this.#dtmf.stop();
      if (this.#sender.totals.packets > 0) this.#report(true);
      await this.#socket.close();
    })();
    return this.#closing;
  }

  #receiveRtp(datagram: Uint8Array, from: Endpoint): void {
    const now = this.#clock.monotonic();
    const received = this.#receiver.receive(datagram, from, now);
    if (received.kind === 'refused') return;
    this.#listener.onMedia(now);
    if (received.kind === 'audio') {
      // A held call's far end may go on sending; nobody is to hear it.
      if (receives(this.#remote?.direction ?? 'sendrecv')) this.#listener.onAudio(received.packet, now);
      return;
    }
    this.#listener.onGap(received.key);
    if (received.kind === 'comfort-noise') this.#listener.onExcuse(now, EXCUSE_MS.comfortNoise);
    if (received.kind === 'event') this.#receiveEvent(received.packet, now);
  }

  #receiveEvent(packet: RtpPacket, now: number): void {
    for (const press of this.#presses.receive(packet, now)) this.#listener.onKeyPress(press);
  }

  /** RTCP counts only from the address that media comes from, or is agreed to. */
  #receiveRtcp(datagram: Uint8Array, from: Endpoint): void {
    if (from.address !== targetOf(this.#receiver.latch)?.address) {
      this.#foreignRtcp++;
      return;
    }
    const instant = this.#instant();
    if (!this.#rtcp.receive(datagram, instant)) return;
    this.#rtcpSource = from;
    if (this.#claims.isComplete(this.#rtcp.remoteSent, this.#receiver.statistics().packets)) {
      this.#listener.onExcuse(instant.monotonic, EXCUSE_MS.report);
    }
  }

  #sendEvent(now: number): void {
    const payloadType = this.#remote?.telephoneEvent;
    if (payloadType === undefined) {
      this.#dtmf.stop();
      return;
    }
    const { send, ended } = this.#dtmf.tick();
    if (send !== undefined) this.#sender.event(send, payloadType, now);
    if (ended === true || this.#dtmf.isIdle) this.#sender.endEvent();
  }

  #report(bye: boolean): void {
    const to = this.#rtcpTarget();
    if (to === undefined) return;
    const { packets, octets } = this.#sender.totals;
    const now = this.#instant();
    const sentSince = packets > this.#reportedPackets;
    this.#reportedPackets = packets;
    const rtpTimestamp = this.#sender.timestampAt(now.monotonic);
    const compound = this.#rtcp.compose(now, {
      sender: sentSince ? { rtpTimestamp, packets, octets } : undefined,
      received: this.#receiver.current,
      bye,
    });
    this.#socket.sendRtcp(compound, to);
  }

  /** Where their RTCP comes from; before any came: as agreed, or the port above where their RTP comes from. */
  #rtcpTarget(): Endpoint | undefined {
    if (this.#rtcpSource !== undefined) return this.#rtcpSource;
    const { latched, expected } = this.#receiver.latch;
    const remote = this.#remote;
    if (remote?.port === 0) return undefined;
    if (latched !== undefined && latched.trust < 3) return { address: latched.address, port: latched.port + 1 };
    if (expected === undefined) return undefined;
    return { address: expected.address, port: remote?.rtcpPort ?? expected.port + 1 };
  }

  #instant(): Instant {
    return { wall: this.#clock.now(), monotonic: this.#clock.monotonic() };
  }
}

function sends(direction: MediaDirection): boolean {
  return direction === 'sendrecv' || direction === 'sendonly';
}

function receives(direction: MediaDirection): boolean {
  return direction === 'sendrecv' || direction === 'recvonly';
}

/** False for a rejected stream (port 0) and for RFC 2543 hold (0.0.0.0). */
function isPlace(remote: SipMediaRemote): boolean {
  return remote.port !== 0 && remote.address !== '0.0.0.0' && remote.address !== '::';
}
