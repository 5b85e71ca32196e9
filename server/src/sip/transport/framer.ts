import { PARSE_LIMITS, startsLikeSip } from '../message/index.ts';

/** What a stream was cut into. */
export type Frame =
  /** One whole message, head and body; its memory is its own. */
  | { readonly kind: 'message'; readonly bytes: Buffer }
  /** A CRLF between messages: half a ping or a pong (RFC 5626 section 3.5.1). */
  | { readonly kind: 'crlf' }
  /** The stream cannot be cut any further. `bytes` is what there is of the message, to be answered where possible. */
  | { readonly kind: 'fault'; readonly bytes: Buffer; readonly fault: StreamFault };

/** Why a stream was given up, as the answer to the message at fault. */
export interface StreamFault {
  readonly status: number;
  readonly reason: string;
}

const CR = 13;
const LF = 10;
const HEAD_END = Buffer.from('\r\n\r\n');
const BARE_END = Buffer.from('\n\n');
const INITIAL_BYTES = 4096;

/**
 * Cuts a byte stream into SIP messages (RFC 3261 sections 7.5 and 18.3), however the bytes are chunked. It holds at most
 * one message of the parser's limits. After a fault it swallows everything: where the next message begins is unknown.
 */
export class StreamFramer {
  #store = Buffer.alloc(INITIAL_BYTES);
  /** Where the message that is being collected begins and how far the store is filled. */
  #start = 0;
  #end = 0;
  /** Up to here there is no end of the head. */
  #scanned = 0;
  #lineSeen = false;
  /** Length of the message, once its head is complete. */
  #total: number | undefined;
  #failed = false;

  /** True in the middle of a message. */
  get partial(): boolean {
    return !this.#failed && this.#end > this.#start;
  }

  push(chunk: Buffer): Frame[] {
    const frames: Frame[] = [];
    if (this.#failed) return frames;
    this.#append(chunk);
    for (let frame = this.#next(); frame !== undefined; frame = this.#next()) {
      frames.push(frame);
      if (frame.kind === 'fault') {
        this.#failed = true;
        this.#store = Buffer.alloc(0);
        return frames;
      }
    }
    this.#compact();
    return frames;
  }

  #append(chunk: Buffer): void {
    const needed = this.#end + chunk.length;
    if (needed > this.#store.length) {
      const larger = Buffer.alloc(Math.max(needed, this.#store.length * 2));
      this.#store.copy(larger, 0, 0, this.#end);
      this.#store = larger;
    }
    chunk.copy(this.#store, this.#end);
    this.#end = needed;
  }

  /** Moves the rest to the front, and lets a store go that one large message had made grow. */
  #compact(): void {
    if (this.#start === 0) return;
    const rest = this.#end - this.#start;
    if (rest === 0 && this.#store.length > 16 * INITIAL_BYTES) this.#store = Buffer.alloc(INITIAL_BYTES);
    else this.#store.copyWithin(0, this.#start, this.#end);
    this.#scanned = Math.max(0, this.#scanned - this.#start);
    this.#start = 0;
    this.#end = rest;
  }

  #next(): Frame | undefined {
    const crlf = this.#skipLineEnds();
    if (crlf !== undefined) return crlf;
    // Nothing, or half a line end.
    if (this.#end === this.#start || (!this.#lineSeen && this.#store[this.#start] === CR)) return undefined;
    if (this.#total === undefined) {
      const fault = this.#readHead();
      if (fault !== undefined) return { kind: 'fault', bytes: this.#head(), fault };
    }
    return this.#takeMessage(this.#total);
  }

  #takeMessage(total: number | undefined): Frame | undefined {
    if (total === undefined || this.#end - this.#start < total) return undefined;
    const bytes = Buffer.from(this.#store.subarray(this.#start, this.#start + total));
    this.#start += total;
    this.#scanned = this.#start;
    this.#total = undefined;
    this.#lineSeen = false;
    return { kind: 'message', bytes };
  }

  /** Section 7.5: line ends before a start line are ignored, but pings are made of them. */
  #skipLineEnds(): Frame | undefined {
    if (this.#lineSeen || this.#total !== undefined) return undefined;
    while (this.#start < this.#end) {
      const byte = this.#store[this.#start];
      if (byte !== CR && byte !== LF) return undefined;
      if (byte === CR && this.#start + 1 === this.#end) return undefined;
      const pair = byte === CR && this.#store[this.#start + 1] === LF;
      this.#start += pair ? 2 : 1;
      this.#scanned = this.#start;
      if (pair) return { kind: 'crlf' };
    }
    return undefined;
  }

  /** Finds the end of the head and with it the length of the message; a fault when there will never be one. */
  #readHead(): StreamFault | undefined {
    const filled = this.#store.subarray(0, this.#end);
    const fault = this.#readFirstLine(filled);
    if (fault !== undefined || !this.#lineSeen) return fault;
    const from = Math.max(this.#start, this.#scanned - HEAD_END.length + 1);
    const end = filled.indexOf(HEAD_END, from);
    const bare = filled.indexOf(BARE_END, from);
    // Bare line feeds are tolerated in datagrams; here they would leave two opinions on where the message ends.
    if (bare >= 0 && (end < 0 || bare < end)) return { status: 400, reason: 'Bad Request (lines end in CRLF)' };
    this.#scanned = this.#end;
    const headLength = (end < 0 ? this.#end : end + HEAD_END.length) - this.#start;
    if (headLength > PARSE_LIMITS.headBytes) return { status: 513, reason: 'Message Too Large (headers)' };
    if (end < 0) return undefined;
    const length = contentLength(filled.toString('latin1', this.#start, end + 2));
    if (typeof length !== 'number') return length;
    this.#total = headLength + length;
    return undefined;
  }

  #readFirstLine(filled: Buffer): StreamFault | undefined {
    if (this.#lineSeen) return undefined;
    const lineEnd = filled.indexOf(LF, Math.max(this.#start, this.#scanned));
    const soFar = (lineEnd < 0 ? this.#end : lineEnd) - this.#start;
    const garbage = { status: 400, reason: 'Bad Request (this is not SIP)' };
    // The first byte of a method or of `SIP/2.0` is a letter or another token character: TLS and the like end here.
    const first = filled[this.#start] ?? 0;
    if (first <= 32 || first >= 127 || soFar > PARSE_LIMITS.lineLength) return garbage;
    if (lineEnd < 0) {
      this.#scanned = this.#end;
      return undefined;
    }
    if (!startsLikeSip(filled.subarray(this.#start, lineEnd + 1))) return garbage;
    this.#lineSeen = true;
    this.#scanned = this.#start;
    return undefined;
  }

  #head(): Buffer {
    const end = Math.min(this.#end, this.#start + PARSE_LIMITS.headBytes);
    const head = this.#store.subarray(this.#start, end);
    const cut = head.indexOf(HEAD_END);
    return Buffer.from(cut < 0 ? head : head.subarray(0, cut + HEAD_END.length));
  }
}

const CONTENT_LENGTH = /\n(?:content-length|l)[ \t]*:((?:[^\r\n]|\r?\n[ \t])*)/gi;

/** Section 20.14: streams need a Content-Length; several have to agree, or two readers would see two messages. */
function contentLength(head: string): number | StreamFault {
  const values = new Set<string>();
  for (const match of head.matchAll(CONTENT_LENGTH)) values.add((match[1] ?? '').trim());
  const [value] = values;
  if (value === undefined) return { status: 400, reason: 'Bad Request (Content-Length is missing)' };
  if (values.size > 1) return { status: 400, reason: 'Bad Request (several Content-Length that differ)' };
  if (!/^\d{1,10}$/.test(value)) return { status: 400, reason: 'Bad Request (Content-Length is not a number)' };
  const length = Number(value);
  return length > PARSE_LIMITS.bodyBytes ? { status: 513, reason: 'Message Too Large (body)' } : length;
}
