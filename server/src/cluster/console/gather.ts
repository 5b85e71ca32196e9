import { SingleFlight, describeError } from '../../kernel/index.ts';
import type { Clock, Log } from '../../kernel/index.ts';
import type { Member, Membership } from '../membership/ports.ts';
import type { AccountFacts, AskNode, NodeFacts } from './ports.ts';

/** What was gathered serves everybody who looks within this time, milliseconds. */
const FRESH_MS = 500;

/** What all processes said, and which did not answer. */
export interface Gathered {
  readonly nodes: ReadonlyMap<string, NodeFacts>;
  readonly missing: readonly string[];
}

export interface GathererOptions {
  readonly cluster: Pick<Membership, 'members'>;
  readonly ask: AskNode;
  readonly clock: Clock;
  readonly log: Log;
}

/** Asks every process of the cluster at once; one that does not answer is left out. Many who look cost as much as one. */
export class Gatherer {
  readonly #options: GathererOptions;
  readonly #flight = new SingleFlight<'all', Gathered>();
  #last: { readonly gathered: Gathered; readonly at: number } | undefined;

  constructor(options: GathererOptions) {
    this.#options = options;
  }

  async all(): Promise<Gathered> {
    const { clock } = this.#options;
    if (this.#last !== undefined && clock.monotonic() - this.#last.at < FRESH_MS) return this.#last.gathered;
    return await this.#flight.run('all', async () => {
      const gathered = await this.#ask();
      this.#last = { gathered, at: clock.monotonic() };
      return gathered;
    });
  }

  async #ask(): Promise<Gathered> {
    const { cluster, ask, log } = this.#options;
    const nodes = new Map<string, NodeFacts>();
    const missing: string[] = [];
    await Promise.all(
      cluster
        .members()
        .filter(tells)
        .map(async ({ node }) => {
          try {
            nodes.set(node, await ask(node));
          } catch (error) {
            missing.push(node);
            log.warn({ asked: node, reason: describeError(error) }, 'a process did not say what it has');
          }
        }),
    );
    return { nodes, missing: missing.sort() };
  }
}

/** A process of the media layer alone has nothing of accounts. */
const tells = ({ roles }: Pick<Member, 'roles'>): boolean => roles.some((role) => role !== 'media');

/** Of all processes together, by account. */
export function accountsOf({ nodes }: Gathered): Map<string, AccountFacts> {
  const sums = new Map<string, AccountFacts>();
  for (const { accounts } of nodes.values()) {
    for (const facts of accounts) {
      const { accountSid } = facts;
      const before = sums.get(accountSid) ?? { accountSid, calls: 0, connections: 0, subscriptions: 0 };
      sums.set(accountSid, {
        accountSid,
        calls: before.calls + facts.calls,
        connections: before.connections + facts.connections,
        subscriptions: before.subscriptions + facts.subscriptions,
      });
    }
  }
  return sums;
}
