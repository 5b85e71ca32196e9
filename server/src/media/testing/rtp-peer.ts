import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { once } from 'node:events';
import { decodeG711, encodeG711, G711_PAYLOAD_TYPE } from '../audio/g711.ts';
import { renderTone } from '../audio/tones.ts';
import type { G711Codec, SipMediaRemote } from '../ports.ts';
import { parseRtp, serializeRtp } from '../rtp/rtp-packet.ts';
import type { RtpPacket } from '../rtp/rtp-packet.ts';

/** A phone's media on loopback: sends what it is told, keeps what it gets. */
export class RtpPeer implements AsyncDisposable {
  readonly socket: Socket;
  readonly packets: RtpPacket[] = [];
  readonly rtcp: Uint8Array[] = [];
  sequence = 65_500; // wraps soon
  timestamp = 0xffff_ff00;
  ssrc = 0x1234_5678;
  target = { address: '127.0.0.1', port: 0 };
  readonly #waiting = new Set<() => void>();

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('message', (datagram) => {
      const packet = parseRtp(datagram);
      if (packet === undefined) this.rtcp.push(datagram);
      else this.packets.push(packet);
      for (const wake of [...this.#waiting]) wake();
    });
  }

  static async open(address = '127.0.0.1'): Promise<RtpPeer> {
    const socket = createSocket('udp4');
    socket.bind(0, address);
    await once(socket, 'listening');
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
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#waiting.delete(wake);
          resolve();
        };
        this.#waiting.add(wake);
      });
    }
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
