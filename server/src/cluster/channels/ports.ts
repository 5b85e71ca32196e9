/** Ports of the channels of trunks, counted over the whole cluster. */

export type Direction = 'in' | 'out';

/** Calls on a trunk, or asked for. */
export interface ChannelCounts {
  readonly in: number;
  readonly out: number;
}

/** The same by account: several may share a trunk. */
export type ChannelUse = Readonly<Record<string, ChannelCounts>>;

/** What an account is promised of a trunk that several share. */
export interface ChannelShare {
  /** Channels that no other account's outgoing calls get; its calls both ways count. Default 0. */
  readonly reserved?: number | undefined;
  /** Outgoing calls that it may have at a time. Default: as many as there are. */
  readonly most?: number | undefined;
}

/** The carrier's limits, and how they are shared out; undefined: none. */
export interface ChannelLimits {
  readonly total?: number | undefined;
  readonly in?: number | undefined;
  readonly out?: number | undefined;
  /** Of the total, kept free of outgoing calls. */
  readonly keptForCallers?: number | undefined;
  /** By account; who is not named has no reservation and no limit of its own. */
  readonly shares?: Readonly<Record<string, ChannelShare>> | undefined;
}

/** What a node asks the broker. */
export interface ChannelAsk {
  readonly node: string;
  readonly trunk: string;
  /** Channels of the trunk that the node has now. */
  readonly held: ChannelUse;
  readonly want: ChannelUse;
}

export interface ChannelGrant {
  /** Of the broker: one with a lower fence than was seen before is not the broker any more. */
  readonly fence: number;
  readonly granted: ChannelUse;
}

/** What a node has, by trunk. */
export type HeldChannels = Readonly<Record<string, ChannelUse>>;

/** The way to the broker, wherever it is. Rejects when there is none just now. */
export interface ChannelBrokerLink {
  ask(request: ChannelAsk): Promise<ChannelGrant>;
  /** Calls on each of these trunks, on all nodes. */
  used(trunks: readonly string[]): Promise<Readonly<Record<string, ChannelUse>>>;
}

/** The broker's way to the nodes. */
export interface ChannelNodes {
  /** What a node has; it asks this broker from now on, and takes no grant of an earlier one. Rejects when it cannot be asked. */
  held(node: string, fence: number): Promise<HeldChannels>;
}
