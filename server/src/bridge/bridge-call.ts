import type { EndRequest } from '../calls/ports.ts';
import { describeError } from '../kernel/index.ts';
import type { Room, RoomEndReason } from '../media/ports.ts';
import type { HostContext } from './host-context.ts';
import type { LegCore } from './leg.ts';

/**
 * A root leg, its room and the legs placed for it. When the leg that leads ends (the root), every other leg ends; when no leg is left, the
 * room is closed and nothing of the call remains.
 */
export class BridgeCall {
  readonly rootSid: string;
  readonly accountSid: string;
  /** The application that runs the call; undefined for one that runs by a URL or a document of its own. */
  readonly applicationSid: string | undefined;
  /** Between whom it came in from outside; undefined for calls that began here. */
  incoming: { readonly from: string; readonly to: string; readonly maxForwards?: number | undefined } | undefined;
  /** Applications that have dialled one another to get here. */
  depth = 0;
  readonly #context: HostContext;
  /** The leg with whose end everything ends. */
  #leadSid: string;
  readonly #cores = new Map<string, LegCore>();
  readonly #callSids: string[] = [];
  #opening: Promise<Room> | undefined;
  #room: Room | undefined;
  #leadEnded = false;
  #released = false;
  /** Why everything ends at once, when it does. */
  #fatal: EndRequest | undefined;

  constructor(
    context: HostContext,
    facts: { readonly callSid: string; readonly accountSid: string; readonly applicationSid: string | undefined },
  ) {
    this.#context = context;
    this.rootSid = facts.callSid;
    this.#leadSid = facts.callSid;
    this.accountSid = facts.accountSid;
    this.applicationSid = facts.applicationSid;
  }

  /** The room, once one of the legs has asked for it. */
  get room(): Room | undefined {
    return this.#room;
  }

  /** The room, made at the first use. @throws MediaError */
  open(): Promise<Room> {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  /** Whether the leg that leads the call is gone: the one that it came with, unless a transfer has changed that. */
  get isLeadEnded(): boolean {
    return this.#leadEnded;
  }

  /** From now on the call ends with this leg. */
  lead(core: LegCore): void {
    if (this.#cores.has(core.callSid)) this.#leadSid = core.callSid;
  }

  add(core: LegCore): void {
    this.#cores.set(core.callSid, core);
    this.#callSids.push(core.callSid);
  }

  /** Living legs of the call. */
  get legs(): LegCore[] {
    return [...this.#cores.values()];
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
    if (core.callSid === this.#leadSid) {
      this.#leadEnded = true;
      // The router has heard of that end before: legs that it wants to end in its own words have ended by now.
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

  /** No leg came of it: gives the room back. */
  abandon(): void {
    if (this.#cores.size === 0) this.#release();
  }

  async #open(): Promise<Room> {
    const room = await this.#context.media.createRoom({ id: this.rootSid });
    this.#room = room;
    room.onEnded((reason) => {
      this.#roomEnded(reason);
    });
    if (this.#released) this.#closeRoom(room);
    return room;
  }

  #release(): void {
    this.#released = true;
    this.#context.table.forget(this.#callSids);
    this.#context.refers.abandon(this.rootSid);
    if (this.#room !== undefined) this.#closeRoom(this.#room);
  }

  #closeRoom(room: Room): void {
    room.close().catch((error: unknown) => {
      this.#context.log.warn({ err: error, room: room.id }, `room did not close: ${describeError(error)}`);
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
