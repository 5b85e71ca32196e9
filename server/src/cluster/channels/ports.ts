/** Ports of the channels of trunks, counted over the whole cluster. */

/** Calls on a trunk, or asked for. */
export interface ChannelCounts {
  readonly in: number;
  readonly out: number;
}

/** The carrier's limits; undefined: none. */
export interface ChannelLimits {
  readonly total?: number | undefined;
  readonly in?: number | undefined;
  readonly out?: number | undefined;
}

/** What a node asks the broker. */
export interface ChannelAsk {
  readonly node: string;
  readonly trunk: string;
  /** Channels of the trunk that the node has now. */
  readonly held: ChannelCounts;
  readonly want: ChannelCounts;
}

export interface ChannelGrant {
  /** Of the broker: one with a lower fence than was seen before is not the broker any more. */
  readonly fence: number;
  readonly granted: ChannelCounts;
}

/** What a node has, by trunk. */
export type HeldChannels = Readonly<Record<string, ChannelCounts>>;

/** The way to the broker, wherever it is. Rejects when there is none just now. */
export interface ChannelBrokerLink {
  ask(request: ChannelAsk): Promise<ChannelGrant>;
}

/** The broker's way to the nodes. */
export interface ChannelNodes {
  /** What a node has; it asks this broker from now on, and takes no grant of an earlier one. Rejects when it cannot be asked. */
  held(node: string, fence: number): Promise<HeldChannels>;
}
