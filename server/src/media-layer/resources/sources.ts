import type { Clock, Log } from '../../kernel/index.ts';
import { describeError } from '../../kernel/index.ts';
import { sha256 } from '../cache/hot-bodies.ts';
import type { Flights } from '../cache/ports.ts';
import { PromptError } from '../prompt-error.ts';
import { idOf } from './addresses.ts';
import type { Freshness } from './freshness.ts';
import { hasDirective } from './freshness.ts';
import type { KeptSource, MediaRequest } from './media-request.ts';
import { askedFor, sourceId } from './media-request.ts';
import type { Content } from './obtain.ts';
import { obtain } from './obtain.ts';
import type { Origins, Recordings, Voices } from './ports.ts';
import { recordedSource } from './recorded.ts';
import type { HeldVariant, Lookup, SourceEntry, SourceShelf } from './source-shelf.ts';

/** How a request was answered: without asking the origin; by asking it; after it said that nothing changed; with old content. */
export type CacheOutcome = 'hit' | 'miss' | 'revalidated' | 'stale';

export interface ResolvedSource {
  readonly id: string;
  readonly contentHash: string;
  readonly contentType: string;
  readonly outcome: CacheOutcome;
  /** Whether it, and what is made of it, may be kept and given to others. */
  readonly kept: boolean;
  /** Undefined: it does not age. */
  readonly freshness: Freshness | undefined;
  /** Undefined: the store has lost it. Rejects with CacheError. */
  body(): Promise<Uint8Array | undefined>;
}

export interface SourcesOptions {
  readonly shelf: SourceShelf;
  readonly flights: Flights;
  readonly origins: Origins;
  readonly voices: Voices;
  /** Undefined: there are none here. */
  readonly recordings?: Recordings | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

interface Flight {
  readonly answer: Promise<ResolvedSource>;
  /** Never rejects. */
  readonly done: Promise<void>;
}

type Answer = PromiseWithResolvers<ResolvedSource>;

/**
 * Where content comes from: the cache by RFC 9111, else the origin or the voice, once at a time in the whole cluster. Whoever
 * waits in this process has the content before it is stored.
 */
export class Sources {
  readonly #options: SourcesOptions;
  readonly #flying = new Map<string, Flight>();

  constructor(options: SourcesOptions) {
    this.#options = options;
  }

  /** Sources that are being obtained by this process. */
  get flying(): number {
    return this.#flying.size;
  }

  /** Resolves when nothing is being obtained or stored here. */
  async settled(): Promise<void> {
    while (this.#flying.size > 0) await Promise.all([...this.#flying.values()].map(({ done }) => done));
  }

  /** @param lost the store has the record, but not its content: it is no answer. @throws PromptError */
  async resolve(request: MediaRequest, lost = false): Promise<ResolvedSource> {
    const { accountSid, source } = request;
    if (source.kind === 'recording') {
      return await recordedSource(this.#options.recordings, accountSid, source.recording);
    }
    const lookup = { ...(await this.#lookup({ ...request, source })), lost };
    const { shelf } = this.#options;
    const entry = await shelf.find(lookup);
    const held = lost ? undefined : shelf.variantOf(lookup, entry);
    if (held !== undefined) {
      const verdict = held.freshness?.evaluate(lookup.asked) ?? { use: 'fresh' };
      if (verdict.use === 'fresh') return this.#ofHeld(lookup, held, 'hit');
      if (verdict.use === 'stale') {
        if (verdict.refresh) this.#refreshBehind(lookup, entry);
        return this.#ofHeld(lookup, held, 'stale');
      }
    }
    if (hasDirective(lookup.asked.headers, 'only-if-cached')) {
      throw new PromptError(
        'not-cached',
        'there is no fresh copy, and the request takes nothing else (only-if-cached)',
      );
    }
    return await this.#shared(lookup, entry);
  }

  /** Keeps what an account uploads under a name, in the place of what it had there. @throws PromptError `too-large` */
  async upload(request: MediaRequest<KeptSource>, body: Uint8Array, contentType: string): Promise<ResolvedSource> {
    const lookup = await this.#lookup(request);
    const content = { body, contentType, contentHash: sha256(body), freshness: undefined, keep: true };
    for (let attempt = 0; attempt < 3; attempt++) {
      const entry = await this.#options.shelf.read(lookup);
      if (await this.#options.shelf.store(lookup, entry, content)) return this.#ofContent(lookup, content);
    }
    throw new PromptError(
      'too-large',
      'the upload cannot be kept: the account’s quota of media (mediaBytes) is full, or the store is away',
    );
  }

  async #lookup(request: MediaRequest<KeptSource>): Promise<Lookup> {
    const { source } = request;
    const fingerprint = source.kind === 'speech' ? await this.#options.voices.fingerprint(source) : '';
    return { request, id: sourceId(request, fingerprint), asked: askedFor(request), fingerprint, lost: false };
  }

  #refreshBehind(lookup: Lookup, entry: SourceEntry | undefined): void {
    this.#shared(lookup, entry).catch((error: unknown) => {
      this.#options.log.info({ reason: describeError(error) }, 'media: what is stale could not be refreshed');
    });
  }

  /** One look in this process for all who ask meanwhile; whoever may not share its outcome goes alone. */
  async #shared(lookup: Lookup, seen: SourceEntry | undefined): Promise<ResolvedSource> {
    const { headers } = lookup.asked;
    const key = idOf(lookup.id, headers['accept-language'] ?? '', hasDirective(headers, 'no-store') ? 'no-store' : '');
    const flying = this.#flying.get(key);
    if (flying !== undefined) {
      const found = await flying.answer;
      return found.kept ? found : await this.#alone(lookup);
    }
    const answer: Answer = Promise.withResolvers();
    const done = this.#fly(lookup, answer, seen).finally(() => this.#flying.delete(key));
    this.#flying.set(key, { answer: answer.promise, done });
    return await answer.promise;
  }

  async #fly(lookup: Lookup, answer: Answer, seen: SourceEntry | undefined): Promise<void> {
    const { shelf, flights } = this.#options;
    /** Somebody else obtained it since this lookup began. */
    const changed = (entry: SourceEntry | undefined): ResolvedSource | undefined => {
      const held = entry?.revision === seen?.revision ? undefined : shelf.variantOf(lookup, entry);
      return held === undefined ? undefined : this.#ofHeld(lookup, held, 'hit');
    };
    try {
      const how = await flights.run(idOf('source', lookup.id), async () => {
        const entry = await shelf.read(lookup);
        const found = changed(entry);
        if (found === undefined) await this.#obtain(lookup, answer, entry);
        else answer.resolve(found);
      });
      if (how === 'led') return;
      // Whoever it was may have got nothing, or nothing that may be kept.
      answer.resolve(changed(await shelf.read(lookup)) ?? (await this.#alone(lookup)));
    } catch (error) {
      answer.reject(error);
    }
  }

  async #alone(lookup: Lookup): Promise<ResolvedSource> {
    const answer: Answer = Promise.withResolvers();
    const entry = await this.#options.shelf.read(lookup);
    this.#obtain(lookup, answer, entry).catch((error: unknown) => {
      answer.reject(error);
    });
    return await answer.promise;
  }

  /** Answers as soon as the content is there; resolves when it is stored. */
  async #obtain(lookup: Lookup, answer: Answer, entry: SourceEntry | undefined): Promise<void> {
    const { shelf } = this.#options;
    const purges = await shelf.purges(lookup);
    const obtained = await obtain(lookup, lookup.lost ? undefined : shelf.variantOf(lookup, entry), this.#options);
    if (obtained.kind === 'held') {
      answer.resolve(this.#ofHeld(lookup, obtained.held, obtained.outcome));
      if (obtained.outcome === 'revalidated') await shelf.renew(lookup, entry, obtained.held);
      return;
    }
    answer.resolve(this.#ofContent(lookup, obtained.content));
    if (!obtained.content.keep || purges !== (await shelf.purges(lookup))) return;
    await shelf.store(lookup, entry, obtained.content);
  }

  #ofHeld({ id }: Lookup, { variant, freshness }: HeldVariant, outcome: CacheOutcome): ResolvedSource {
    const { contentHash, contentType } = variant;
    const body = (): Promise<Uint8Array | undefined> => this.#options.shelf.body(variant);
    return { id, contentHash, contentType, outcome, kept: true, freshness, body };
  }

  #ofContent({ id }: Lookup, { body, contentHash, contentType, freshness, keep }: Content): ResolvedSource {
    const there = (): Promise<Uint8Array> => Promise.resolve(body);
    return { id, contentHash, contentType, outcome: 'miss', kept: keep, freshness, body: there };
  }
}
