import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { once } from 'node:events';
import { decodeG711, encodeG711, G711_PAYLOAD_TYPE } from '../audio/g711.ts';
import { renderTone } from '../audio/tones.ts';
import type { G711Codec, SipMediaRemote } from '../ports.ts';
import { parseRtp, serializeRtp } from '../rtp/rtp-packet.ts';
import type { RtpPacket } from '../rtp/rtp-packet.ts';
import { Waiting } from '../../testing/waiting.ts';

/** A phone's media on loopback: sends what it is told, keeps what it gets. */
export class RtpPeer implements AsyncDisposable {
  readonly socket: Socket;
  readonly packets: RtpPacket[] = [];
  readonly rtcp: Uint8Array[] = [];
  sequence = 65_500; // wraps soon
  timestamp = 0xffff_ff00;
  ssrc = 0x1234_5678;
  target = { address: '127.0.0.1', port: 0 };
  readonly #waiting = new Waiting();

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('message', (datagram) => {
      const packet = parseRtp(datagram);
      if (packet === undefined) this.rtcp.push(datagram);
      else this.packets.push(packet);
      this.#waiting.wake();
    });
  }

  static async open(address = '127.0.0.1'): Promise<RtpPeer> {
    // Looked up at once, so that a datagram leaves in the turn in which it is sent.
    const socket = createSocket({
      type: 'udp4',
      lookup: (host, _options, found) => {
        found(null, host, 4);
      },
    });
    const listening = once(socket, 'listening');
    socket.bind(0, address);
    await listening;
    return new RtpPeer(socket);
  }

  get port(): number {
    return this.socket.address().port;
  }

  remote(extra: Partial<SipMediaRemote> = {}): SipMediaRemote {
    const { address, port } = this.socket.address();
    return { address, port, codec: 'PCMU', direction: 'sendrecv', telephoneEvent: 101, ...extra };
  }

  send(fields: Partial<RtpPacket> & { payload: Uint8Array }): void {
    const packet: RtpPacket = {
      payloadType: 0,
      marker: false,
      sequence: this.sequence,
      timestamp: this.timestamp,
      ssrc: this.ssrc,
      ...fields,
    };
    this.raw(serializeRtp(packet));
    this.sequence = (packet.sequence + 1) & 0xffff;
  }

  raw(datagram: Uint8Array): void {
    this.socket.send(datagram, this.target.port, this.target.address);
  }

  /** One 20 ms packet of audio; the n-th since the start of the tone. */
  sendTone(hertz: number, n: number, codec: G711Codec = 'PCMU'): void {
    const samples = renderTone({ frequencies: [hertz], cadenceMs: [], levelDbm0: -10 }, n * 160, 160);
    this.send({ payloadType: G711_PAYLOAD_TYPE[codec], payload: encodeG711(codec, samples) });
    this.timestamp = (this.timestamp + 160) >>> 0;
  }

  /** Waits for a message that makes the condition true. */
  until(condition: () => boolean): Promise<void> {
    return this.#waiting.until(condition);
  }

  /** Everything heard, in order of arrival. */
  heard(codec: G711Codec = 'PCMU', from = 0): Int16Array {
    const parts = this.packets
      .slice(from)
      .filter((packet) => packet.payloadType === G711_PAYLOAD_TYPE[codec])
      .map((packet) => decodeG711(codec, packet.payload));
    return Int16Array.from(parts.flatMap((part) => [...part]));
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.socket.close(resolve);
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
