import type { RecordedCall, TraceRecord } from './ports.ts';

/** What a record costs besides its texts, bytes: the object, its numbers, its place in the list. */
const RECORD_OVERHEAD = 200;
/** What a trace costs with nothing in it, bytes. */
const GROUP_OVERHEAD = 600;

/**
 * One trace: all legs of a call, or a SIP exchange that is not known to belong to one. Bounded: the first half of the
 * limit keeps the beginning, the second half a window that moves with the end; what falls out between is counted.
 */
export class TraceGroup implements RecordedCall {
  readonly sipCallIds = new Set<string>();
  readonly sids = new Set<string>();
  /** Legs that have not ended. */
  readonly open = new Set<string>();
  accountSid: string | undefined;
  bytes = GROUP_OVERHEAD;
  /** Of the last record, monotonic. */
  lastMono: number;
  readonly #limit: number;
  #wall: number;
  #mono: number;
  #head: TraceRecord[] = [];
  #headBytes = 0;
  #tail: TraceRecord[] = [];
  #tailFrom = 0;
  #dropped = 0;
  #droppedAt = 0;

  /** @param parts.now epoch milliseconds at the monotonic time `mono` */
  constructor(parts: { readonly limit: number; readonly now: number; readonly mono: number }) {
    this.#limit = parts.limit;
    this.#wall = parts.now;
    this.#mono = parts.mono;
    this.lastMono = parts.mono;
  }

  get callSids(): readonly string[] {
    return [...this.sids];
  }

  get live(): boolean {
    return this.open.size > 0;
  }

  /** When it began, monotonic. */
  get since(): number {
    return this.#mono;
  }

  wallTime(mono: number): number {
    return this.#wall + (mono - this.#mono);
  }

  add(record: TraceRecord): void {
    const size = sizeOf(record);
    this.lastMono = Math.max(this.lastMono, record.mono);
    if (this.#dropped === 0 && this.#tail.length === 0 && this.#headBytes + size <= this.#limit / 2) {
      this.#head.push(record);
      this.#headBytes += size;
      this.bytes += size;
      return;
    }
    this.#tail.push(record);
    this.bytes += size;
    while (this.bytes > this.#limit && this.#tailFrom < this.#tail.length) this.#dropOldest();
  }

  /** Takes over what another one holds, which is the same call as it turned out. */
  absorb(other: TraceGroup): void {
    const all = [...this.#kept(), ...other.#kept()].sort((a, b) => a.mono - b.mono);
    if (other.#mono < this.#mono) {
      this.#wall = other.#wall;
      this.#mono = other.#mono;
    }
    const dropped = this.#dropped + other.#dropped;
    this.#droppedAt = Math.max(this.#droppedAt, other.#droppedAt);
    this.#head = [];
    this.#tail = [];
    this.#headBytes = this.#tailFrom = this.#dropped = 0;
    this.bytes = GROUP_OVERHEAD;
    for (const record of all) this.add(record);
    this.#dropped += dropped;
    for (const sid of other.sids) this.sids.add(sid);
    for (const id of other.sipCallIds) this.sipCallIds.add(id);
    for (const sid of other.open) this.open.add(sid);
    this.accountSid ??= other.accountSid;
  }

  get records(): readonly TraceRecord[] {
    const kept = this.#kept();
    if (this.#dropped > 0)
      kept.splice(this.#head.length, 0, { kind: 'gap', mono: this.#droppedAt, dropped: this.#dropped });
    return kept;
  }

  #kept(): TraceRecord[] {
    return [...this.#head, ...this.#tail.slice(this.#tailFrom)];
  }

  #dropOldest(): void {
    const record = this.#tail[this.#tailFrom];
    this.#tailFrom += 1;
    if (record === undefined) return;
    this.bytes -= sizeOf(record);
    this.#dropped += 1;
    this.#droppedAt = record.mono;
    if (this.#tailFrom < 64 || this.#tailFrom * 2 < this.#tail.length) return;
    this.#tail = this.#tail.slice(this.#tailFrom);
    this.#tailFrom = 0;
  }
}

/** Texts count a byte a character: they are kept as latin1, or nearly always as ASCII. */
function sizeOf(record: TraceRecord): number {
  switch (record.kind) {
    case 'sip':
      return RECORD_OVERHEAD + record.text.length;
    case 'http':
      return RECORD_OVERHEAD + record.url.length + record.body.length + textsOf(record.params);
    case 'event':
      return RECORD_OVERHEAD + textsOf(record.data);
    case 'media':
      return RECORD_OVERHEAD + record.summary.length;
    case 'gap':
      return RECORD_OVERHEAD;
  }
}

function textsOf(object: Readonly<Record<string, unknown>>): number {
  let size = 0;
  for (const name in object) {
    const value = object[name];
    size += 32 + (typeof value === 'string' ? value.length : typeof value === 'object' ? 200 : 0);
  }
  return size;
}
