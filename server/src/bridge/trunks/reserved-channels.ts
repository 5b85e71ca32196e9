import type { ChannelLease } from './channels.ts';

/** Channels that were taken before their calls began, each for one call: whoever places it takes it over. */
export class ReservedChannels {
  readonly #held = new Map<string, { readonly trunkSid: string; readonly lease: ChannelLease }>();

  /** @returns gives the channel back, unless the call has taken it; idempotent */
  put(callSid: string, trunkSid: string, lease: ChannelLease): () => void {
    const held = { trunkSid, lease };
    this.#held.set(callSid, held);
    return () => {
      if (this.#held.get(callSid) !== held) return;
      this.#held.delete(callSid);
      lease.release();
    };
  }

  trunkOf(callSid: string): string | undefined {
    return this.#held.get(callSid)?.trunkSid;
  }

  /** The channel of the call on this trunk; undefined: none was taken for it. */
  take(callSid: string, trunkSid: string): ChannelLease | undefined {
    const held = this.#held.get(callSid);
    if (held?.trunkSid !== trunkSid) return undefined;
    this.#held.delete(callSid);
    return held.lease;
  }
}
