import type { SoftphonePush } from '@hookswitch/shared';
import type { Clock, Log, Timer } from '../kernel/index.ts';
import type { NodeRpc } from './ports.ts';
import { pushedSchema, RPC } from './rpc-messages.ts';

/** Where a device is connected: the gateway's node and the connection there. */
export interface DeviceAddress {
  readonly front: string;
  readonly connection: string;
}

interface DeviceLinkOptions {
  readonly rpc: NodeRpc;
  readonly clock: Clock;
  readonly log: Log;
  readonly graceMs: number;
  /** The device did not come back in time. */
  readonly onLost: () => void;
}

/** Most messages kept for a device that is away. Overflow drops the oldest: a device that returns learns the state. */
const MAX_KEPT = 64;

/**
 * The way to the device of one leg. While its connection is gone messages are kept, for the grace period; then the leg
 * is lost. Lives as long as the leg.
 */
export class DeviceLink {
  readonly #options: DeviceLinkOptions;
  #address: DeviceAddress;
  #grace: Timer | undefined;
  #kept: SoftphonePush[] = [];
  #closed = false;

  constructor(address: DeviceAddress, options: DeviceLinkOptions) {
    this.#address = address;
    this.#options = options;
  }

  get connection(): string {
    return this.#address.connection;
  }

  push(push: SoftphonePush): void {
    if (this.#closed) return;
    if (this.#grace === undefined) void this.#send(push);
    else this.#keep(push);
  }

  /** That connection is gone. Ignored when the device has moved on already. */
  detached(connection: string): void {
    if (this.#closed || connection !== this.#address.connection || this.#grace !== undefined) return;
    this.#options.log.info({ connection, graceMs: this.#options.graceMs }, 'device of the leg is away');
    this.#grace = this.#options.clock.setTimer(this.#options.graceMs, this.#options.onLost);
  }

  /** The device is back, perhaps elsewhere: what was kept follows. */
  attach(address: DeviceAddress): void {
    if (this.#closed) return;
    this.#address = address;
    this.#grace?.cancel();
    this.#grace = undefined;
    for (const push of this.#kept.splice(0)) void this.#send(push);
  }

  /** The last message is on its way; nothing follows. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#grace?.cancel();
    this.#kept = [];
  }

  async #send(push: SoftphonePush): Promise<void> {
    const { front, connection } = this.#address;
    try {
      const answer = pushedSchema.parse(await this.#options.rpc.request(front, RPC.push, { connection, push }));
      if (answer.delivered) return;
    } catch (error) {
      this.#options.log.warn({ err: error, front }, 'the gateway of the device does not answer');
    }
    if (this.#closed) return;
    this.detached(connection);
    if (this.#grace === undefined) void this.#send(push);
    else this.#keep(push);
  }

  #keep(push: SoftphonePush): void {
    if (this.#kept.length >= MAX_KEPT) this.#kept.shift();
    this.#kept.push(push);
  }
}
