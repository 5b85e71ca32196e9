import { formatPosition } from '@hookswitch/shared';
import type { Grants, Position } from '@hookswitch/shared';
import { EventLogError, TokenError } from '../../hub/index.ts';
import type { Delivery, Hub, Subscribed } from '../../hub/index.ts';
import { delay } from '../../kernel/index.ts';
import type { Clock, MetricCounter, Metrics } from '../../kernel/index.ts';
import { allowTopics } from '../commands/subscribe-all.ts';
import type { Quotas } from '../quotas.ts';
import { POLL_LIMITS, PollBudget } from './poll-limits.ts';
import type { PollLimits } from './poll-limits.ts';
import { PollOutlet } from './poll-outlet.ts';
import type { SubscriptionQuery } from './query.ts';
import { HttpRefusal } from './refusal.ts';

export interface PollRequest extends SubscriptionQuery {
  readonly token: string;
  /** How long to wait for the first event, milliseconds. */
  readonly timeoutMs: number;
  /** Events in the answer at most. */
  readonly limit: number;
  /** Aborts when the client is gone. */
  readonly signal: AbortSignal;
}

export interface LongPollsOptions {
  readonly hub: Hub;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly limits?: Partial<PollLimits>;
  /** Left out: accounts have none. */
  readonly quotas?: Quotas;
}

/** Events that follow the first one closely come with it, milliseconds. */
const GATHER_MS = 5;
/** History is waited for this much longer than was asked for, at most, milliseconds. */
const PATIENCE_MS = 5000;
const STEP_MS = 50;

/**
 * Long-polling: each request is a subscription from where the last one ended, and ends itself with its answer. Nothing is
 * kept in between, so that any gateway serves any of them; what makes them cheap is that the feed keeps its patterns and
 * recent events for a while after the last subscriber left.
 */
export class LongPolls {
  readonly #options: LongPollsOptions;
  readonly #budget: PollBudget;
  readonly #open = new Map<PollOutlet, Grants>();
  /** Of {@link #open}, those whose token has ended before its time. */
  readonly #ended = new WeakSet<PollOutlet>();
  readonly #unfollow: () => void;
  readonly #answered: MetricCounter<'outcome'>;
  #closed = false;

  constructor(options: LongPollsOptions) {
    this.#options = options;
    this.#budget = new PollBudget({ ...POLL_LIMITS, ...options.limits }, options.clock);
    const { metrics } = options;
    // Whose token has ended waits no longer: the answer says why.
    this.#unfollow = options.hub.onTokensEnded((ended) => {
      for (const [outlet, grants] of this.#open) {
        if (!ended.hits(grants)) continue;
        this.#ended.add(outlet);
        outlet.close();
      }
    });
    this.#answered = metrics.counter('hookswitch_gateway_polls_total', 'Long-polls answered, or refused', ['outcome']);
    metrics.gauge('hookswitch_gateway_polls_waiting', 'Long-polls that wait for events', [], () => this.#open.size);
  }

  /** Polls that wait. */
  get waiting(): number {
    return this.#open.size;
  }

  /**
   * The answer as JSON: `events` (event frames), `position` to go on from, `recovered`.
   *
   * @throws HttpRefusal
   */
  async poll(request: PollRequest): Promise<string> {
    try {
      if (this.#closed) throw new HttpRefusal('unavailable', 'the server is shutting down');
      const answer = await this.#poll(request);
      this.#answered.inc({ outcome: answer.events === 0 ? 'empty' : 'events' });
      return answer.json;
    } catch (error) {
      const refusal = asRefusal(error);
      this.#answered.inc({ outcome: 'refused' });
      throw refusal;
    }
  }

  /** Answers those that wait with what they have, and refuses what comes. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#unfollow();
    for (const outlet of this.#open.keys()) outlet.close();
  }

  async #poll(request: PollRequest): Promise<{ json: string; events: number }> {
    const { hub } = this.#options;
    const grants = await hub.verifyToken(request.token);
    const allowed = this.#allowed(grants, request);
    const leave = this.#enter(grants.accountSid, allowed.length);
    const outlet = new PollOutlet(request.limit);
    this.#open.set(outlet, grants);
    const delivery = hub.openDelivery(grants.accountSid, outlet);
    const onAbort = (): void => {
      outlet.close();
    };
    request.signal.addEventListener('abort', onAbort, { once: true });
    try {
      const answers = await subscribeTo(delivery, allowed, request);
      const recovered = answers.every((answer) => answer.recovered);
      const starts = answers.map(({ start, position }) => start ?? position);
      const from = starts.reduce((lowest, one) => (one.seq < lowest.seq ? one : lowest));
      for (const answer of answers) answer.begin();
      // One that lost its place learns it at once.
      if (recovered) await this.#gather(request, { outlet, delivery, expiresAt: grants.expiresAt });
      const position = outlet.items.at(-1)?.event?.position ?? furthest(from, delivery.caughtUp, outlet.lost);
      if (outlet.items.length > 0 || this.#ended.has(outlet)) await hub.verifyToken(request.token);
      const events = outlet.items.map(({ frame }) => {
        if (frame.tally !== undefined) {
          frame.tally.delivered += 1;
          frame.tally.deliveredBytes += frame.size;
        }
        return frame.json;
      });
      return { json: answerOf(events, position, recovered && !outlet.lost), events: events.length };
    } finally {
      request.signal.removeEventListener('abort', onAbort);
      this.#open.delete(outlet);
      outlet.close();
      delivery.close();
      leave();
    }
  }

  /** A poll that waits is a client with so many subscriptions. @returns to be called once, when it is over @throws HttpRefusal */
  #enter(accountSid: string, subscriptions: number): () => void {
    const leave = this.#budget.enter(accountSid);
    const use = this.#options.quotas?.attend(accountSid);
    if (use === undefined) return leave;
    const over = 'message' in use ? use : use.subscribe(subscriptions);
    const end = (): void => {
      if (!('message' in use)) use.release();
      leave();
    };
    if (over === undefined && !('message' in use)) {
      use.holds(subscriptions);
      return end;
    }
    end();
    throw new HttpRefusal('limitExceeded', over?.message ?? '', { retryAfterMs: over?.retryAfterMs });
  }

  #allowed(grants: Grants, request: PollRequest): ReturnType<typeof allowedOf> {
    return allowedOf(allowTopics({ grants, filters: this.#options.hub.filters }, request));
  }

  async #gather(
    request: PollRequest,
    { outlet, delivery, expiresAt }: { outlet: PollOutlet; delivery: Delivery; expiresAt: number },
  ): Promise<void> {
    const { clock } = this.#options;
    const wait = Math.max(0, Math.min(request.timeoutMs, expiresAt - clock.now()));
    await this.#within(wait, outlet.stirred);
    // History that is still on its way is what was asked for.
    for (let waited = 0; waited < PATIENCE_MS && outlet.items.length === 0; waited += STEP_MS) {
      if (!outlet.hasRoom || delivery.caughtUp !== undefined) return;
      await this.#within(STEP_MS, outlet.stirred);
    }
    await this.#within(GATHER_MS, outlet.full);
  }

  /** Until it settles, for so long at most. No timer outlives it. */
  async #within(ms: number, settled: Promise<void>): Promise<void> {
    const abort = new AbortController();
    const timer = delay(this.#options.clock, ms, abort.signal).catch(() => undefined);
    await Promise.race([settled, timer]);
    abort.abort();
  }
}

function allowedOf(checked: ReturnType<typeof allowTopics>) {
  if (!checked.ok) throw new HttpRefusal(checked.error, checked.problem);
  return checked.allowed;
}

function subscribeTo(
  delivery: Delivery,
  allowed: ReturnType<typeof allowedOf>,
  { position, rewind }: PollRequest,
): Promise<Subscribed[]> {
  return Promise.all(allowed.map(({ pattern, filter }) => delivery.subscribe(pattern, { position, rewind, filter })));
}

/** Without events: nothing was missed up to where everything has been looked at. */
function furthest(from: Position, caughtUp: Position | undefined, lost: boolean): Position {
  if (caughtUp === undefined || lost || caughtUp.epoch !== from.epoch) return caughtUp ?? from;
  return caughtUp.seq > from.seq ? caughtUp : from;
}

function answerOf(events: readonly string[], position: Position, recovered: boolean): string {
  // Put together by hand: the frames are JSON already.
  return `{"events":[${events.join(',')}],"position":${JSON.stringify(formatPosition(position))},"recovered":${recovered}}`;
}

function asRefusal(error: unknown): unknown {
  if (error instanceof TokenError) return new HttpRefusal(error.reason, error.message, { cause: error });
  if (error instanceof EventLogError) {
    return new HttpRefusal('unavailable', 'events cannot be read at the moment; try again', { cause: error });
  }
  return error;
}
