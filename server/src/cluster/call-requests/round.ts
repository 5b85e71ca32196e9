import { delay, describeError } from '../../kernel/index.ts';
import type { Timer } from '../../kernel/index.ts';
import type { PlaceOutcome, StoredRequest } from '../ports.ts';
import { CallQueue } from '../scheduler/index.ts';
import type { QueueForecast } from '../scheduler/index.ts';
import { ApplicationHabits } from './application-habits.ts';
import { giveUp } from './expiry.ts';
import type { SchedulerOptions } from './fair-scheduler.ts';
import { HeldCalls } from './held-calls.ts';
import type { Held } from './held-calls.ts';
import { NodeChoice } from './node-choice.ts';
import { RecentCount } from './recent-count.ts';
import { RETRY_MS } from './retry.ts';
import { factsOf } from './round-facts.ts';
import type { RoundFacts } from './round-facts.ts';
import { Settlement } from './settlement.ts';
import { ticketOf } from './ticket.ts';
import type { Ticket } from './ticket.ts';
import { TrunkOpenings } from './trunk-openings.ts';

/** Requests handed out at once. */
const IN_FLIGHT = 32;
/** So many requests are kept whole while they wait; of more the order is read again when their turn comes. */
const KEPT_WHOLE = 10_000;
const LONGEST_TIMER_MS = 3_600_000;

/** One doer's time: what is stored is read into a queue, and what the queue gives out is handed to nodes. */
export class Round {
  readonly #options: SchedulerOptions;
  readonly #abort = new AbortController();
  readonly #signal: AbortSignal;
  readonly #queue: CallQueue<Ticket>;
  readonly #held: HeldCalls;
  readonly #settlement: Settlement;
  readonly #nodes: NodeChoice;
  readonly #openings: TrunkOpenings;
  readonly #habits: ApplicationHabits;
  /** Accounts whose limits are in use. */
  readonly #accounts = new Set<string>();
  /** What was read ahead of the stream: older news of these calls is no news. */
  readonly #ahead = new Map<string, number>();
  readonly #busy = new Set<Promise<void>>();
  readonly #started = new RecentCount();
  #inHand = 0;
  #live = false;
  #wake: Timer | undefined;

  constructor(options: SchedulerOptions, given: AbortSignal) {
    this.#options = options;
    const signal = AbortSignal.any([given, this.#abort.signal]);
    this.#signal = signal;
    this.#queue = new CallQueue((accountSid) => {
      this.#accounts.add(accountSid);
      return options.limitsOf(accountSid);
    });
    this.#held = new HeldCalls(this.#queue, options.clock);
    const onRead = (request: StoredRequest): void => {
      this.#ahead.set(request.callSid, request.revision);
      this.#read(request);
    };
    this.#settlement = new Settlement({ scheduler: options, held: this.#held, signal, onRead });
    this.#nodes = new NodeChoice(options, signal, () => {
      this.#pump();
    });
    this.#habits = new ApplicationHabits(options.applications);
    const onFresh = (pools: Iterable<string>): void => {
      for (const pool of pools) this.#queue.freed(pool);
      this.#pump();
    };
    this.#openings = new TrunkOpenings({ trunks: options.trunks, clock: options.clock, log: options.log, onFresh });
  }

  /** Until the signal aborts or the store is lost. */
  async run(): Promise<void> {
    const { store, cluster, log } = this.#options;
    const stop = cluster.on('left', () => {
      this.#lookAfterDead();
    });
    const caughtUp = (): void => {
      this.#begin();
    };
    try {
      for await (const request of store.follow(this.#signal, caughtUp)) {
        this.#passed(request);
        this.#pump();
      }
    } catch (error) {
      if (!this.#signal.aborted) log.warn({ reason: describeError(error) }, 'call requests have to wait');
    } finally {
      stop();
      this.#nodes.close();
      this.#openings.close();
      this.#live = false;
      this.#abort.abort();
      this.#wake?.cancel();
    }
    await Promise.all(this.#busy);
  }

  /** What waits and what runs, for people to look at. */
  facts(): RoundFacts {
    const startedLastMinute = this.#started.lastMinute(this.#options.clock.now());
    return factsOf(
      this.#queue,
      { openings: this.#openings, habits: this.#habits },
      { running: this.#held.size, startedLastMinute },
    );
  }

  /** Calls of the account that wait, for their time too; a long request counts as several. Undefined: not everything that is stored was read yet. */
  lengthOf(accountSid: string): number | undefined {
    return this.#live ? this.#queue.lengthOf(accountSid) : undefined;
  }

  /** Where calls stand and when they are likely to start. Undefined: not everything that is stored was read yet. */
  forecasts(callSids: readonly string[]): (QueueForecast | null)[] | undefined {
    if (!this.#live) return undefined;
    const now = this.#options.clock.now();
    return callSids.map((callSid) => this.#queue.forecast(callSid, now) ?? null);
  }

  trunksChanged(): void {
    this.#openings.trunksChanged();
  }

  limitsChanged(): void {
    const now = this.#options.clock.now();
    for (const accountSid of this.#accounts) this.#queue.limitsChanged(accountSid, now);
    this.#pump();
  }

  /** Everything that was stored is known. What an earlier doer has claimed and not handed out is nobody's. */
  #begin(): void {
    this.#live = true;
    for (const held of this.#held.all()) if (held.state === 'claimed') this.#track(this.#settlement.settle(held));
    this.#lookAfterDead();
    this.#pump();
  }

  /** From the stream. */
  #passed(request: StoredRequest): void {
    const { callSid, revision } = request;
    const ahead = this.#ahead.get(callSid);
    if (ahead !== undefined) {
      if (ahead <= revision) this.#ahead.delete(callSid);
      if (ahead >= revision) return;
    }
    this.#read(request);
  }

  #read(request: StoredRequest): void {
    const { callSid, state } = request;
    if (state !== 'queued' && state !== 'over') {
      this.#readHeld(request, state);
      return;
    }
    const held = this.#held.release(callSid);
    if (held?.application !== undefined && request.use !== undefined) this.#habits.learn(held.application, request.use);
    this.#queue.remove(callSid);
    if (state === 'over') {
      if (held?.state === 'dialling') this.#roomAfter(held);
      this.#openings.look(true);
      this.#track(this.#options.store.forget(request));
    } else {
      const { waiting, scheduled } = this.#queue.size;
      const isKept = waiting + scheduled < KEPT_WHOLE;
      const [pool, application] = [this.#openings.poolOf(request), this.#nameOf(request)];
      this.#queue.add(ticketOf(request, { pool, application, isKept }), this.#options.clock.now());
    }
  }

  #nameOf(request: StoredRequest): string | undefined {
    return this.#options.applications?.nameOf(request);
  }

  #roomAfter({ node, takenAt }: Held): void {
    if (this.#live && node !== undefined) this.#nodes.ended(node, takenAt);
  }

  #readHeld(request: StoredRequest, state: 'claimed' | 'dialling'): void {
    const { accountSid, callSid, node } = request;
    const held = this.#held.hold(accountSid, callSid, this.#nameOf(request));
    const isForeign = state === 'claimed' && held.state === 'claimed';
    if (held.state !== 'taken' || state === 'dialling') held.state = state;
    held.node = node;
    if (this.#live && (isForeign || (node !== undefined && !this.#options.cluster.isAlive(node)))) {
      this.#track(this.#settlement.later(held));
    }
  }

  #pump(): void {
    if (!this.#live || this.#nodes.isPaused || this.#signal.aborted) return;
    const now = this.#options.clock.now();
    for (const ticket of this.#queue.expired(now)) this.#track(this.#expire(ticket));
    while (this.#inHand < IN_FLIGHT) {
      const node = this.#nodes.next();
      if (node === undefined) {
        if (this.#queue.size.waiting > 0) this.#nodes.awaitRoom();
        break;
      }
      const ticket = this.#queue.take(now, this.#openings);
      if (ticket === undefined) {
        this.#nodes.returned(node);
        break;
      }
      this.#openings.taken(ticket);
      this.#started.add(now);
      this.#track(this.#hand(ticket, this.#held.take(ticket, node), node));
    }
    this.#openings.look();
    this.#arm(now);
  }

  /** Comes back when a start time, an expiry or a limit is due. */
  #arm(now: number): void {
    const { clock } = this.#options;
    this.#wake?.cancel();
    const due = this.#queue.nextWake();
    if (due === undefined) return;
    const ms = Math.min(LONGEST_TIMER_MS, Math.max(1, due - now));
    this.#wake = clock.setTimer(ms, () => {
      this.#queue.forgetIdle(clock.now());
      this.#pump();
    });
  }

  #track(work: Promise<void>): void {
    const tracked = work
      .catch((error: unknown) => {
        if (!this.#signal.aborted) {
          this.#options.log.warn({ reason: describeError(error) }, 'a call request has to wait');
        }
      })
      .finally(() => {
        this.#busy.delete(tracked);
        this.#pump();
      });
    this.#busy.add(tracked);
  }

  async #hand(ticket: Ticket, held: Held, node: string): Promise<void> {
    const { log } = this.#options;
    let outcome: PlaceOutcome = 'gone';
    this.#inHand++;
    try {
      outcome = await this.#offer(ticket, node);
      if (outcome === 'placed') {
        // Its end may have been read before the node's answer.
        if (this.#held.isHeld(held)) held.state = 'dialling';
        else this.#roomAfter(held);
        return;
      }
      this.#queue.returned(ticket.accountSid, this.#options.clock.now());
    } catch (error) {
      log.warn({ node, callSid: ticket.callSid, reason: describeError(error) }, 'a call node did not take a call');
      this.#nodes.pause();
    } finally {
      this.#inHand--;
      this.#openings.answered(ticket, outcome);
    }
    this.#nodes.returned(node);
    await this.#settlement.settle(held);
  }

  async #offer({ accountSid, callSid, revision, request, pool }: Ticket, node: string): Promise<PlaceOutcome> {
    const { store, place } = this.#options;
    const stored = request ?? (await store.get(accountSid, callSid));
    const claimed = stored?.revision === revision ? await store.move(stored, 'claimed', node) : undefined;
    if (claimed === undefined) return 'gone';
    const outcome = await place(node, claimed, { takesChannel: pool !== '' });
    if (outcome === 'refused') this.#nodes.pause();
    return outcome;
  }

  /** Its time is over while it waits. */
  async #expire(ticket: Ticket): Promise<void> {
    try {
      await giveUp(this.#options, ticket);
    } catch (error) {
      this.#options.log.warn({ callSid: ticket.callSid, reason: describeError(error) }, 'an expired call has to wait');
      await delay(this.#options.clock, RETRY_MS, this.#signal);
      this.#queue.add(ticket, this.#options.clock.now());
    }
  }

  /** What nodes that are gone had. */
  #lookAfterDead(): void {
    if (!this.#live) return;
    for (const held of this.#held.all()) {
      const { node, state } = held;
      if (state !== 'taken' && node !== undefined && !this.#options.cluster.isAlive(node)) {
        this.#track(this.#settlement.settle(held));
      }
    }
  }
}
