/** Ports of placement: what nodes say of themselves, and where the next call goes. */
import type { Unsubscribe } from '../../kernel/index.ts';

/**
 * What a node says of itself, once a second and when it begins to drain. A process with the role `call` counts legs of calls; one
 * that is a gateway alone its client connections; one that is media alone conversions in progress.
 */
export interface NodeLoad {
  readonly node: string;
  /** What is in use: legs of calls, connections, or conversions. */
  readonly channels: number;
  /** How many of them it may have; for calls `--call-capacity`. */
  readonly capacity: number;
  /** Share of its core that the busiest thread uses (Node, or a media worker), 0 to 1. */
  readonly cpu: number;
  /** Delay of the event loop that 99 of 100 turns stay below, milliseconds. */
  readonly loopLagMs: number;
  /** UDP datagrams a second, both ways, of the network namespace that the node is in. */
  readonly packetsPerSecond: number;
  /** Takes no more calls. */
  readonly draining: boolean;
  /** From the start of the process until it took calls, milliseconds: what a new node takes too. */
  readonly startupMs: number;
}

/** How reports travel. At most once: the next one replaces a lost one. */
export interface LoadReports {
  /** Never throws: without a connection nothing is sent. */
  publish(load: NodeLoad): void;
  /** Reports of every node, this one included, from now on. */
  onReport(listener: (load: NodeLoad) => void): Unsubscribe;
}

/** Measures this process. */
export interface LoadMeter {
  /** Since the last call of it. */
  read(): Pick<NodeLoad, 'cpu' | 'loopLagMs' | 'packetsPerSecond'>;
  close(): void;
}

/** A node as placement sees it. */
export interface Candidate extends Omit<NodeLoad, 'node' | 'startupMs'> {
  readonly node: string;
  /** Calls handed to it that its report does not show yet. */
  readonly pending: number;
  /** Epoch milliseconds: among equals the oldest is filled first. */
  readonly startedAt: number;
}

/** When a node has no room. */
export interface PlacementPolicy {
  /** Share of each node's capacity that is kept free of outgoing calls, for callers: 0 to below 1. */
  readonly inboundReserve: number;
  readonly maxCpu: number;
  readonly maxLoopLagMs: number;
  readonly maxPacketsPerSecond: number;
}

/** Where outgoing calls go. What the scheduler asks. */
export interface Placement {
  /** The node for one more call, which is counted there at once. Undefined: no node has room now. */
  pick(): string | undefined;
  /** A call that was picked for the node did not come to be. */
  returned(node: string): void;
  /**
   * A call of the node is over: there is room for another before the node reports it.
   * @param pickedAt `monotonic()` after it was picked here; undefined: it was not
   */
  ended(node: string, pickedAt: number | undefined): void;
  /** Calls that fit now. */
  readonly room: number;
  /** There is room again, or more than before. */
  onRoom(listener: () => void): Unsubscribe;
}
