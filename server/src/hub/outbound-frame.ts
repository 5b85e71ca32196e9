import type { Position, ServerFrame } from '@hookswitch/shared';
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
  readonly #encoded = new Map<FrameEncoder, Buffer>();
  #batch:
    { readonly encoder: FrameEncoder; readonly frames: readonly OutboundFrame[]; readonly bytes: Buffer } | undefined;

  constructor(json: string, position?: Position) {
    this.json = json;
    this.position = position;
  }

  static event(event: LoggedEvent): OutboundFrame {
    const { topic, position, json } = event;
    // Topic and position are put together by hand: `json` is the stored text, neither parsed nor written again.
    const text = `{"type":"event","topic":${JSON.stringify(topic)},"position":${JSON.stringify(position)},"event":${json}}`;
    return new OutboundFrame(text, position);
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
   * The frames' bytes one after another, for one write. The receivers of a busy topic have the same frames waiting, so
   * the latest concatenation that begins with a frame is kept on it and shared.
   */
  static concat(frames: readonly OutboundFrame[], encoder: FrameEncoder): Buffer {
    const [first] = frames;
    if (first === undefined) return Buffer.alloc(0);
    if (frames.length === 1) return first.bytes(encoder);
    const known = first.#batch;
    if (
      known?.encoder === encoder &&
      known.frames.length === frames.length &&
      known.frames.every((frame, at) => frame === frames[at])
    ) {
      return known.bytes;
    }
    const bytes = Buffer.concat(frames.map((frame) => frame.bytes(encoder)));
    first.#batch = { encoder, frames: [...frames], bytes };
    return bytes;
  }
}
