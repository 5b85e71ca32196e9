import type { Position, ServerFrame } from '@hookswitch/shared';
import type { EventTally } from './account-metrics.ts';
import type { LoggedEvent } from './ports.ts';

/** How one transport protocol puts the JSON text of a frame on the wire. One constant object per protocol. */
export interface FrameEncoder {
  readonly name: string;
  encode(json: string): Buffer;
}

/**
 * A frame on its way to clients. Everything in it is the same for every receiver, so that it is encoded once per
 * protocol and the bytes are shared.
 */
export class OutboundFrame {
  readonly json: string;
  /** Of the event inside; undefined for notices. */
  readonly position: Position | undefined;
  /** What counts it; undefined for notices. */
  readonly tally: EventTally | undefined;
  readonly #encoded = new Map<FrameEncoder, Buffer>();

  constructor(json: string, position?: Position, tally?: EventTally) {
    this.json = json;
    this.position = position;
    this.tally = tally;
  }

  static event(event: LoggedEvent, tally?: EventTally): OutboundFrame {
    const { topic, position, json } = event;
    // Topic and position are put together by hand: `json` is the stored text, neither parsed nor written again.
    const text = `{"type":"event","topic":${JSON.stringify(topic)},"position":${JSON.stringify(position)},"event":${json}}`;
    return new OutboundFrame(text, position, tally);
  }

  static notice(frame: ServerFrame): OutboundFrame {
    return new OutboundFrame(JSON.stringify(frame));
  }

  /** Approximate bytes on the wire. */
  get size(): number {
    return this.json.length;
  }

  bytes(encoder: FrameEncoder): Buffer {
    let bytes = this.#encoded.get(encoder);
    if (bytes === undefined) this.#encoded.set(encoder, (bytes = encoder.encode(this.json)));
    return bytes;
  }

  /**
   * The frames' bytes one after another, for one write. The receivers of a busy topic have the same array of frames
   * waiting: it is what the bytes are kept with, so that they go when the last of them has written. `frames` is not
   * changed afterwards.
   */
  static concat(frames: readonly OutboundFrame[], encoder: FrameEncoder): Buffer {
    const [first] = frames;
    if (first === undefined) return Buffer.alloc(0);
    if (frames.length === 1) return first.bytes(encoder);
    const batches = BATCHES.get(frames) ?? new Map<FrameEncoder, Buffer>();
    if (batches.size === 0) BATCHES.set(frames, batches);
    let bytes = batches.get(encoder);
    if (bytes === undefined) batches.set(encoder, (bytes = Buffer.concat(frames.map((frame) => frame.bytes(encoder)))));
    return bytes;
  }
}

/** Concatenations, by the frames in them. */
const BATCHES = new WeakMap<readonly OutboundFrame[], Map<FrameEncoder, Buffer>>();
