import { patternIsSubset } from '@hookswitch/shared';
import type { EventLog, ScanBatch, ScanRequest } from './ports.ts';
import { checkKept } from './read-by-scan.ts';
import type { HeldEvent, ScanReader } from './scan-reader.ts';
import { TopicTrie } from './topic-trie.ts';

/** One pass over a stream for the readers that gathered, and for those that join on the way. */
export class ColdScan {
  readonly readers = new Set<ScanReader>();
  readonly #byAccount = new Map<string, TopicTrie<ScanReader>>();
  #epoch: string | undefined;
  #to = 0;
  /** Everything up to here was given to the readers; Infinity: not begun, or over. */
  #covered = Infinity;
  /** The account, and its pattern, that the log is asked for; undefined: everything. */
  #account: string | undefined;
  #pattern: string | undefined;

  /** Takes over those that wait, of one epoch, and decides from where to where is read. */
  gather(waiting: Set<ScanReader>): void {
    for (const reader of waiting) {
      const { from, to } = reader.request;
      this.#epoch ??= from.epoch;
      if (from.epoch !== this.#epoch) continue;
      waiting.delete(reader);
      this.#add(reader);
      this.#covered = Math.min(this.#covered, reader.covered);
      this.#to = Math.max(this.#to, to.seq);
    }
    const [first] = this.readers;
    if (first === undefined || this.#byAccount.size > 1) return;
    this.#account = first.request.accountSid;
    const patterns = new Set([...this.readers].flatMap((reader) => reader.request.patterns));
    const [only] = patterns;
    if (patterns.size === 1) this.#pattern = only;
  }

  /** False when this scan has passed the reader already, or does not read what it wants. */
  admit(reader: ScanReader): boolean {
    const { accountSid, from, patterns } = reader.request;
    if (from.epoch !== this.#epoch || reader.covered < this.#covered || reader.covered >= this.#to) return false;
    if (this.#account !== undefined && this.#account !== accountSid) return false;
    const read = this.#pattern ?? '>';
    if (!patterns.every((pattern) => patternIsSubset(pattern, read))) return false;
    this.#add(reader);
    return true;
  }

  remove(reader: ScanReader): void {
    if (!this.readers.delete(reader)) return;
    const { accountSid, patterns } = reader.request;
    const trie = this.#byAccount.get(accountSid);
    for (const pattern of patterns) trie?.remove(pattern, reader);
    if (trie?.size === 0) this.#byAccount.delete(accountSid);
  }

  /** Ends each reader that has got all it asked for; the others remain. `room` is awaited between batches. */
  async run(log: EventLog, room: () => Promise<void>): Promise<void> {
    if (this.readers.size === 0) return;
    for await (const batch of log.scan(this.#request())) {
      this.#route(batch);
      if (this.readers.size === 0) break;
      await room();
    }
    this.#covered = Infinity;
  }

  fail(error: unknown): void {
    this.#covered = Infinity;
    for (const reader of [...this.readers]) this.#end(reader, error);
  }

  #request(): ScanRequest {
    const [first] = this.#byAccount.keys();
    return {
      accounts: this.#account === undefined ? [...this.#byAccount.keys()] : [first ?? this.#account],
      ...(this.#pattern === undefined ? {} : { pattern: this.#pattern }),
      from: { epoch: this.#epoch ?? '', seq: this.#covered },
      to: this.#to,
    };
  }

  #add(reader: ScanReader): void {
    this.readers.add(reader);
    const { accountSid, patterns } = reader.request;
    let trie = this.#byAccount.get(accountSid);
    if (trie === undefined) this.#byAccount.set(accountSid, (trie = new TopicTrie()));
    for (const pattern of patterns) trie.add(pattern, reader);
  }

  #end(reader: ScanReader, error?: unknown): void {
    this.remove(reader);
    reader.end(error === undefined ? 'done' : 'failed', error);
  }

  #route({ events, upTo, lowWater }: ScanBatch): void {
    for (const reader of [...this.readers]) {
      try {
        checkKept(reader.covered, lowWater(reader.request.accountSid));
      } catch (error) {
        this.#end(reader, error);
      }
    }
    for (const scanned of events) {
      const takers: ScanReader[] = [];
      this.#byAccount.get(scanned.accountSid)?.match(scanned.topic, (reader) => takers.push(reader));
      // Looked into once, and only when somebody wants it.
      const event = takers.length === 0 ? undefined : scanned.load();
      if (event === undefined) continue;
      const held: HeldEvent = { event, readers: 0 };
      for (const reader of takers) reader.push(held);
    }
    this.#covered = upTo;
    for (const reader of [...this.readers]) {
      reader.covered = Math.max(reader.covered, upTo);
      if (reader.covered >= reader.request.to.seq) this.#end(reader);
    }
  }
}
