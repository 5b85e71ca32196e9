import type { Entry, Position } from '../history.ts';
import { matches } from './violation.ts';
import type { Violation } from './violation.ts';

export interface Ack {
  readonly topic: string;
  readonly id: string;
  readonly seq: number;
}

/** What publishers were told is stored. */
export class Acks {
  readonly problems: Violation[] = [];
  readonly #byEpoch = new Map<string, Ack[]>();
  readonly #bySeq = new Map<string, Ack>();

  constructor(entries: readonly Entry[]) {
    for (const entry of entries) if (entry.kind === 'ack') this.#add(entry);
    for (const acks of this.#byEpoch.values()) acks.sort((a, b) => a.seq - b.seq);
  }

  at({ epoch, seq }: Position): Ack | undefined {
    return this.#bySeq.get(`${epoch} ${seq}`);
  }

  /** Those that a pattern matches, after one sequence and before another, both exclusive. */
  between(epoch: string, pattern: string, { after, before }: { after: number; before: number }): Ack[] {
    const acks = this.#byEpoch.get(epoch) ?? [];
    const found: Ack[] = [];
    for (let index = firstAfter(acks, after); index < acks.length; index++) {
      const ack = acks[index];
      if (ack === undefined || ack.seq >= before) break;
      if (matches(pattern, ack.topic)) found.push(ack);
    }
    return found;
  }

  #add({ at, topic, id, position }: Extract<Entry, { kind: 'ack' }>): void {
    const key = `${position.epoch} ${position.seq}`;
    const other = this.#bySeq.get(key);
    const ack = { topic, id, seq: position.seq };
    if (other !== undefined && other.id !== id) {
      const message = `${other.id} and ${id} were both acknowledged at ${key}`;
      this.problems.push({ promise: 2, rule: 'position-twice', at, message });
      return;
    }
    this.#bySeq.set(key, ack);
    const list = this.#byEpoch.get(position.epoch);
    if (list === undefined) this.#byEpoch.set(position.epoch, [ack]);
    else list.push(ack);
  }
}

function firstAfter(acks: readonly Ack[], seq: number): number {
  let [low, high] = [0, acks.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((acks[middle]?.seq ?? Infinity) > seq) high = middle;
    else low = middle + 1;
  }
  return low;
}
