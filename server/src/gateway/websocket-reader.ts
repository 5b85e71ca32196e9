import { isUtf8 } from 'node:buffer';

/** Why a client's bytes are no WebSocket frames of this endpoint, as its close frame says it (RFC 6455 section 7.4.1). */
export interface Violation {
  readonly code: 1002 | 1007 | 1009;
  readonly reason: string;
}

/** What comes out of a client's bytes, in order. Nothing is called after `onClose` or `onViolation`. */
export interface FrameSink {
  onText(text: string): void;
  onBinary(payload: Buffer): void;
  /** @param payload belongs to the sink until it returns */
  onPing(payload: Buffer): void;
  /** @param code undefined: the client gave none */
  onClose(code: number | undefined): void;
  onViolation(violation: Violation): void;
}

const [CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG] = [0, 1, 2, 8, 9, 10];
const KNOWN: ReadonlySet<number> = new Set([CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG]);
const MOST_CONTROL_BYTES = 125;
const LEAST_BUFFER = 4096;

/**
 * Reads the frames of one client (RFC 6455 section 5; no extensions). Needed only while there is something unfinished:
 * what a client sends nearly always comes in whole frames, so that whoever holds very many connections lets each reader go
 * when it is {@link idle}. Holds at most about twice `maxBytes`, however small the pieces are that it gets.
 */
export class FrameReader {
  readonly #sink: FrameSink;
  readonly #maxBytes: number;
  /** A frame that came in part: its bytes so far. */
  #frame: Buffer | undefined;
  #filled = 0;
  /** A message that came in part: its frames' payload so far. */
  #message: Buffer | undefined;
  #messageBytes = 0;
  #opcode: number | undefined;
  #ended = false;

  /** @param maxBytes of a message */
  constructor(sink: FrameSink, maxBytes: number) {
    this.#sink = sink;
    this.#maxBytes = maxBytes;
  }

  /** Nothing is unfinished. */
  get idle(): boolean {
    return this.#frame === undefined && this.#opcode === undefined;
  }

  /** @param chunk belongs to the reader: it is unmasked in place */
  read(chunk: Buffer): void {
    let at = this.#frame === undefined ? 0 : this.#fill(chunk, 0);
    while (at < chunk.length && !this.#ended) at = this.#next(chunk, at);
  }

  /** Takes the frame that begins at `at`, or what is there of it; returns where the one after it begins. */
  #next(chunk: Buffer, at: number): number {
    const size = this.#sizeOf(chunk, at, chunk.length);
    if (size > chunk.length - at) return this.#fill(chunk, at);
    if (!this.#ended) this.#take(chunk, at, at + size);
    return at + size;
  }

  /** Takes more of a frame that came in part; returns where in the chunk the next one begins. */
  #fill(chunk: Buffer, from: number): number {
    let at = from;
    for (;;) {
      const frame = this.#frame;
      const size = this.#sizeOf(frame ?? chunk, 0, this.#filled);
      if (this.#ended) return chunk.length;
      if (frame !== undefined && this.#filled >= size) {
        const whole = this.#filled;
        this.#frame = undefined;
        this.#filled = 0;
        this.#take(frame, 0, whole);
        return at;
      }
      const some = Math.min(size - this.#filled, chunk.length - at);
      if (some === 0) return at;
      this.#frame = withRoom(frame, this.#filled, Math.min(size, this.#filled + some));
      chunk.copy(this.#frame, this.#filled, at, at + some);
      this.#filled += some;
      at += some;
    }
  }

  /** Bytes of the frame that begins at `at`, or as many as have to be there to know more of it. */
  #sizeOf(bytes: Buffer, at: number, end: number): number {
    const there = end - at;
    if (there < 2) return 2;
    const [first, second] = [bytes[at] ?? 0, bytes[at + 1] ?? 0];
    const short = second & 0x7f;
    const head = headOf(short);
    const violation = this.#violationOf(first, second);
    if (violation !== undefined) return this.#violate({ code: 1002, reason: violation });
    if (there < head) return head;
    const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : lengthOf(bytes, at + 2);
    if (length + this.#messageBytes > this.#maxBytes && first < 0x88) {
      return this.#violate({ code: 1009, reason: `a message has ${this.#maxBytes} bytes at most` });
    }
    return head + length;
  }

  #violationOf(first: number, second: number): string | undefined {
    const opcode = first & 0x0f;
    if ((first & 0x70) !== 0) return 'no extension was agreed on';
    if ((second & 0x80) === 0) return 'the frames of a client are masked';
    if (!KNOWN.has(opcode)) return 'unknown opcode';
    if (opcode >= CLOSE && ((first & 0x80) === 0 || (second & 0x7f) > MOST_CONTROL_BYTES)) {
      return 'a control frame is whole and has 125 bytes at most';
    }
    if (opcode >= CLOSE || (opcode === CONTINUATION) === (this.#opcode !== undefined)) return undefined;
    return opcode === CONTINUATION ? 'nothing to continue' : 'the message before is not finished';
  }

  #violate(violation: Violation): number {
    this.#end();
    this.#sink.onViolation(violation);
    return 0;
  }

  #end(): void {
    this.#ended = true;
    this.#frame = this.#message = this.#opcode = undefined;
  }

  /** A whole frame that is in order. */
  #take(bytes: Buffer, from: number, to: number): void {
    const first = bytes[from] ?? 0;
    const opcode = first & 0x0f;
    const head = headOf((bytes[from + 1] ?? 0) & 0x7f);
    const payload = bytes.subarray(from + head, to);
    unmask(payload, bytes, from + head - 4);
    if (opcode === PING) this.#sink.onPing(payload);
    else if (opcode === CLOSE) this.#close(payload);
    else if (opcode !== PONG) this.#data(opcode, payload, (first & 0x80) !== 0);
  }

  #data(opcode: number, payload: Buffer, final: boolean): void {
    const begun = this.#opcode ?? opcode;
    if (final && this.#message === undefined) {
      this.#opcode = undefined;
      this.#give(begun, payload);
      return;
    }
    this.#opcode = begun;
    this.#message = withRoom(this.#message, this.#messageBytes, this.#messageBytes + payload.length);
    payload.copy(this.#message, this.#messageBytes);
    this.#messageBytes += payload.length;
    if (!final) return;
    const whole = this.#message.subarray(0, this.#messageBytes);
    this.#message = this.#opcode = undefined;
    this.#messageBytes = 0;
    this.#give(begun, whole);
  }

  #give(opcode: number, payload: Buffer): void {
    if (opcode === BINARY) this.#sink.onBinary(payload);
    else if (isUtf8(payload)) this.#sink.onText(payload.toString('utf8'));
    else this.#violate({ code: 1007, reason: 'text is UTF-8' });
  }

  #close(payload: Buffer): void {
    const code = payload.length >= 2 ? payload.readUInt16BE(0) : undefined;
    if (payload.length === 1 || (code !== undefined && !mayBeSent(code))) {
      this.#violate({ code: 1002, reason: 'no such close code' });
    } else if (!isUtf8(payload.subarray(2))) this.#violate({ code: 1007, reason: 'a close reason is UTF-8' });
    else {
      this.#end();
      this.#sink.onClose(code);
    }
  }
}

/** Bytes before the payload, the mask included, by the 7 bits of length. */
function headOf(short: number): number {
  return short < 126 ? 6 : short === 126 ? 8 : 14;
}

function lengthOf(bytes: Buffer, at: number): number {
  const high = bytes.readUInt32BE(at);
  return high > 0x1f_ffff ? Infinity : high * 2 ** 32 + bytes.readUInt32BE(at + 4);
}

/** The same bytes with room for `size` of them; grows by doubling, since a length that was only announced is no reason. */
function withRoom(buffer: Buffer | undefined, filled: number, size: number): Buffer {
  if (buffer !== undefined && buffer.length >= size) return buffer;
  const grown = Buffer.allocUnsafeSlow(Math.max(size, LEAST_BUFFER, 2 * filled));
  buffer?.copy(grown, 0, 0, filled);
  return grown;
}

function unmask(payload: Buffer, mask: Buffer, at: number): void {
  const [a, b, c, d] = [mask[at] ?? 0, mask[at + 1] ?? 0, mask[at + 2] ?? 0, mask[at + 3] ?? 0];
  const key = [a, b, c, d];
  if ((a | b | c | d) === 0) return;
  for (let n = 0; n < payload.length; n++) payload[n] = (payload[n] ?? 0) ^ (key[n & 3] ?? 0);
}

/** Codes that an endpoint may give (RFC 6455 section 7.4). */
function mayBeSent(code: number): boolean {
  if (code >= 3000) return code <= 4999;
  return code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006;
}
