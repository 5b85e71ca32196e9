import { delay, randomHex } from '../kernel/index.ts';
import type { Clock, Log, Metrics, Random } from '../kernel/index.ts';
import type { InstructionRequest, InstructionResponse, Instructions } from '../calls/ports.ts';
import { AccountLanes } from './account-lanes.ts';
import type { LaneLimits } from './account-lanes.ts';
import { Agents } from './agents.undici.ts';
import { credentialsOf, parseHttpUrl, publicUrl } from './application-request.ts';
import { DocumentCache } from './document-cache.ts';
import { Exchanges } from './exchange.undici.ts';
import type { Attempt, Job } from './exchange.undici.ts';
import { laneMetrics } from './lane-metrics.ts';
import { noSessionState } from './no-session-state.ts';
import type { HttpTap, SessionKey, SessionState, SessionTurn, SigningKeys } from './ports.ts';
import { FAILURES, failureOf } from './request-failure.ts';
import type { RequestFailure } from './request-failure.ts';
import { requestOptions } from './request-options.ts';
import { visitParams } from './visit-params.ts';

export interface InstructionsOptions {
  readonly keys: SigningKeys;
  readonly sessions?: SessionState;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Certificate authorities trusted besides the system's, PEM. */
  readonly ca?: string;
  /** Hears of every request made. */
  readonly tap?: HttpTap | undefined;
  /** Requests of one account at a time (default {@link ACCOUNT_LANES}). */
  readonly lanes?: LaneLimits;
  readonly metrics?: Metrics;
}

/** Requests for instructions of one account at a time. Status callbacks have a bound of their own. */
export const ACCOUNT_LANES: LaneLimits = { width: 100, waiting: 1000 };
const MAX_REDIRECTS = 5;
/** Before another attempt, milliseconds. */
const RETRY_DELAY_MS = 200;

/** Requests to application servers by HTTP: signed, bounded in time and size, retried and redirected as their URL says. */
export class UndiciInstructions implements Instructions {
  readonly #options: InstructionsOptions;
  readonly #agents: Agents;
  readonly #limits: LaneLimits;
  readonly #lanes: AccountLanes;
  readonly #sessions: SessionState;
  readonly #exchanges: Exchanges;

  constructor(options: InstructionsOptions) {
    this.#options = options;
    this.#agents = new Agents(options.ca);
    this.#limits = options.lanes ?? ACCOUNT_LANES;
    this.#lanes = new AccountLanes(this.#limits);
    this.#sessions = options.sessions ?? noSessionState;
    const { keys, clock, tap, metrics } = options;
    if (metrics !== undefined) laneMetrics(metrics, this.#lanes);
    const parts = { keys, clock, tap, sessions: this.#sessions, agents: this.#agents, cache: new DocumentCache() };
    this.#exchanges = new Exchanges(parts);
  }

  async fetch(instruction: InstructionRequest, signal: AbortSignal): Promise<InstructionResponse> {
    const { clock, random, log } = this.#options;
    const startedAt = clock.monotonic();
    const timed = (outcome: Attempt): InstructionResponse => {
      const durationMs = clock.monotonic() - startedAt;
      if (outcome.ok) return { ...outcome, durationMs };
      const { code, message, hint, url } = outcome;
      return { ok: false, url, code, message, hint, durationMs };
    };
    const url = parseHttpUrl(instruction.url);
    if (url === undefined) return timed({ ok: false, url: instruction.url, ...FAILURES.badUrl(instruction.url) });
    const failed = (failure: RequestFailure): InstructionResponse =>
      timed({ ok: false, url: publicUrl(url), ...failure });
    const options = requestOptions(url.hash);
    const total = new AbortController();
    const timer = clock.setTimer(options.totalMs, () => {
      total.abort(new Error('time is up'));
    });
    const job: Job = {
      request: instruction,
      options,
      idempotencyToken: instruction.idempotencyToken ?? randomHex(random, 16),
      session: sessionKeyOf(instruction),
      signal: AbortSignal.any([signal, total.signal]),
    };
    try {
      const { accountSid } = instruction;
      // Callbacks are bounded where they wait.
      const outcome =
        instruction.background === true
          ? await this.#attempts(job, url)
          : await this.#lanes.run(accountSid, job.signal, () => this.#attempts(job, url));
      return outcome === undefined ? failed(FAILURES.crowded(this.#limits.waiting)) : timed(outcome);
    } catch (error) {
      if (signal.aborted) return failed(FAILURES.givenUp());
      if (total.signal.aborted) return failed(FAILURES.timedOut(options.totalMs));
      const { callSid } = instruction;
      log.error({ err: error, callSid }, 'a request to an application server failed in an unknown way');
      return failed(failureOf(error, url.host));
    } finally {
      timer.cancel();
    }
  }

  /** Gives up what is under way. Idempotent. */
  close(): Promise<void> {
    return this.#agents.close();
  }

  async #attempts(plain: Job, url: URL): Promise<Attempt> {
    const { retries, retryOn } = plain.options;
    const turn = await this.#sessions.begin(plain.session, url.href);
    const { visits } = turn;
    const job: Job = {
      ...plain,
      request: { ...plain.request, params: { ...visitParams(visits), ...plain.request.params } },
    };
    for (let attempt = 0; ; attempt++) {
      const outcome = await this.#follow(job, url, attempt === 0 ? turn : undefined);
      if (outcome.ok && visits.length > 0) await turn.keep([], visits);
      if (outcome.ok || attempt >= retries || outcome.retry === undefined || !retryOn.has(outcome.retry))
        return outcome;
      this.#options.log.debug({ url: outcome.url, attempt, code: outcome.code }, `trying again: ${outcome.message}`);
      await delay(this.#options.clock, RETRY_DELAY_MS, job.signal);
    }
  }

  /** One attempt: the request and the redirects it leads to. Rejects only when the job's signal aborts. */
  async #follow(job: Job, start: URL, turn: SessionTurn | undefined): Promise<Attempt> {
    let url = start;
    let { method } = job.request;
    let credentials = credentialsOf(url);
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const answer = await this.#exchanges.send(job, { url, method, credentials }, hop === 0 ? turn : undefined);
      if (answer.kind === 'outcome') return answer.outcome;
      const { next, status } = answer;
      // RFC 9110 section 15.4: 307 and 308 keep the method, what else redirects a POST turns it into a GET.
      if (status !== 307 && status !== 308) method = 'GET';
      // Credentials are for the origin they were given for.
      credentials = credentialsOf(next) ?? (next.origin === url.origin ? credentials : undefined);
      url = next;
    }
    return { ok: false, url: publicUrl(start), ...FAILURES.redirects(MAX_REDIRECTS, publicUrl(url)) };
  }
}

/** Of the call that it is for, or of the parties that its parameters name. */
function sessionKeyOf({ accountSid, callSid, params, session }: InstructionRequest): SessionKey {
  return session === undefined
    ? { accountSid, callSid, from: params['From'] ?? '', to: params['To'] ?? '' }
    : { accountSid, ...session };
}
