/** Ports of the capacity analysis. */

/** What was seen of a role at a time. */
export interface LoadSample {
  /** Epoch milliseconds. */
  readonly at: number;
  /** Channels in use: Erlangs carried. */
  readonly load: number;
  /** Calls that would begin if there were channels for them, and how many more they become in a second. */
  readonly waiting: number;
  readonly waitingPerSecond: number;
  /** Calls that are to start later, by the time at which they do. */
  readonly scheduled: readonly { readonly at: number; readonly calls: number }[];
  /** What a call of those that wait or start later will take. Undefined: one channel, for as long as the policy says. */
  readonly perCall?: { readonly legs: number; readonly seconds: number } | undefined;
  /** Nodes that take calls, and those that are being started. */
  readonly nodes: number;
  readonly starting: number;
  /** Of one node. */
  readonly channelsPerNode: number;
  /** What a node takes from its start until it takes calls, milliseconds. */
  readonly startupMs: number;
}

/** What is promised to callers, and how carefully. */
export interface CapacityPolicy {
  /** At most this share of calls finds no channel (Erlang B). */
  readonly blocking: number;
  /** Standard deviations of the forecast's error that are provided for. */
  readonly sigmas: number;
  /** Share of a node's channels that is kept free. */
  readonly reserve: number;
  /** Seconds that a call lasts that has not begun, when nothing is known of its application. */
  readonly holdSeconds: number;
  /** Between two decisions, milliseconds. */
  readonly everyMs: number;
  /** Nodes that are started at a time, at most: more take several times as long. */
  readonly startsAtOnce: number;
  /** A node is given up only when it will not be needed for this long, milliseconds. */
  readonly keepMs: number;
}

/** How many nodes there should be, and why. */
export interface CapacityDecision {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly action: 'expand' | 'contract' | 'hold';
  readonly nodes: number;
  readonly wanted: number;
  /** Erlangs now, and the most that is provided for until new nodes could be there. */
  readonly load: number;
  readonly expected: number;
  /** Standard deviation of that. */
  readonly error: number;
  /** When the most is expected, epoch milliseconds. */
  readonly expectedAt: number;
  /** Channels for that, by Erlang B. */
  readonly channels: number;
  /** Share of calls that would wait with the nodes that there are (Erlang C), 0 to 1. */
  readonly wouldWait: number;
  /** Sentences, the decisive one first. */
  readonly reasons: readonly string[];
}

/** Load of one day, for the forecast of a process that starts. */
export interface LoadDay {
  /** Midnight UTC, epoch milliseconds. */
  readonly day: number;
  readonly everyMs: number;
  /** One number for each step of the day; null: nothing was seen. */
  readonly loads: readonly (number | null)[];
}

/** Keeps history over restarts. Methods reject when it cannot be reached. */
export interface CapacityStore {
  days(): Promise<readonly LoadDay[]>;
  saveDay(day: LoadDay): Promise<void>;
  removeDay(day: number): Promise<void>;
  decisions(): Promise<readonly CapacityDecision[]>;
  /** @param slot where it is kept: an older one there is replaced */
  saveDecision(slot: number, decision: CapacityDecision): Promise<void>;
}
