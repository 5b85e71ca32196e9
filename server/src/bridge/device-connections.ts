import type { DeviceState, SoftphonePush } from '@hookswitch/shared';
import type { ExtensionConnection } from '../gateway/ports.ts';
import type { Clock, Timer } from '../kernel/index.ts';

/** Most messages held back while a leg is set up. Overflow sends the oldest early rather than losing any. */
const MAX_HELD = 64;

/**
 * One connection as the front sees it: which node holds each of its legs, and messages that must wait for the answer to
 * the request that made the leg.
 */
export class DeviceConnection {
  readonly connection: ExtensionConnection;
  readonly #clock: Clock;
  readonly #nodes = new Map<string, string>();
  readonly #held: SoftphonePush[] = [];
  readonly #onState: () => void;
  #away = false;
  #setups = 0;
  /** Requests answered whose held messages are due. */
  #answered = 0;
  #flush: Timer | undefined;
  #closed = false;

  /** @param onState hears when `state` may have changed */
  constructor(connection: ExtensionConnection, clock: Clock, onState: (device: DeviceConnection) => void) {
    this.connection = connection;
    this.#clock = clock;
    this.#onState = () => {
      if (!this.#closed) onState(this);
    };
  }

  /** What the device is doing: its user's word first, then whether it has a call. */
  get state(): DeviceState {
    if (this.#away) return 'away';
    return this.#nodes.size > 0 ? 'busy' : 'available';
  }

  setAway(away: boolean): void {
    this.#away = away;
    this.#onState();
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  nodeOf(callSid: string): string | undefined {
    return this.#nodes.get(callSid);
  }

  addLeg(callSid: string, node: string): void {
    this.#nodes.set(callSid, node);
    this.#onState();
  }

  /** Runs a request that makes a leg; messages about legs not known yet follow its answer. */
  async settingUp<T>(work: () => Promise<T>): Promise<T> {
    this.#setups++;
    try {
      return await work();
    } finally {
      this.#answered++;
      // The answer is queued when the promise returned here settles; a timer comes after that.
      if (!this.#closed) this.#flush ??= this.#clock.setTimer(0, this.#release);
    }
  }

  push(push: SoftphonePush): void {
    if (this.#setups === 0 || !('callSid' in push) || this.#nodes.has(push.callSid)) {
      this.#send(push);
      return;
    }
    this.#held.push(push);
    if (this.#held.length > MAX_HELD) this.#send(this.#held.shift());
  }

  /** @returns legs that lost their device: CallSid and node */
  close(): (readonly [callSid: string, node: string])[] {
    this.#closed = true;
    this.#flush?.cancel();
    return [...this.#nodes];
  }

  readonly #release = (): void => {
    this.#flush = undefined;
    this.#setups -= this.#answered;
    this.#answered = 0;
    const due = this.#held.splice(0);
    for (const push of due) this.push(push);
  };

  #send(push: SoftphonePush | undefined): void {
    if (push === undefined || this.#closed) return;
    if (push.type === 'ended' && this.#nodes.delete(push.callSid)) this.#onState();
    this.connection.push(push);
  }
}
