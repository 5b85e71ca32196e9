import type { Clock, Unsubscribe } from '../../kernel/index.ts';
import { LoadBoard } from './load-board.ts';
import { PLACEMENT_POLICY, place, roomOf } from './place.ts';
import type { Candidate, NodeLoad, Placement, PlacementPolicy } from './ports.ts';
import type { SeenNode } from './load-board.ts';
import type { Membership } from '../membership/ports.ts';

/** A call shows in its node's report at most this long after it was handed over, as a rule, milliseconds. */
const SHOWN_WITHIN_MS = 1000;

/** However busy the nodes are. */
const PATIENT = { maxCpu: Infinity, maxLoopLagMs: Infinity, maxPacketsPerSecond: Infinity };

export interface NodePlacementOptions {
  readonly cluster: Pick<Membership, 'members'>;
  readonly clock: Clock;
  readonly policy?: Partial<PlacementPolicy>;
}

/**
 * Where outgoing calls go, by what the nodes say of themselves and what was handed to them since: between two reports it
 * counts by itself, so that a burst does not all go to a node that was empty a second ago.
 */
export class NodePlacement implements Placement {
  readonly board: LoadBoard;
  readonly #clock: Clock;
  readonly #policy: PlacementPolicy;
  /** When calls were handed over, by node, the oldest first. */
  readonly #handed = new Map<string, number[]>();
  /** Calls that ended since the last report, by node. */
  readonly #ended = new Map<string, number>();
  readonly #listeners = new Set<() => void>();
  #lastRoom = 0;

  constructor({ cluster, clock, policy }: NodePlacementOptions) {
    this.board = new LoadBoard({ cluster, clock });
    this.#clock = clock;
    this.#policy = { ...PLACEMENT_POLICY, ...policy };
  }

  /** A node's report. */
  heard(load: NodeLoad): void {
    this.board.heard(load);
    this.#ended.delete(load.node);
    const { room } = this;
    const isMore = room > this.#lastRoom;
    this.#lastRoom = room;
    if (isMore) for (const listener of [...this.#listeners]) listener();
  }

  pick(): string | undefined {
    const candidates = this.candidates();
    // One slow second of all nodes is no reason to call nobody; a full node is.
    const { node } = place(candidates, this.#policy) ?? place(candidates, { ...this.#policy, ...PATIENT }) ?? {};
    if (node === undefined) {
      this.#lastRoom = 0;
      return undefined;
    }
    const handed = this.#handed.get(node) ?? [];
    handed.push(this.#clock.monotonic());
    this.#handed.set(node, handed);
    return node;
  }

  returned(node: string): void {
    this.#handed.get(node)?.pop();
  }

  ended(node: string, pickedAt = -Infinity): void {
    const handed = this.#handed.get(node) ?? [];
    const index = handed.findLastIndex((at) => at <= pickedAt);
    if (index >= 0) handed.splice(index, 1);
    else this.#ended.set(node, (this.#ended.get(node) ?? 0) + 1);
  }

  get room(): number {
    let room = 0;
    for (const candidate of this.candidates()) room += roomOf(candidate, this.#policy);
    return room;
  }

  onRoom(listener: () => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Nodes whose report is fresh. */
  candidates(): Candidate[] {
    const nodes = this.board.nodes();
    this.#forget(nodes);
    return nodes.flatMap((seen) => {
      const { load, member } = seen;
      if (load === undefined) return [];
      const channels = Math.max(0, load.channels - (this.#ended.get(member.node) ?? 0));
      return [{ ...load, channels, node: member.node, pending: this.#pending(seen), startedAt: member.startedAt }];
    });
  }

  #pending({ member, heardAt }: SeenNode): number {
    const handed = this.#handed.get(member.node);
    if (handed === undefined) return 0;
    while (handed[0] !== undefined && handed[0] < heardAt - SHOWN_WITHIN_MS) handed.shift();
    return handed.length;
  }

  #forget(nodes: readonly SeenNode[]): void {
    if (Math.max(this.#handed.size, this.#ended.size) <= nodes.length) return;
    const alive = new Set(nodes.map(({ member }) => member.node));
    for (const node of [...this.#handed.keys()]) if (!alive.has(node)) this.#handed.delete(node);
    for (const node of [...this.#ended.keys()]) if (!alive.has(node)) this.#ended.delete(node);
  }
}
