/** A connection that is on a topic. */
export interface Member {
  readonly connection: string;
  readonly identity?: string | undefined;
  /** What it said of itself, or its token said of it. */
  readonly info?: Readonly<Record<string, unknown>> | undefined;
  /** Epoch milliseconds. */
  readonly since: number;
}

export interface PresencePage {
  readonly members: readonly Member[];
  /** Members of the topic, all pages together. */
  readonly occupancy: number;
  /** There are more: ask with this as `after`. */
  readonly next: string | undefined;
}

export interface PresenceOptions {
  readonly after?: string | undefined;
  /** Members of a page, 1 to 1000 (default 100). */
  readonly limit?: number;
  readonly signal?: AbortSignal;
}
