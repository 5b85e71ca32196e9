import type { DialogId } from '../sip/index.ts';
import type { BridgeLeg } from './leg.ts';

/** Legs of this node by CallSid, and for live calls what became of legs that were answered elsewhere. */
export class CallTable {
  readonly #legs = new Map<string, BridgeLeg>();
  readonly #answeredElsewhere = new Set<string>();

  get size(): number {
    return this.#legs.size;
  }

  get(callSid: string): BridgeLeg | undefined {
    return this.#legs.get(callSid);
  }

  /** The leg whose far end is the other side of this dialog. */
  ofDialog({ callId, localTag, remoteTag }: DialogId): BridgeLeg | undefined {
    return this.all().find(({ sip }) => {
      const dialog = sip?.control?.dialogId;
      return dialog?.callId === callId && dialog.localTag === localTag && dialog.remoteTag === remoteTag;
    });
  }

  all(): BridgeLeg[] {
    return [...this.#legs.values()];
  }

  /** Adds a leg, or puts another behaviour in the place of the leg with the same core. */
  set(leg: BridgeLeg): void {
    this.#legs.set(leg.core.callSid, leg);
  }

  remove(callSid: string): void {
    this.#legs.delete(callSid);
  }

  /** Remembered until {@link forget}, so that a late accept is told why. */
  markAnsweredElsewhere(callSid: string): void {
    this.#answeredElsewhere.add(callSid);
  }

  wasAnsweredElsewhere(callSid: string): boolean {
    return this.#answeredElsewhere.has(callSid);
  }

  forget(callSids: Iterable<string>): void {
    for (const callSid of callSids) this.#answeredElsewhere.delete(callSid);
  }

  /** Entries of any kind, for leak checks. */
  get residue(): number {
    return this.#legs.size + this.#answeredElsewhere.size;
  }
}
