import { delay, describeError } from '../../kernel/index.ts';
import type { Clock, Log } from '../../kernel/index.ts';
import type { CapacityAnalyst, CapacityDecision, CapacityPolicy, LoadSample } from '../capacity/index.ts';
import type { Member, Membership, ShardDuty, ShardedTask } from '../membership/ports.ts';
import type { NodeLoad, SeenNode } from '../placement/index.ts';
import { ProvisionError } from '../provisioners/index.ts';
import type { Provisioner } from '../provisioners/index.ts';
import { EMPTY_ALLOCATOR, allocatorMachine } from './machine.ts';
import type { AllocatorEffect, AllocatorInput, AllocatorPolicy, AllocatorState, FleetNode } from './machine.ts';

/** What waits to be called. */
export type QueueFacts = Pick<LoadSample, 'waiting' | 'scheduled' | 'perCall'>;

/** Says how many nodes there should be. */
export interface Analyst extends Pick<CapacityAnalyst, 'decide' | 'close'> {
  readonly policy: Pick<CapacityPolicy, 'everyMs'>;
}

export interface AllocatorOptions {
  readonly role: string;
  /** Of the task (default `allocator-ROLE`). */
  readonly name?: string;
  readonly policy: AllocatorPolicy;
  readonly cluster: Pick<Membership, 'members' | 'on'>;
  /** Whether a node is one of those (default: it has the role). */
  readonly serves?: (member: Pick<Member, 'roles'>) => boolean;
  /** Nodes of the role with what they say of themselves. */
  readonly nodes: () => readonly SeenNode[];
  readonly queue: () => QueueFacts;
  /** Opened at the beginning of each duty, with what was kept by the doer before. */
  readonly openAnalyst: () => Promise<Analyst>;
  /** Of a node, in its channels (default: those in use). */
  readonly loadOf?: (load: NodeLoad) => number;
  /** There may be no node of the role: the first is made too (default: there is one, and it will say how it is). */
  readonly fromNone?: boolean;
  /** Undefined: decisions are made and kept, and nobody acts on them. */
  readonly provisioner: Provisioner | undefined;
  /** Looks away while this says so (default: never). */
  readonly idle?: () => boolean;
  readonly onDecision?: (decision: CapacityDecision) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** A node that has not said how long it took: what a process takes on a small machine, milliseconds. */
const USUAL_STARTUP_MS = 10_000;

/**
 * Looks at the nodes of a role every few seconds, has the analysis say how many there should be, and the provisioner make
 * or take away the difference. One doer in the cluster: offer `task`.
 */
export class Allocator {
  readonly task: ShardedTask;

  constructor(options: AllocatorOptions) {
    this.task = {
      name: options.name ?? `allocator-${options.role}`,
      shards: 1,
      run: (duty) => new Duty(options, duty).run(),
    };
  }
}

/** One doer's time. */
class Duty {
  readonly #options: AllocatorOptions;
  readonly #signal: AbortSignal;
  readonly #step: ReturnType<typeof allocatorMachine>;
  #state: AllocatorState = EMPTY_ALLOCATOR;
  #waitedBefore: { readonly waiting: number; readonly at: number } | undefined;

  constructor(options: AllocatorOptions, { signal }: ShardDuty) {
    this.#options = options;
    this.#signal = signal;
    this.#step = allocatorMachine(options.policy);
  }

  async run(): Promise<void> {
    const { cluster, role, clock, openAnalyst } = this.#options;
    const { serves = (member: Pick<Member, 'roles'>): boolean => member.roles.includes(role) } = this.#options;
    const analyst = await openAnalyst();
    const off = cluster.on('joined', (member) => {
      if (serves(member)) this.#dispatch({ kind: 'joined', now: clock.now() });
    });
    try {
      while (!this.#signal.aborted) {
        this.#look(analyst);
        await delay(clock, analyst.policy.everyMs, this.#signal).catch(() => undefined);
      }
    } finally {
      off();
      await analyst.close(clock.now());
    }
  }

  #look(analyst: Analyst): void {
    if (this.#options.idle?.() === true) return;
    const nodes = this.#options.nodes();
    // Nobody has said anything yet, or not for a while: there is nothing to decide by.
    const isNone = nodes.length === 0 && this.#options.fromNone === true;
    if (!isNone && nodes.every(({ load }) => load === undefined)) return;
    const decision = analyst.decide(this.#sample(nodes));
    this.#options.onDecision?.(decision);
    if (this.#options.provisioner === undefined) return;
    const fleet = nodes.map((seen) => this.#fleetNode(seen));
    this.#dispatch({ kind: 'look', now: decision.at, wanted: decision.wanted, nodes: fleet });
  }

  #sample(nodes: readonly SeenNode[]): LoadSample {
    const now = this.#options.clock.now();
    const loads = nodes.flatMap(({ load }) => load ?? []);
    const loadOf = this.#options.loadOf ?? channelsOf;
    const staying = nodes.filter(({ member, load }) => load?.draining !== true && !this.#isLeaving(member));
    const { waiting, scheduled, perCall } = this.#options.queue();
    const before = this.#waitedBefore;
    this.#waitedBefore = { waiting, at: now };
    const seconds = before === undefined ? 0 : (now - before.at) / 1000;
    const startups = loads.map(({ startupMs }) => startupMs).filter((ms) => ms > 0);
    return {
      at: now,
      load: loads.reduce((sum, load) => sum + loadOf(load), 0),
      waiting,
      waitingPerSecond: before === undefined || seconds <= 0 ? 0 : (waiting - before.waiting) / seconds,
      scheduled,
      perCall,
      nodes: staying.length,
      starting: this.#state.starting.length,
      channelsPerNode: mean(loads.map(({ capacity }) => capacity)) ?? 1,
      // The slowest: who counts on the mean is late half of the time.
      startupMs: startups.length === 0 ? USUAL_STARTUP_MS : Math.max(...startups),
    };
  }

  #isLeaving({ node }: Member): boolean {
    return this.#state.leaving.includes(node);
  }

  #fleetNode({ member, load }: SeenNode): FleetNode {
    const { node, startedAt, addresses } = member;
    return {
      ...{ node, startedAt, channels: load?.channels ?? 0, draining: load?.draining === true },
      removable: addresses['provisioner'] === this.#options.provisioner?.name,
    };
  }

  #dispatch(input: AllocatorInput): void {
    const { state, effects } = this.#step(this.#state, input);
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: AllocatorEffect): void {
    const { provisioner, role, log, nodes } = this.#options;
    if (provisioner === undefined) return;
    if (effect.kind === 'start') {
      log.info({ role, count: effect.count, provisioner: provisioner.name }, 'starting nodes');
      for (let n = 0; n < effect.count; n++) void this.#start(provisioner);
      return;
    }
    const member = nodes().find((seen) => seen.member.node === effect.node)?.member;
    if (member === undefined) return;
    log.info({ role, node: member.node, provisioner: provisioner.name }, 'draining a node that is not needed');
    provisioner.stop(member).catch((error: unknown) => {
      log.warn(
        { role, node: member.node, reason: describeError(error) },
        'a node could not be taken away: tried again later',
      );
      this.#dispatch({ kind: 'stop-failed', node: member.node });
    });
  }

  async #start(provisioner: Provisioner): Promise<void> {
    const { role, log, clock } = this.#options;
    try {
      await provisioner.start();
    } catch (error) {
      // This process ends: others decide.
      if (error instanceof ProvisionError && error.reason === 'closed') return;
      log.error({ role, reason: describeError(error) }, 'a node could not be started: tried again later');
      this.#dispatch({ kind: 'start-failed', now: clock.now() });
    }
  }
}

const channelsOf = ({ channels }: NodeLoad): number => channels;

function mean(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}
