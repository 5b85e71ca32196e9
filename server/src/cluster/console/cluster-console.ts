import type {
  DecisionList,
  DrainedNode,
  ForecastView,
  NodeList,
  QueueView,
  Tenant,
  TenantList,
  TrunkList,
} from '@hookswitch/shared';
import type { Clock, Log } from '../../kernel/index.ts';
import { effectiveLimits } from '../../tenants/index.ts';
import type { Directory, DirectoryTrunk } from '../../tenants/index.ts';
import type { CapacityDecision, CapacityStore } from '../capacity/index.ts';
import type { Membership } from '../membership/ports.ts';
import type { NodePlacement } from '../placement/index.ts';
import { ForecastHistory } from './forecast-view.ts';
import { Gatherer, accountsOf } from './gather.ts';
import type { AskNode, ClusterConsole, DrainRefusal, QueueFacts, QueuedAccount, TenantCaps } from './ports.ts';
import { trunkRows } from './trunk-rows.ts';

export interface ClusterConsoleOptions {
  readonly cluster: Pick<Membership, 'members'>;
  readonly placement: Pick<NodePlacement, 'board' | 'room'>;
  readonly directory: Pick<Directory, 'accountBySid' | 'trunks'>;
  readonly store: Pick<CapacityStore, 'days' | 'decisions'>;
  readonly ask: AskNode;
  readonly guards: TenantCaps;
  /** As nodes name gateways in what they say. */
  readonly gatewayName: (gateway: DirectoryTrunk['gateways'][number]) => string;
  /** Has a node take no more calls. Never rejects. */
  readonly drainNode: (node: string, deadlineMs: number) => Promise<{ readonly calls: number } | DrainRefusal>;
  readonly clock: Clock;
  readonly log: Log;
}

/** The operator's view of the cluster, from any process: asks the others when somebody looks, keeps nothing else. */
export class NodeClusterConsole implements ClusterConsole {
  readonly #options: ClusterConsoleOptions;
  readonly #gatherer: Gatherer;
  readonly #forecast: ForecastHistory;

  constructor(options: ClusterConsoleOptions) {
    this.#options = options;
    this.#gatherer = new Gatherer(options);
    this.#forecast = new ForecastHistory(options);
  }

  nodes(): NodeList {
    const { board, room } = this.#options.placement;
    const nodes = board.nodes().map(({ member, load }) => ({
      node: member.node,
      state: load === undefined ? ('silent' as const) : load.draining ? ('draining' as const) : ('ready' as const),
      roles: [...member.roles],
      startedAt: iso(member.startedAt),
      addresses: { ...member.addresses },
      channels: load?.channels ?? null,
      capacity: load?.capacity ?? null,
      cpu: load?.cpu ?? null,
      loopLagMs: load?.loopLagMs ?? null,
      packetsPerSecond: load?.packetsPerSecond ?? null,
      startupMs: load?.startupMs ?? null,
    }));
    return { nodes, room };
  }

  async drain(node: string, deadlineSeconds: number): Promise<DrainedNode | DrainRefusal> {
    const answer = await this.#options.drainNode(node, deadlineSeconds * 1000);
    return 'refused' in answer ? answer : { node, state: 'draining', calls: answer.calls, deadlineSeconds };
  }

  async decisions(limit: number): Promise<DecisionList> {
    const decisions = (await this.#options.store.decisions()).toSorted((a, b) => a.at - b.at);
    return { decisions: decisions.slice(-limit).map(decisionView) };
  }

  async queue(limit: number): Promise<QueueView> {
    const { node, queue } = await this.#queue();
    if (queue === undefined) return { ...NO_QUEUE, accounts: [] };
    const now = this.#options.clock.now();
    const accounts = queue.accounts.toSorted((a, b) => b.waiting - a.waiting || b.scheduled - a.scheduled);
    return {
      node,
      waiting: queue.waiting,
      scheduled: queue.scheduled,
      running: queue.running,
      oldestWaitMs: waited(queue.oldestQueuedAt, now),
      nextStartAt: queue.nextStartAt === null ? null : iso(queue.nextStartAt),
      startedLastMinute: queue.startedLastMinute,
      accounts: accounts.slice(0, limit).map(({ accountSid, waiting, scheduled, running, oldestQueuedAt }) => ({
        ...{ accountSid, name: this.#nameOf(accountSid), waiting, scheduled, running },
        oldestWaitMs: waited(oldestQueuedAt, now),
      })),
      moreAccounts: queue.moreAccounts + Math.max(0, accounts.length - limit),
    };
  }

  async tenants(others: readonly string[], limit: number): Promise<TenantList> {
    const gathered = await this.#gatherer.all();
    const facts = accountsOf(gathered);
    const queued = new Map((await this.#queue()).queue?.accounts.map((each) => [each.accountSid, each]));
    const alarming = new Set(this.#options.guards.nearCap(limit));
    const busy = [...new Set([...alarming, ...facts.keys(), ...queued.keys()])].map((sid) =>
      this.#tenant(sid, facts.get(sid), queued.get(sid)),
    );
    const rank = (tenant: Tenant): number => (alarming.has(tenant.accountSid) ? Infinity : weight(tenant));
    busy.sort((a, b) => byNumber(rank(b), rank(a)) || (a.accountSid < b.accountSid ? -1 : 1));
    const shown = new Set(busy.map(({ accountSid }) => accountSid));
    const idle = others.filter((sid) => !shown.has(sid)).map((sid) => this.#tenant(sid, undefined, undefined));
    return { tenants: [...busy, ...idle].slice(0, limit), missing: [...gathered.missing] };
  }

  async trunks(limit: number): Promise<TrunkList> {
    const gathered = await this.#gatherer.all();
    const { directory, gatewayName } = this.#options;
    const rows = trunkRows(directory.trunks(), gathered, { gatewayName, accountName: (sid) => this.#nameOf(sid) });
    return {
      trunks: rows.slice(0, limit),
      more: Math.max(0, rows.length - limit),
      missing: [...gathered.missing],
    };
  }

  async forecast(hours: number, ahead: number): Promise<ForecastView> {
    let [load, capacity, nodes] = [0, 0, 0];
    for (const { load: said } of this.#options.placement.board.nodes()) {
      load += said?.channels ?? 0;
      if (said === undefined || said.draining) continue;
      capacity += said.capacity;
      nodes++;
    }
    return await this.#forecast.view({ load, capacity, nodes }, { hours, ahead });
  }

  /** Of whoever schedules. */
  async #queue(): Promise<{ readonly node: string | null; readonly queue: QueueFacts | undefined }> {
    for (const [node, { queue }] of (await this.#gatherer.all()).nodes) if (queue !== null) return { node, queue };
    return { node: null, queue: undefined };
  }

  #nameOf(accountSid: string): string {
    return this.#options.directory.accountBySid(accountSid)?.name ?? '';
  }

  #tenant(
    accountSid: string,
    facts: { readonly calls: number; readonly connections: number; readonly subscriptions: number } = NOTHING,
    queued: Omit<QueuedAccount, 'accountSid' | 'oldestQueuedAt'> = NOT_QUEUED,
  ): Tenant {
    const account = this.#options.directory.accountBySid(accountSid);
    const limits = effectiveLimits(account?.limits);
    return {
      accountSid,
      name: account?.name ?? '',
      status: account?.status ?? 'closed',
      calls: facts.calls,
      queued: queued.waiting,
      scheduled: queued.scheduled,
      connections: facts.connections,
      uses: [
        { limit: 'concurrentCalls', used: queued.running, of: limits.concurrentCalls },
        { limit: 'connections', used: facts.connections, of: limits.connections },
        { limit: 'subscriptions', used: facts.subscriptions, of: limits.subscriptions },
        ...this.#options.guards.caps(accountSid),
      ],
    };
  }
}

const NOTHING = { calls: 0, connections: 0, subscriptions: 0 };
const NOT_QUEUED = { waiting: 0, scheduled: 0, running: 0 };
const NO_QUEUE = {
  ...{ node: null, waiting: 0, scheduled: 0, running: 0, startedLastMinute: 0 },
  ...{ oldestWaitMs: null, nextStartAt: null, moreAccounts: 0 },
};

const iso = (time: number): string => new Date(time).toISOString();
const waited = (since: number | null, now: number): number | null => (since === null ? null : Math.max(0, now - since));
/** Infinities are equal. */
const byNumber = (a: number, b: number): number => (a === b ? 0 : a - b);
const weight = ({ calls, queued, connections }: Tenant): number => calls + queued + connections;

function decisionView(decision: CapacityDecision): DecisionList['decisions'][number] {
  const { action, nodes, wanted, load, expected, error, channels, wouldWait, reasons } = decision;
  return {
    ...{ action, nodes, wanted, load, expected, error, channels, wouldWait },
    at: iso(decision.at),
    expectedAt: iso(decision.expectedAt),
    reasons: [...reasons],
  };
}
