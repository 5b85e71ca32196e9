import { timestampDistance } from './rtp-packet.ts';
import type { RtpPacket } from './rtp-packet.ts';

const EVENTS = '0123456789*#ABCD';
/** Without further packets for this long, a press whose end packets were all lost has ended. */
const LOST_END_MS = 150;
/** Repeated end packets with wandering timestamps are the same press within this time. */
const REPEAT_MS = 60;

/** A named event's payload, RFC 4733 section 2.3. */
export interface TelephoneEvent {
  readonly event: number;
  readonly end: boolean;
  /** 0-63, negative dBm0. */
  readonly volume: number;
  /** In clock units since the packet's timestamp. */
  readonly duration: number;
}

/** Undefined when the payload is too short. */
export function parseTelephoneEvent(payload: Uint8Array): TelephoneEvent | undefined {
  const [event, flags, high, low] = payload;
  if (event === undefined || flags === undefined || high === undefined || low === undefined) return undefined;
  return { event, end: (flags & 0x80) !== 0, volume: flags & 0x3f, duration: (high << 8) | low };
}

export function serializeTelephoneEvent(fields: TelephoneEvent): Uint8Array {
  const duration = Math.min(0xffff, fields.duration);
  return Uint8Array.of(fields.event, (fields.end ? 0x80 : 0) | (fields.volume & 0x3f), duration >> 8, duration & 0xff);
}

/** Event code of a key; undefined when there is none. */
export function eventOf(digit: string): number | undefined {
  const at = digit.length === 1 ? EVENTS.indexOf(digit.toUpperCase()) : -1;
  return at < 0 ? undefined : at;
}

export interface KeyPress {
  readonly digit: string;
  readonly durationMs: number;
}

interface Press {
  readonly event: number;
  readonly ssrc: number;
  timestamp: number;
  /** Clock units of finished segments of a long press, RFC 4733 section 2.5.1.3. */
  readonly before: number;
  duration: number;
  at: number;
  reported: boolean;
}

/**
 * Turns event packets into presses: one press, however many packets were lost or repeated, with or without marker bit
 * (RFC 4733 section 2.5.1.2 wants it on the first packet; many senders forget it). A press is identified by SSRC and timestamp;
 * senders that wrongly advance the timestamp within a press are recognised by the growing duration.
 */
export class TelephoneEventReceiver {
  #press: Press | undefined;

  /** @returns presses that this packet ended: the one before (its end was lost), this one, or both. @param now monotonic ms */
  receive(packet: Pick<RtpPacket, 'ssrc' | 'timestamp' | 'marker' | 'payload'>, now: number): KeyPress[] {
    const fields = parseTelephoneEvent(packet.payload);
    if (fields === undefined || fields.event >= EVENTS.length) return [];
    const ended: KeyPress[] = [];
    const current = this.#press;
    if (current !== undefined && this.#isSame(current, packet, fields, now)) {
      current.timestamp = packet.timestamp;
      current.duration = Math.max(current.duration, fields.duration);
      current.at = now;
    } else {
      if (current !== undefined && isOlder(current, packet, now)) return [];
      const goesOn = current?.reported === false && isNextSegment(current, packet, fields);
      if (!goesOn) this.#end(ended);
      this.#press = {
        event: fields.event,
        ssrc: packet.ssrc,
        timestamp: packet.timestamp,
        before: goesOn ? current.before + current.duration : 0,
        duration: fields.duration,
        at: now,
        reported: false,
      };
    }
    if (fields.end) this.#end(ended);
    return ended;
  }

  /** To be called now and then: ends a press whose end packets were lost. */
  expire(now: number): KeyPress[] {
    const ended: KeyPress[] = [];
    if (this.#press !== undefined && now - this.#press.at > LOST_END_MS) this.#end(ended);
    return ended;
  }

  #isSame(
    current: Press,
    packet: Pick<RtpPacket, 'ssrc' | 'timestamp' | 'marker'>,
    fields: TelephoneEvent,
    now: number,
  ) {
    if (packet.ssrc !== current.ssrc || fields.event !== current.event) return false;
    if (packet.timestamp === current.timestamp) return true;
    if (packet.marker || now - current.at > REPEAT_MS) return false;
    // Wandering timestamp: a press goes on (longer than before), or its end is repeated.
    return current.reported ? fields.end && fields.duration >= current.duration : fields.duration > current.duration;
  }

  #end(ended: KeyPress[]): void {
    const press = this.#press;
    if (press === undefined || press.reported) return;
    press.reported = true;
    ended.push({ digit: EVENTS[press.event] ?? '?', durationMs: Math.round((press.before + press.duration) / 8) });
  }
}

/** A straggler of an earlier press; a timeline that restarted lower is none. */
function isOlder(current: Press, packet: Pick<RtpPacket, 'ssrc' | 'timestamp'>, now: number): boolean {
  const behind = timestampDistance(current.timestamp, packet.timestamp);
  return packet.ssrc === current.ssrc && behind > 0 && behind < 40_000 && now - current.at < 1000;
}

function isNextSegment(
  current: Press,
  packet: Pick<RtpPacket, 'ssrc' | 'timestamp' | 'marker'>,
  fields: TelephoneEvent,
): boolean {
  return (
    packet.ssrc === current.ssrc &&
    !packet.marker &&
    fields.event === current.event &&
    timestampDistance(packet.timestamp, current.timestamp) === current.duration
  );
}
