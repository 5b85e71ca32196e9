import { setImmediate } from 'node:timers/promises';
import { silentLog } from '../../kernel/index.ts';
import type { Random } from '../../kernel/index.ts';
import { ALLOCATOR_POLICY, EMPTY_ALLOCATOR, allocatorMachine } from '../allocator/index.ts';
import { CapacityAnalyst } from '../capacity/index.ts';
import { MemoryCapacityStore } from '../capacity/capacity-store.memory.ts';
import { CallQueue } from '../scheduler/index.ts';
import type { DispatchLimits, Openings, Waiting } from '../scheduler/index.ts';
import { Arrivals } from './arrivals.ts';
import type { LoadTrace } from './arrivals.ts';
import { SimulatedFleet } from './fleet.ts';
import type { LiveCall, SimulatedNode } from './fleet.ts';
import { TRACE_START } from './week-trace.ts';

export interface ClusterTrace extends LoadTrace {
  /** Each call is of one of them, at random. */
  readonly tenants: number;
  readonly limits: Omit<DispatchLimits, 'weight'>;
  /** Mean of the exponential length of a call, seconds. */
  readonly holdSeconds: number;
  readonly channelsPerNode: number;
  readonly startupSeconds: number;
  /** A node that drains ends by then, with the calls that it still has. */
  readonly drainSeconds: number;
  readonly minNodes: number;
  readonly maxNodes: number;
  /** The node with the most calls dies in each of these minutes. */
  readonly killMinutes: readonly number[];
}

export interface ClusterResult {
  /** Calls that began: callers' and tenants'. */
  readonly inbound: number;
  readonly queued: number;
  /** Callers that found no channel. */
  readonly refused: number;
  readonly droppedByDrain: number;
  readonly droppedByKill: number;
  /** Wait of the tenants' calls, limits of their accounts included. */
  readonly waitP50Seconds: number;
  readonly waitP95Seconds: number;
  /** Calls that still wait at the end. */
  readonly waiting: number;
  readonly nodeHours: number;
  /** Share of seconds in which a caller was refused, or a call whose turn it was found no node. */
  readonly underProvisioned: number;
  readonly mostNodes: number;
  readonly started: number;
  readonly drained: number;
}

/** How it stood at the end of a minute, and what had happened in it. */
export interface ClusterPoint {
  readonly minute: number;
  /** Calls that there are, and channels of nodes that take calls. */
  readonly live: number;
  readonly channels: number;
  /** Nodes that are there, drain or are being started. */
  readonly nodes: number;
  readonly waiting: number;
  /** Callers that found no channel, and calls that ended with their node. */
  readonly refused: number;
  readonly dropped: number;
}

const STEP_MS = 1000;
const POOL = '';
/** Minutes of campaigns that the analysis is told, as the server tells it. */
const SCHEDULED_MINUTES = 240;
/** History is written behind the simulation's back: it gets a turn this often, seconds of the trace. */
const TURN_EVERY = 86_400;

/**
 * Scheduler, placement, analysis and allocator of the server with nodes on a virtual clock. Deterministic by `random`.
 * @param onMinute told at the end of each minute of the trace
 */
export async function simulateCluster(
  trace: ClusterTrace,
  random: Random,
  onMinute?: (point: ClusterPoint) => void,
): Promise<ClusterResult> {
  const analyst = await CapacityAnalyst.open({
    store: new MemoryCapacityStore(),
    policy: { holdSeconds: trace.holdSeconds },
    log: silentLog,
  });
  const run = new ClusterRun(trace, random, analyst);
  for (let second = 0; second < trace.minutes * 60; second++) {
    run.second(second);
    if (second % 60 === 59) onMinute?.(run.point((second - 59) / 60));
    if (second % TURN_EVERY === 0) await setImmediate();
  }
  await analyst.close(TRACE_START + trace.minutes * 60_000);
  return run.result();
}

class ClusterRun {
  readonly #trace: ClusterTrace;
  readonly #random: Random;
  readonly #analyst: CapacityAnalyst;
  readonly #fleet: SimulatedFleet;
  readonly #queue: CallQueue<Waiting>;
  readonly #arrivals: Arrivals;
  readonly #step: ReturnType<typeof allocatorMachine>;
  #state = EMPTY_ALLOCATOR;
  /** By the second in which they end. */
  readonly #ends = new Map<number, LiveCall[]>();
  /** Tenants' calls by the whole seconds that they waited. */
  readonly #waits: number[] = [];
  readonly #openings: Openings;
  #waitedBefore = 0;
  #serial = 0;
  #isShort = false;
  #told = { refused: 0, dropped: 0 };
  readonly #sum = { inbound: 0, queued: 0, refused: 0, droppedByDrain: 0, droppedByKill: 0 };
  readonly #cost = { nodeSeconds: 0, shortSeconds: 0, mostNodes: 0, started: 0, drained: 0 };

  constructor(trace: ClusterTrace, random: Random, analyst: CapacityAnalyst) {
    this.#trace = trace;
    this.#random = random;
    this.#analyst = analyst;
    this.#fleet = new SimulatedFleet(trace.channelsPerNode);
    this.#arrivals = new Arrivals(trace, random);
    this.#queue = new CallQueue(() => ({ ...trace.limits, weight: 1 }));
    const { minNodes: min, maxNodes: max } = trace;
    this.#step = allocatorMachine({ ...ALLOCATOR_POLICY, min, max });
    const isOpen = (): boolean => {
      const hasRoom = this.#fleet.forQueued() !== undefined;
      if (!hasRoom) this.#isShort = true;
      return hasRoom;
    };
    this.#openings = { isOpen, isOpenFor: isOpen, kept: () => [] };
    for (let n = 0; n < min; n++) this.#fleet.add(TRACE_START);
  }

  second(second: number): void {
    const now = TRACE_START + second * STEP_MS;
    for (const call of this.#ends.get(second) ?? []) this.#end(call, now);
    this.#ends.delete(second);
    this.#changeNodes(second, now);
    this.#arrive(second, now);
    this.#queue.freed(POOL);
    for (let call = this.#queue.take(now, this.#openings); call !== undefined;) {
      this.#begin(call, second, now);
      call = this.#queue.take(now, this.#openings);
    }
    if ((second * STEP_MS) % this.#analyst.policy.everyMs === 0) this.#look(now);
    this.#cost.nodeSeconds += this.#fleet.paid;
    this.#cost.mostNodes = Math.max(this.#cost.mostNodes, this.#fleet.paid);
    if (this.#takeShort()) this.#cost.shortSeconds++;
  }

  /** Whether a channel was missing since the last time. */
  #takeShort(): boolean {
    const isShort = this.#isShort;
    this.#isShort = false;
    return isShort;
  }

  /** How it stands, and what has happened since the last time. */
  point(minute: number): ClusterPoint {
    const { refused, droppedByDrain, droppedByKill } = this.#sum;
    const before = this.#told;
    this.#told = { refused, dropped: droppedByDrain + droppedByKill };
    const { live, channels, paid } = this.#fleet;
    return {
      ...{ minute, live, channels, nodes: paid, waiting: this.#queue.size.waiting },
      refused: refused - before.refused,
      dropped: this.#told.dropped - before.dropped,
    };
  }

  result(): ClusterResult {
    const { nodeSeconds, shortSeconds, ...counts } = this.#cost;
    return {
      ...this.#sum,
      ...counts,
      waitP50Seconds: this.#waitOf(0.5),
      waitP95Seconds: this.#waitOf(0.95),
      waiting: this.#queue.size.waiting,
      nodeHours: nodeSeconds / 3600,
      underProvisioned: shortSeconds / (this.#trace.minutes * 60),
    };
  }

  #changeNodes(second: number, now: number): void {
    for (let joined = this.#fleet.join(now); joined > 0; joined--) {
      this.#state = this.#step(this.#state, { kind: 'joined', now }).state;
    }
    const cut = this.#fleet.leave(now, this.#trace.drainSeconds * 1000);
    this.#sum.droppedByDrain += cut.length;
    const killed = this.#trace.killMinutes.filter((minute) => minute * 60 === second).flatMap(() => this.#fleet.kill());
    this.#sum.droppedByKill += killed.length;
    for (const call of [...cut, ...killed]) this.#end(call, now);
  }

  #arrive(second: number, now: number): void {
    const { inbound, queued } = this.#arrivals.at(second);
    for (let n = inbound; n > 0; n--) {
      const node = this.#fleet.forCaller();
      if (node === undefined) {
        this.#sum.refused++;
        this.#isShort = true;
        continue;
      }
      this.#sum.inbound++;
      this.#hold(node, { accountSid: this.#tenant(), isQueued: false }, second);
    }
    for (let n = queued; n > 0; n--) this.#ask(this.#tenant(), now);
    for (const { startMinute, calls, tenants } of this.#arrivals.campaignsAt(second)) {
      const sids = Array.from({ length: tenants }, () => this.#tenant());
      const startAt = TRACE_START + startMinute * 60_000;
      for (let n = 0; n < calls; n++) this.#ask(sids[n % tenants] ?? '', now, startAt);
    }
  }

  #ask(accountSid: string, now: number, startAt?: number): void {
    const callSid = String(++this.#serial);
    this.#queue.add({ callSid, accountSid, queuedAt: startAt ?? now, pool: POOL, startAt }, now);
  }

  #begin({ accountSid, queuedAt }: Waiting, second: number, now: number): void {
    const node = this.#fleet.forQueued();
    // It was asked just before: the scheduler takes a call only where a node has room.
    if (node === undefined) throw new Error(`no node has room for a call of ${accountSid} that the scheduler took`);
    this.#sum.queued++;
    const waited = Math.round((now - queuedAt) / STEP_MS);
    this.#waits[waited] = (this.#waits[waited] ?? 0) + 1;
    this.#hold(node, { accountSid, isQueued: true }, second);
  }

  #hold(node: SimulatedNode, of: Omit<LiveCall, 'node'>, second: number): void {
    const call: LiveCall = { ...of, node };
    node.calls.add(call);
    const held = -Math.log(1 - this.#random.fraction()) * this.#trace.holdSeconds;
    const end = second + Math.max(1, Math.round(held));
    const others = this.#ends.get(end);
    if (others === undefined) this.#ends.set(end, [call]);
    else others.push(call);
  }

  /** Once, whether it was ended by those who talked or by its node. */
  #end(call: LiveCall, now: number): void {
    if (call.node.calls.delete(call) && call.isQueued) this.#queue.ended(call.accountSid, now);
  }

  #look(now: number): void {
    const nodes = this.#fleet.seen();
    const waiting = this.#queue.ready().get(POOL) ?? 0;
    const { startupSeconds, channelsPerNode } = this.#trace;
    const decision = this.#analyst.decide({
      at: now,
      load: this.#fleet.live,
      waiting,
      waitingPerSecond: ((waiting - this.#waitedBefore) * 1000) / this.#analyst.policy.everyMs,
      scheduled: this.#queue.starts(SCHEDULED_MINUTES),
      nodes: nodes.filter(({ draining }) => !draining).length,
      starting: this.#state.starting.length,
      channelsPerNode,
      startupMs: startupSeconds * 1000,
    });
    this.#waitedBefore = waiting;
    const { state, effects } = this.#step(this.#state, { kind: 'look', now, wanted: decision.wanted, nodes });
    this.#state = state;
    for (const effect of effects) {
      if (effect.kind === 'start') {
        this.#cost.started += effect.count;
        this.#fleet.start(effect.count, now + startupSeconds * 1000);
      } else {
        this.#cost.drained++;
        this.#fleet.drain(effect.node, now);
      }
    }
  }

  #tenant(): string {
    return `AC${Math.floor(this.#random.fraction() * this.#trace.tenants)}`;
  }

  #waitOf(part: number): number {
    let left = this.#sum.queued * part;
    for (const [seconds, calls = 0] of this.#waits.entries()) {
      left -= calls;
      if (left <= 0) return seconds;
    }
    return 0;
  }
}
