import type { EndRequest } from '../calls/ports.ts';
import { describeError } from '../kernel/index.ts';
import type { Room, RoomEndReason } from '../media/ports.ts';
import type { HostContext } from './host-context.ts';
import type { LegCore } from './leg.ts';

/**
 * A root leg, its room and the legs placed for it. When the root ends, every other leg ends; when no leg is left, the
 * room is closed and nothing of the call remains.
 */
export class BridgeCall {
  readonly accountSid: string;
  readonly room: Room;
  readonly #context: HostContext;
  readonly #cores = new Map<string, LegCore>();
  readonly #callSids: string[] = [];
  #rootEnded = false;
  /** Why everything ends at once, when it does. */
  #fatal: EndRequest | undefined;

  /** @param facts.room owned by the call from here on */
  constructor(context: HostContext, facts: { readonly accountSid: string; readonly room: Room }) {
    this.#context = context;
    this.accountSid = facts.accountSid;
    this.room = facts.room;
    this.room.onEnded((reason) => {
      this.#roomEnded(reason);
    });
  }

  /** Whether the leg that the call came with is gone. */
  get isRootEnded(): boolean {
    return this.#rootEnded;
  }

  add(core: LegCore): void {
    this.#cores.set(core.callSid, core);
    this.#callSids.push(core.callSid);
  }

  /** Living legs that were placed for the same parent. */
  siblings(core: LegCore): LegCore[] {
    return [...this.#cores.values()].filter(
      (other) => other !== core && other.parentCallSid === core.parentCallSid && !other.isRoot,
    );
  }

  /** Called by a leg when it has ended. */
  legEnded(core: LegCore): void {
    this.#cores.delete(core.callSid);
    for (const other of this.#cores.values()) if (other.earlyPeer === core) other.earlyPeer = undefined;
    if (core.isRoot) {
      this.#rootEnded = true;
      // The router has heard of the root's end before: legs that it wants to end in its own words have ended by now.
      for (const other of [...this.#cores.values()]) {
        other.endSelf(
          this.#fatal ?? {
            cause: other.isAnswered ? 'hangup-caller' : 'canceled',
            message: 'the caller hung up',
          },
        );
      }
    }
    if (this.#cores.size === 0) this.#release();
  }

  /** Gives the room back when no leg was ever added. */
  abandon(): void {
    if (this.#cores.size === 0) this.#release();
  }

  #release(): void {
    this.#context.table.forget(this.#callSids);
    this.room.close().catch((error: unknown) => {
      this.#context.log.warn({ err: error, room: this.room.id }, `room did not close: ${describeError(error)}`);
    });
  }

  #roomEnded(reason: RoomEndReason): void {
    const lost = [...this.#cores.values()];
    if (lost.length === 0) return;
    this.#fatal =
      reason === 'media-worker-died'
        ? { cause: 'media-worker-died', message: 'the media worker of this call died' }
        : { cause: 'shutdown', message: 'the media engine was closed' };
    if (reason === 'media-worker-died') {
      this.#context.onCallLost({ accountSid: this.accountSid, callSids: lost.map((core) => core.callSid) });
    }
    for (const core of lost) core.endSelf(this.#fatal);
  }
}
