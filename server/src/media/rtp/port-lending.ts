import type { PathReason, SipMediaRemote } from '../ports.ts';
import type { PortLending, RtpPortState } from './rtp-port-owner.ts';
import type { RtpPacket } from './rtp-packet.ts';
import type { RtpReceiver } from './rtp-receiver.ts';
import type { RtpSender } from './rtp-sender.ts';
import type { RtpSockets } from './rtp-socket.ts';
import { isIpv6Address, isSameEndpoint } from './socket-address.ts';
import type { Endpoint } from './socket-address.ts';

/** What the lender must know of the endpoint whose port it lends. */
export interface Lendable {
  readonly socket: RtpSockets;
  readonly receiver: RtpReceiver;
  readonly sender: RtpSender;
  readonly remote: () => SipMediaRemote | undefined;
  readonly rtcpTarget: () => Endpoint | undefined;
  /** Keys are being sent, or wait to be. */
  readonly isSendingDtmf: () => boolean;
  readonly onEvent: (packet: RtpPacket, now: number) => void;
}

/**
 * Lends the RTP port of a Node endpoint to a successor that binds it too. The endpoint's socket stays open all the time: what it
 * has received is read, and taking the port back needs no binding that could fail.
 */
export class PortLender implements PortLending {
  readonly #port: Lendable;
  #isAway = false;

  constructor(port: Lendable) {
    this.#port = port;
  }

  /** A successor has the port: nothing is to be sent from here. */
  get isAway(): boolean {
    return this.#isAway;
  }

  get obstacle(): PathReason | undefined {
    const { socket, receiver, sender, remote, isSendingDtmf } = this.#port;
    const { latched } = receiver.latch;
    if (socket.sharing === undefined) return 'encrypted';
    if (remote()?.direction !== 'sendrecv' || !sender.enabled) return 'direction';
    if (isSendingDtmf()) return 'dtmf';
    if (latched === undefined || receiver.current === undefined) return 'no-source';
    if (isIpv6Address(latched.address) !== isIpv6Address(socket.address)) return 'no-source';
    return receiver.lastCodec === sender.codec ? undefined : 'codec';
  }

  hold(): RtpPortState | undefined {
    const { socket, receiver, sender, remote, rtcpTarget } = this.#port;
    const [{ latched }, ssrc] = [receiver.latch, receiver.current?.ssrc];
    if (this.obstacle !== undefined || latched === undefined || ssrc === undefined) return undefined;
    const target = { address: latched.address, port: latched.port };
    socket.sharing?.hold(target);
    const agreed = remote();
    return {
      local: { address: socket.address, port: socket.port },
      receivedSsrc: ssrc,
      target,
      rtcpPort: rtcpTarget()?.port ?? target.port + 1,
      codec: sender.codec,
      telephoneEvent: agreed?.receiveTelephoneEvent ?? agreed?.telephoneEvent,
    };
  }

  isCurrent({ receivedSsrc, target }: RtpPortState): boolean {
    const { latch, current } = this.#port.receiver;
    return current?.ssrc === receivedSsrc && latch.latched !== undefined && isSameEndpoint(latch.latched, target);
  }

  yield(): void {
    this.#isAway = true;
    this.#port.socket.sharing?.yield();
  }

  take(now: number): void {
    const { socket, receiver, sender } = this.#port;
    if (!this.#isAway) return;
    this.#isAway = false;
    if (receiver.latch.latched !== undefined) socket.sharing?.hold(receiver.latch.latched);
    receiver.resume(now);
    sender.resume(now);
  }

  open(): void {
    this.#port.socket.sharing?.open();
  }

  event(packet: RtpPacket, now: number): void {
    this.#port.onEvent({ ...packet, ssrc: this.#port.receiver.current?.ssrc ?? packet.ssrc }, now);
  }
}
