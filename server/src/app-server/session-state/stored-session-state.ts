import { backoffDelay, delay, describeError } from '../../kernel/index.ts';
import type { Clock, Log, Random } from '../../kernel/index.ts';
import type { SessionKey, SessionState, SessionTurn, SessionVisit } from '../ports.ts';
import { acceptCookies, cookieHeader } from './cookies.ts';
import type { LinkVisit, SessionRecord, SessionScope, SessionStore } from './ports.ts';
import { scopeOf, scopeText } from './scope.ts';
import { SessionError } from './session-error.ts';
import { emptySession, withCookies, withVisit, withoutVisits } from './session.ts';

export interface SessionStateOptions {
  readonly store: SessionStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** A session that no request used for this long is over, milliseconds (default 4 h; at most a day). */
  readonly idleMs?: number;
  /** The longest that a request waits for the store, milliseconds (default 1,000). */
  readonly patienceMs?: number;
}

export const SESSION_IDLE_MS = { default: 4 * 3_600_000, most: 24 * 3_600_000 } as const;
/** Times that a change is tried anew after another one was faster. */
const ATTEMPTS = 30;
const KNOWN_CALLS = 10_000;

/** Session state in a store that all nodes share. */
export class StoredSessionState implements SessionState {
  readonly #options: SessionStateOptions;
  readonly #idleMs: number;
  /** Changes of one session wait for each other here; between nodes the store's compare-and-swap decides. */
  readonly #changes = new Map<string, Promise<void>>();
  /** Parties of the calls that had requests lately, the latest behind. */
  readonly #known = new Map<string, { readonly from: string; readonly to: string }>();
  #lastSeq = 0;

  constructor(options: SessionStateOptions) {
    this.#options = options;
    this.#idleMs = Math.min(options.idleMs ?? SESSION_IDLE_MS.default, SESSION_IDLE_MS.most);
  }

  async begin(key: SessionKey, url: string): Promise<SessionTurn> {
    const scope = scopeOf(this.#parties(key));
    const seq = this.#nextSeq();
    const record = await this.#patiently(() => this.#read(scope), key);
    const { clock } = this.#options;
    if (record !== undefined && clock.now() - record.usedAt > this.#idleMs / 8) {
      void this.#patiently(() => this.#change(scope, (held) => ({ ...held, usedAt: clock.now() })), key);
    }
    return {
      cookies: record === undefined ? undefined : cookieHeader(record.cookies, url, clock.now()),
      visits: record?.visits ?? [],
      keep: (setCookies, told = []) => this.#keep({ key, scope, url, seq }, setCookies, told),
    };
  }

  /** What is kept of a session; undefined for none. @throws SessionError `unavailable` */
  read(scope: SessionScope): Promise<SessionRecord | undefined> {
    return this.#read(scope);
  }

  /** Sessions of an account, the last used first. @throws SessionError `unavailable` */
  async list(accountSid: string, filter: { from?: string; to?: string } = {}): Promise<SessionRecord[]> {
    const scopes = (await this.#options.store.scopes(accountSid)).filter((scope) => matches(scope, filter));
    const found = await Promise.all(scopes.map((scope) => this.#read(scope)));
    return found.flatMap((record) => record ?? []).sort((a, b) => b.usedAt - a.usedAt);
  }

  /** Forgets a session. A call in progress goes on and begins a new one. @throws SessionError `unavailable` */
  async remove(scope: SessionScope): Promise<void> {
    await this.#options.store.remove(scope);
  }

  /** The next request of the session tells of this visit. @throws SessionError `unavailable` */
  async visited(key: SessionKey, visit: LinkVisit): Promise<void> {
    await this.#change(scopeOf(key), (held, now) => withVisit(held, visit, now));
  }

  async #keep(
    { key, scope, url, seq }: { key: SessionKey; scope: SessionScope; url: string; seq: number },
    setCookies: readonly string[],
    told: readonly SessionVisit[],
  ): Promise<void> {
    const set = acceptCookies({ url, setCookies, now: this.#options.clock.now(), seq });
    if (set.length === 0 && told.length === 0) return;
    const ids = told.map(({ id }) => id);
    await this.#patiently(
      () => this.#change(scope, (held, now) => withoutVisits(withCookies(held, set, now), ids)),
      key,
    );
  }

  async #read(scope: SessionScope): Promise<SessionRecord | undefined> {
    const held = await this.#options.store.get(scope);
    return held === undefined || this.#isOver(held.record) ? undefined : held.record;
  }

  #isOver({ usedAt }: SessionRecord): boolean {
    return this.#options.clock.now() - usedAt > this.#idleMs * 1.125;
  }

  async #change(scope: SessionScope, change: (held: SessionRecord, now: number) => SessionRecord): Promise<void> {
    const name = scopeText(scope);
    const before = this.#changes.get(name) ?? Promise.resolve();
    const mine = before.catch(() => undefined).then(() => this.#swap(scope, change));
    this.#changes.set(name, mine);
    try {
      await mine;
    } finally {
      if (this.#changes.get(name) === mine) this.#changes.delete(name);
    }
  }

  async #swap(scope: SessionScope, change: (held: SessionRecord, now: number) => SessionRecord): Promise<void> {
    const { store, clock, random } = this.#options;
    for (let attempt = 0; ; attempt++) {
      const found = await store.get(scope);
      const now = clock.now();
      const before = found === undefined || this.#isOver(found.record) ? emptySession(scope, now) : found.record;
      try {
        await store.put(change(before, now), found?.revision);
        return;
      } catch (error) {
        if (!(error instanceof SessionError) || error.reason !== 'conflict' || attempt >= ATTEMPTS) throw error;
      }
      await delay(clock, backoffDelay(attempt, random, { baseMs: 2, maxMs: 50 }));
    }
  }

  /** The store's answer if it comes in time. A store that is away costs the call its memory, not its instructions. */
  async #patiently<T>(work: () => Promise<T>, { accountSid, callSid }: SessionKey): Promise<T | undefined> {
    const { clock, log, patienceMs = 1000 } = this.#options;
    const late = new AbortController();
    try {
      return await Promise.race([
        work(),
        delay(clock, patienceMs, late.signal).then((): never => {
          throw new SessionError('unavailable', `no answer from the store within ${patienceMs} ms`);
        }),
      ]);
    } catch (error) {
      log.warn({ accountSid, callSid }, `a request goes without its session state: ${describeError(error)}`);
      return undefined;
    } finally {
      late.abort(new Error('answered'));
    }
  }

  /** A request that names no parties belongs to those of the call's other requests. */
  #parties(key: SessionKey): SessionKey {
    const { callSid, from, to } = key;
    if (from === '' && to === '') return { ...key, ...this.#known.get(callSid) };
    this.#known.delete(callSid);
    this.#known.set(callSid, { from, to });
    const [oldest] = this.#known.keys();
    if (this.#known.size > KNOWN_CALLS && oldest !== undefined) this.#known.delete(oldest);
    return key;
  }

  /** Orders the requests of this process, and those of several processes by their clocks. */
  #nextSeq(): number {
    this.#lastSeq = Math.max(this.#lastSeq + 1, this.#options.clock.now() * 1000);
    return this.#lastSeq;
  }
}

function matches(scope: SessionScope, { from, to }: { from?: string; to?: string }): boolean {
  if (scope.kind === 'call') return from === undefined && to === undefined;
  return (from === undefined || scope.from === from) && (to === undefined || scope.to === to);
}
