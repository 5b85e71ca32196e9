import { delay, systemClock } from '../../kernel/index.ts';
import type { ClientLegMedia, LegEvents, MediaEngine, Room, SipLegMedia } from '../ports.ts';
import { RtpPeer } from './rtp-peer.ts';
import { WebRtcPeer } from './webrtc-peer.ts';

/** A phone and a browser that are bridged, both talking: the phone 1000 Hz, the browser 700 Hz. */
export class Bridged {
  static readonly #open = new Set<Bridged>();
  readonly room: Room;
  readonly phoneLeg: SipLegMedia;
  readonly leg: ClientLegMedia;
  readonly phone: RtpPeer;
  readonly client: WebRtcPeer;
  readonly path: LegEvents['path'][] = [];
  readonly dtmf: string[] = [];
  /** Tone packets sent so far by each. */
  sent = 0;
  readonly saidAt: number[] = [];
  /** The client stops talking. */
  isMuted = false;
  isPhoneMuted = false;
  /** Packets carry their number, not tones. */
  isNumbered = false;
  /** Packets hold no sound. */
  isQuiet = false;
  #stop = false;
  #talking: Promise<void> | undefined;

  private constructor(made: Pick<Bridged, 'room' | 'phoneLeg' | 'leg' | 'phone' | 'client'>) {
    this.room = made.room;
    this.phoneLeg = made.phoneLeg;
    this.leg = made.leg;
    this.phone = made.phone;
    this.client = made.client;
    this.phoneLeg.on('path', (change) => this.path.push(change));
    this.phoneLeg.on('dtmf', ({ digit }) => this.dtmf.push(digit));
  }

  static async open(of: MediaEngine): Promise<Bridged> {
    const room = await of.createRoom({ id: 'bridged' });
    const [phoneLeg, leg] = [await room.createSipLeg({ id: 's' }), await room.createClientLeg({ id: 'c' })];
    const [phone, client] = [await RtpPeer.open(), new WebRtcPeer()];
    phone.target = phoneLeg.local;
    phoneLeg.update(phone.remote());
    await client.join(leg);
    room.connect(phoneLeg, leg);
    const bridged = new Bridged({ room, phoneLeg, leg, phone, client });
    Bridged.#open.add(bridged);
    return bridged;
  }

  /** What a test that failed left open: those after it count what is there. */
  static async closeAll(): Promise<void> {
    for (const bridged of Bridged.#open) await bridged.close();
  }

  /** Both send every `everyMs` from now on; the sequence goes on where it was. */
  talk(everyMs = 20): void {
    this.#stop = false;
    this.#talking = (async () => {
      for (let due = systemClock.monotonic(); !this.#stop; due += everyMs) {
        if (!this.isPhoneMuted) this.#say(this.phone, this.sent);
        if (!this.isMuted) this.#say(this.client, this.sent);
        this.sent++;
        this.saidAt.push(systemClock.monotonic());
        await delay(systemClock, due + everyMs - systemClock.monotonic());
      }
    })();
  }

  #say(who: RtpPeer | WebRtcPeer, n: number): void {
    if (this.isQuiet) {
      const payload = Buffer.alloc(160, 0xff);
      if (who instanceof WebRtcPeer) who.send(payload, n);
      else who.send({ payloadType: 0, payload });
    } else if (!this.isNumbered) who.sendTone(who instanceof RtpPeer ? 1000 : 700, n);
    else if (who instanceof WebRtcPeer) who.send(numbered(n), n);
    else {
      who.send({ payloadType: 0, payload: numbered(n) });
      who.timestamp = (who.timestamp + 160) >>> 0;
    }
  }

  async hush(): Promise<void> {
    this.#stop = true;
    await this.#talking;
    await delay(systemClock, 60);
  }

  /** Resolves with the reason of the next change to this owner. */
  until(owner: 'node' | 'plain'): Promise<string> {
    return new Promise((resolve) => {
      const off = this.phoneLeg.on('path', (change) => {
        if (change.owner !== owner) return;
        off();
        resolve(change.reason);
      });
    });
  }

  /** Talks until the worker carries the audio. */
  async onPlain(): Promise<void> {
    const plain = this.until('plain');
    this.talk();
    await plain;
  }

  async close(): Promise<void> {
    if (!Bridged.#open.delete(this)) return;
    await this.hush();
    await this.room.close();
    await Promise.all([this.phone.close(), this.client.close()]);
  }
}

/** A payload of 20 ms that says which one it is. */
export function numbered(n: number): Uint8Array {
  const payload = Buffer.alloc(160, 0x55);
  payload.writeUInt32BE(n);
  return payload;
}
