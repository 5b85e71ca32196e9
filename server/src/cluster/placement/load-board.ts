import type { Clock } from '../../kernel/index.ts';
import type { Member, Membership } from '../membership/ports.ts';
import type { NodeLoad } from './ports.ts';

/** A live node of the role that a board is for. */
export interface SeenNode {
  readonly member: Member;
  /** Undefined: it has said nothing yet, or nothing for {@link STALE_MS}. */
  readonly load: NodeLoad | undefined;
  /** `clock.monotonic()` when that was heard. */
  readonly heardAt: number;
}

/** A report counts for this long: five were missed then. */
export const STALE_MS = 5000;

export interface LoadBoardOptions {
  readonly cluster: Pick<Membership, 'members'>;
  readonly clock: Clock;
  /** Which nodes are on it (default: those with the role `call`). */
  readonly serves?: (member: Member) => boolean;
}

/** What the nodes last said of themselves: one report for each live node, no more. */
export class LoadBoard {
  readonly #cluster: Pick<Membership, 'members'>;
  readonly #clock: Clock;
  readonly #serves: (member: Member) => boolean;
  readonly #reports = new Map<string, { readonly load: NodeLoad; readonly at: number }>();

  constructor(options: LoadBoardOptions) {
    this.#cluster = options.cluster;
    this.#clock = options.clock;
    this.#serves = options.serves ?? (({ roles }) => roles.includes('call'));
  }

  heard(load: NodeLoad): void {
    this.#reports.set(load.node, { load, at: this.#clock.monotonic() });
    if (this.#reports.size > this.#cluster.members().length) this.#forget();
  }

  nodes(): readonly SeenNode[] {
    const now = this.#clock.monotonic();
    return this.#cluster
      .members()
      .filter((member) => this.#serves(member))
      .map((member) => {
        const report = this.#reports.get(member.node);
        const isFresh = report !== undefined && now - report.at < STALE_MS;
        return { member, load: isFresh ? report.load : undefined, heardAt: report?.at ?? -Infinity };
      });
  }

  /** Nodes that are no members: gone, or not joined yet, which say it again. */
  #forget(): void {
    const members = new Set(this.#cluster.members().map(({ node }) => node));
    for (const node of [...this.#reports.keys()]) if (!members.has(node)) this.#reports.delete(node);
  }
}
