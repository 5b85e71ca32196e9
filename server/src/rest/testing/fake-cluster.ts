import type { ClusterConsole } from '../../cluster/ports.ts';

type Tenant = Awaited<ReturnType<ClusterConsole['tenants']>>['tenants'][number];

/** A cluster of nowhere: what was asked of it, and what it has. */
export class FakeCluster implements ClusterConsole {
  readonly drained: string[] = [];
  /** Accounts that have something now. */
  busy: Tenant[] = [];
  readonly #accountOf: (sid: string) => Pick<Tenant, 'name' | 'status'> | undefined;

  constructor(accountOf: (sid: string) => Pick<Tenant, 'name' | 'status'> | undefined) {
    this.#accountOf = accountOf;
  }

  nodes(): ReturnType<ClusterConsole['nodes']> {
    return { nodes: [], room: 0 };
  }
  drain(node: string, deadlineSeconds: number): ReturnType<ClusterConsole['drain']> {
    this.drained.push(node);
    if (node === 'gone')
      return Promise.resolve({ refused: 'no-such-node', message: 'no live call node is called gone' });
    if (node === 'stuck') return Promise.resolve({ refused: 'not-reached', message: 'node stuck did not answer' });
    return Promise.resolve({ node, state: 'draining', calls: 2, deadlineSeconds });
  }
  decisions(): ReturnType<ClusterConsole['decisions']> {
    return Promise.resolve({ decisions: [] });
  }
  queue(): ReturnType<ClusterConsole['queue']> {
    const none = { oldestWaitMs: null, nextStartAt: null, startedLastMinute: 0, accounts: [], moreAccounts: 0 };
    return Promise.resolve({ node: null, waiting: 0, scheduled: 0, running: 0, ...none });
  }
  tenants(accounts: readonly string[], limit: number): ReturnType<ClusterConsole['tenants']> {
    const busy = new Set(this.busy.map(({ accountSid }) => accountSid));
    const idle = accounts.flatMap((accountSid) => {
      const account = busy.has(accountSid) ? undefined : this.#accountOf(accountSid);
      const { name, status } = account ?? { name: '', status: 'closed' as const };
      const nothing = { calls: 0, queued: 0, scheduled: 0, connections: 0, uses: [] };
      return account === undefined ? [] : [{ accountSid, name, status, ...nothing }];
    });
    return Promise.resolve({ tenants: [...this.busy, ...idle].slice(0, limit), missing: [] });
  }
  trunks(): ReturnType<ClusterConsole['trunks']> {
    return Promise.resolve({ trunks: [], more: 0, missing: [] });
  }
  forecast(): ReturnType<ClusterConsole['forecast']> {
    const nothing = { actual: [], said: [], expected: [], capacity: [], meanError: null };
    const at = new Date(0).toISOString();
    return Promise.resolve({ at, load: 0, trusted: false, seenMinutes: 0, leadMinutes: 20, ...nothing });
  }
}
