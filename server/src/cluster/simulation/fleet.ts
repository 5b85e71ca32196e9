import type { FleetNode } from '../allocator/index.ts';
import { PLACEMENT_POLICY, place } from '../placement/index.ts';
import type { Candidate } from '../placement/index.ts';

/** A call that exists. */
export interface LiveCall {
  readonly accountSid: string;
  /** Whether the scheduler started it, and so is told of its end. */
  readonly isQueued: boolean;
  readonly node: SimulatedNode;
}

/** A node of the virtual clock. Its processor is never busy: what limits it is its channels. */
export class SimulatedNode implements Candidate {
  readonly node: string;
  readonly capacity: number;
  readonly startedAt: number;
  readonly pending = 0;
  readonly cpu = 0;
  readonly loopLagMs = 0;
  readonly packetsPerSecond = 0;
  readonly calls = new Set<LiveCall>();
  /** When it began to drain, milliseconds. */
  drainedAt: number | undefined;

  constructor(node: string, capacity: number, startedAt: number) {
    this.node = node;
    this.capacity = capacity;
    this.startedAt = startedAt;
  }

  get channels(): number {
    return this.calls.size;
  }

  get draining(): boolean {
    return this.drainedAt !== undefined;
  }
}

/** Nodes that are there, and those that are being started. */
export class SimulatedFleet {
  readonly #channelsPerNode: number;
  readonly #nodes = new Map<string, SimulatedNode>();
  /** When those that are being started take calls, milliseconds, the first one first. */
  readonly #coming: number[] = [];
  #serial = 0;

  constructor(channelsPerNode: number) {
    this.#channelsPerNode = channelsPerNode;
  }

  get nodes(): SimulatedNode[] {
    return [...this.#nodes.values()];
  }

  /** Those that are there, drain, or are being started: all of them are paid for. */
  get paid(): number {
    return this.#nodes.size + this.#coming.length;
  }

  get live(): number {
    let live = 0;
    for (const { calls } of this.#nodes.values()) live += calls.size;
    return live;
  }

  /** Of the nodes that take calls. */
  get channels(): number {
    let channels = 0;
    for (const { draining, capacity } of this.#nodes.values()) channels += draining ? 0 : capacity;
    return channels;
  }

  /** As the allocator sees them. */
  seen(): FleetNode[] {
    return this.nodes.map(({ node, channels, draining, startedAt }) => {
      return { node, channels, draining, startedAt, removable: true };
    });
  }

  add(now: number): void {
    const name = `node-${String(++this.#serial).padStart(4, '0')}`;
    this.#nodes.set(name, new SimulatedNode(name, this.#channelsPerNode, now));
  }

  start(count: number, readyAt: number): void {
    for (let n = 0; n < count; n++) this.#coming.push(readyAt);
  }

  /** @returns how many nodes joined by now */
  join(now: number): number {
    let joined = 0;
    for (; this.#coming[0] !== undefined && this.#coming[0] <= now; joined++) {
      this.#coming.shift();
      this.add(now);
    }
    return joined;
  }

  drain(node: string, now: number): void {
    const found = this.#nodes.get(node);
    if (found !== undefined) found.drainedAt ??= now;
  }

  /** Nodes that drain and have no call left, or whose time is over, leave. @returns the calls that they still had */
  leave(now: number, deadlineMs: number): LiveCall[] {
    const cut: LiveCall[] = [];
    for (const { node, calls, drainedAt } of this.#nodes.values()) {
      if (drainedAt === undefined || (calls.size > 0 && now - drainedAt < deadlineMs)) continue;
      cut.push(...calls);
      this.#nodes.delete(node);
    }
    return cut;
  }

  /** The node with the most calls dies. @returns those calls */
  kill(): LiveCall[] {
    const [fullest] = this.nodes.toSorted((a, b) => b.channels - a.channels);
    if (fullest === undefined) return [];
    this.#nodes.delete(fullest.node);
    return [...fullest.calls];
  }

  /** The node for one more call of the queue, by the production placement. */
  forQueued(): SimulatedNode | undefined {
    return this.#nodes.get(place(this.#nodes.values(), PLACEMENT_POLICY)?.node ?? '');
  }

  /** The node for a caller: of those that have a channel the emptiest, as the SIP ingress spreads them. */
  forCaller(): SimulatedNode | undefined {
    let best: SimulatedNode | undefined;
    for (const node of this.#nodes.values()) {
      if (node.draining || node.channels >= node.capacity) continue;
      if (best === undefined || node.channels < best.channels) best = node;
    }
    return best;
  }
}
