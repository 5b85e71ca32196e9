import type { LeaveReason, LeavingMember, PresenceRecord, StoredMember } from './ports.ts';

interface Held {
  readonly member: StoredMember;
  /** A write with it was at least tried: others may know of it. */
  tried: boolean;
}

export interface PartName {
  readonly accountSid: string;
  readonly topic: string;
  readonly node: string;
  readonly part: number;
}

/** One record of this node: what it ought to be, and what is known of the stored one. */
export class OwnPart {
  readonly key: string;
  readonly name: PartName;
  /** Of the stored record; 0: there is none. */
  revision = 0;
  /** Whether `revision` has to be looked up: a write ended without an answer. */
  unsure = false;
  readonly #members = new Map<string, Held>();
  readonly #leaving = new Map<string, LeavingMember>();

  constructor(key: string, name: PartName) {
    this.key = key;
    this.name = name;
  }

  /** Members and those whose leave is not stored yet. */
  get size(): number {
    return this.#members.size + this.#leaving.size;
  }

  get isEmpty(): boolean {
    return this.size === 0;
  }

  get memberIds(): Iterable<string> {
    return this.#members.keys();
  }

  join(member: StoredMember): void {
    this.#members.set(member.id, { member, tried: false });
  }

  /** @returns whether anything has to be written */
  leave(id: string, reason: LeaveReason): boolean {
    const held = this.#members.get(id);
    if (held === undefined) return false;
    this.#members.delete(id);
    if (held.tried) this.#leaving.set(id, { ...held.member, reason });
    return held.tried;
  }

  /** The event is stored: it need not be told again. */
  told(kind: 'joined' | 'left', id: string): void {
    if (kind === 'left') {
      this.#leaving.delete(id);
      return;
    }
    const held = this.#members.get(id);
    if (held !== undefined) this.#members.set(id, { ...held, member: { ...held.member, told: true } });
    const leaving = this.#leaving.get(id);
    if (leaving !== undefined) this.#leaving.set(id, { ...leaving, told: true });
  }

  /** The record to write; what is in it counts as tried. */
  record(): PresenceRecord {
    const members: StoredMember[] = [];
    for (const held of this.#members.values()) {
      held.tried = true;
      members.push(held.member);
    }
    return { ...this.name, writer: this.name.node, members, leaving: [...this.#leaving.values()] };
  }
}
