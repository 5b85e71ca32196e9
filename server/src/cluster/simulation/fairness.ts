import type { Random } from '../../kernel/index.ts';
import { CallQueue } from '../scheduler/index.ts';
import type { DispatchLimits, Openings, Waiting } from '../scheduler/index.ts';

/** Tenants that are alike. */
export interface TenantClass {
  readonly name: string;
  readonly tenants: number;
  readonly weight: number;
  /** Calls that each has queued at the start. */
  readonly calls: number;
  /** Left out when the others are looked at alone. */
  readonly noisy: boolean;
}

export interface FairnessTrace {
  readonly channels: number;
  /** Mean of the exponential length of a call, seconds. */
  readonly holdSeconds: number;
  readonly classes: readonly TenantClass[];
}

export interface FairnessResult {
  /** Jain's index of calls begun over weight, up to when the first tenant has none left. 1: each has its share exactly. */
  readonly jain: number;
  /** 95th percentile of the waits of those who are not noisy, milliseconds. */
  readonly quietP95Ms: number;
  readonly quietP95AloneMs: number;
  /** Calls begun in the run with all. */
  readonly begun: number;
}

/** Steps of the virtual clock, milliseconds. */
const TICK_MS = 20;
const POOL = 'shared';

interface Tenant {
  readonly sid: string;
  readonly of: TenantClass;
  begun: number;
}

interface Run {
  readonly jain: number;
  readonly quietP95Ms: number;
  readonly begun: number;
}

/** The production scheduler on a virtual clock, with every tenant and without the noisy ones. Deterministic by `random`. */
export function simulateFairness(trace: FairnessTrace, random: (run: string) => Random): FairnessResult {
  const all = run(trace, random('all'));
  const alone = run({ ...trace, classes: trace.classes.filter(({ noisy }) => !noisy) }, random('alone'));
  return { jain: all.jain, quietP95Ms: all.quietP95Ms, quietP95AloneMs: alone.quietP95Ms, begun: all.begun };
}

/** Until no quiet tenant has a call left that waits. */
function run({ channels, holdSeconds, classes }: FairnessTrace, random: Random): Run {
  const tenants = tenantsOf(classes);
  const queue = filled(tenants);
  const waits: number[] = [];
  const ends = new Map<number, string[]>();
  let quietLeft = classes.reduce((sum, each) => sum + (each.noisy ? 0 : each.tenants * each.calls), 0);
  let [free, begun] = [channels, 0];
  let jain: number | undefined;
  const openings: Openings = { isOpen: () => free > 0, isOpenFor: () => free > 0, kept: () => [] };
  for (let tick = 0; quietLeft > 0; tick++) {
    const now = tick * TICK_MS;
    for (const sid of ends.get(tick) ?? []) {
      free++;
      queue.ended(sid, now);
      queue.freed(POOL, sid);
    }
    ends.delete(tick);
    for (let call = queue.take(now, openings); call !== undefined; call = queue.take(now, openings)) {
      free--;
      begun++;
      const tenant = tenants.get(call.accountSid);
      if (tenant === undefined) continue;
      tenant.begun++;
      if (!tenant.of.noisy) {
        quietLeft--;
        waits.push(now);
      }
      if (tenant.begun === tenant.of.calls) jain ??= jainOf([...tenants.values()]);
      const heldMs = -Math.log(1 - random.fraction()) * holdSeconds * 1000;
      const end = tick + Math.max(1, Math.round(heldMs / TICK_MS));
      ends.set(end, [...(ends.get(end) ?? []), call.accountSid]);
    }
  }
  return { jain: jain ?? jainOf([...tenants.values()]), quietP95Ms: percentile(waits, 0.95), begun };
}

function tenantsOf(classes: readonly TenantClass[]): Map<string, Tenant> {
  const tenants = new Map<string, Tenant>();
  for (const of of classes) {
    for (let n = 0; n < of.tenants; n++) tenants.set(`${of.name}-${n}`, { sid: `${of.name}-${n}`, of, begun: 0 });
  }
  return tenants;
}

/** All that the tenants have, queued at time 0. Only the shares of the others limit a tenant. */
function filled(tenants: ReadonlyMap<string, Tenant>): CallQueue<Waiting> {
  const queue = new CallQueue<Waiting>((sid): DispatchLimits => {
    return { weight: tenants.get(sid)?.of.weight ?? 1, callsPerSecond: 1e6, burst: 1e6, concurrent: 1e6 };
  });
  for (const { sid, of } of tenants.values()) {
    for (let n = 0; n < of.calls; n++) {
      queue.add({ callSid: `${sid}/${n}`, accountSid: sid, queuedAt: 0, pool: POOL }, 0);
    }
  }
  return queue;
}

function jainOf(tenants: readonly Tenant[]): number {
  const shares = tenants.map(({ begun, of }) => begun / of.weight);
  const sum = shares.reduce((a, b) => a + b, 0);
  return sum ** 2 / (shares.length * shares.reduce((a, b) => a + b * b, 0));
}

/** Of numbers in rising order: they are when time was, and time rises. */
function percentile(values: readonly number[], part: number): number {
  return values[Math.max(0, Math.ceil(values.length * part) - 1)] ?? 0;
}
