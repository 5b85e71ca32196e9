import { BoundedQueue } from '../../kernel/index.ts';
import { GrowingBody } from '../cache/growing-body.ts';
import { PromptError } from '../prompt-error.ts';
import { sha256 } from '../cache/hot-bodies.ts';
import type { Addressed, Addresses } from './addresses.ts';
import { audioFacts } from './audio-facts.ts';
import type { AudioFacts } from './audio-facts.ts';
import type { AudioForm } from './forms.ts';
import type { KeptSource, MediaRequest } from './media-request.ts';
import type { Rendition, Renditions } from './renditions.ts';
import { LostContent } from './renditions.ts';
import type { CacheOutcome, ResolvedSource, Sources } from './sources.ts';
import type { Statistics } from './statistics.ts';

export interface MediaAnswer {
  readonly form: AudioForm;
  /** Of the audio: its entity tag. */
  readonly digest: string;
  /** Path and query of the immutable address; undefined: the audio is not kept. */
  readonly address: string | undefined;
  readonly outcome: CacheOutcome;
  /** Of the source. */
  readonly ageSeconds: number;
  /** Until the source is stale; undefined: never. */
  readonly freshSeconds: number | undefined;
  readonly lastModified: string | undefined;
  /** Whole, or as far as it is made. */
  readonly body: Uint8Array | GrowingBody;
}

/** What is known of audio. */
export interface MediaFacts extends AudioFacts {
  readonly bytes: number;
  /** Of the audio, base64url. */
  readonly sha256: string;
  /** Media type of what it was made of. Undefined: it is not kept. */
  readonly sourceType?: string | undefined;
  /** Epoch milliseconds. Undefined: it is not kept. */
  readonly storedAt?: number | undefined;
}

export interface MediaLayerOptions {
  readonly sources: Sources;
  readonly renditions: Renditions;
  readonly addresses: Addresses;
  readonly statistics: Statistics;
}

/** What waits to be made ahead. Overflow policy: the newest is left out, and is made when it is asked for. */
const MOST_PREFETCHES = 256;

/** The media layer of one process: a resource in, telephony audio out. Everything that it keeps is shared by the cluster. */
export class MediaLayer {
  readonly #options: MediaLayerOptions;
  readonly #ahead = new BoundedQueue<MediaRequest>(MOST_PREFETCHES);
  #warming: Promise<void> | undefined;

  constructor(options: MediaLayerOptions) {
    this.#options = options;
  }

  /** Resolves when there is something to hear. @throws PromptError */
  async get(request: MediaRequest): Promise<MediaAnswer> {
    const { sources, statistics } = this.#options;
    try {
      const answer = await this.#answer(request, await sources.resolve(request));
      statistics.answered(request.accountSid, answer);
      return answer;
    } catch (error) {
      statistics.failed(request.accountSid);
      throw error;
    }
  }

  /** What is stored under an address. */
  async open({ accountSid, digest, form }: Addressed): Promise<MediaAnswer | undefined> {
    const { renditions, statistics } = this.#options;
    const body = await renditions.find({ accountSid, digest });
    if (body === undefined) return undefined;
    const address = this.#options.addresses.of({ accountSid, digest, form });
    const answer: MediaAnswer = {
      ...{ form, digest, address, body },
      ...{ outcome: 'hit', ageSeconds: 0, freshSeconds: undefined, lastModified: undefined },
    };
    statistics.answered(accountSid, answer);
    return answer;
  }

  /** Resolves when the audio is made and, if it may be, stored. @throws PromptError */
  async facts(accountSid: string, { digest, form, body }: MediaAnswer): Promise<MediaFacts> {
    const audio = body instanceof GrowingBody ? await body.whole : body;
    const record = await this.#options.renditions.record(accountSid, digest);
    const { bytes = audio.length, storedAt, facts = audioFacts(audio, form) } = record ?? {};
    return { ...facts, bytes, sha256: record?.sha256 ?? sha256(audio), storedAt };
  }

  /**
   * Has it made and kept before somebody asks: one at a time, and beside what is waited for. Never fails: whoever asks hears what is
   * wrong. What may not be kept is fetched again by whoever asks for it.
   */
  prefetch(request: MediaRequest): void {
    if (!this.#ahead.push({ ...request, ahead: true })) return;
    this.#warming ??= this.#warm().finally(() => (this.#warming = undefined));
  }

  /** Resolves when everything that was begun is made and stored. */
  async settled(): Promise<void> {
    await this.#warming;
    await this.#options.sources.settled();
    await this.#options.renditions.settled();
  }

  /** Keeps what an account uploads, under a name that stays. @throws PromptError when it cannot be kept or is no audio */
  async upload(
    request: MediaRequest<KeptSource>,
    upload: { readonly body: Uint8Array; readonly contentType: string },
  ): Promise<MediaAnswer> {
    const source = await this.#options.sources.upload(request, upload.body, upload.contentType);
    const answer = await this.#answer(request, source);
    if (answer.body instanceof GrowingBody) await answer.body.whole;
    return answer;
  }

  async #warm(): Promise<void> {
    for (let request = this.#ahead.shift(); request !== undefined; request = this.#ahead.shift()) {
      try {
        const { body } = await this.#answer(request, await this.#options.sources.resolve(request));
        if (body instanceof GrowingBody) await body.whole;
      } catch {
        // Whoever asks hears it.
      }
    }
  }

  async #answer(request: MediaRequest, source: ResolvedSource): Promise<MediaAnswer> {
    const { accountSid, form } = request;
    let [resolved, rendition] = [source, await this.#rendition(request, source)];
    if (rendition === undefined) {
      resolved = await this.#options.sources.resolve(request, true);
      rendition = await this.#rendition(request, resolved);
    }
    if (rendition === undefined)
      throw new PromptError('connection', 'the store lost the content as soon as it was there');
    const { digest, body } = rendition;
    const { freshness, outcome, kept } = resolved;
    return {
      ...{ form, digest, outcome, body },
      address: kept ? this.#options.addresses.of({ accountSid, digest, form }) : undefined,
      ageSeconds: freshness?.ageSeconds ?? 0,
      freshSeconds: kept ? freshness?.freshSeconds : 0,
      lastModified: freshness?.lastModified,
    };
  }

  async #rendition({ accountSid, form, ahead }: MediaRequest, source: ResolvedSource): Promise<Rendition | undefined> {
    const { id, contentHash, contentType, kept } = source;
    try {
      const body = (): Promise<Uint8Array | undefined> => source.body();
      const content = { accountSid, source: id, contentHash, contentType, kept, ahead, body };
      return await this.#options.renditions.get(content, form);
    } catch (error) {
      if (error instanceof LostContent) return undefined;
      throw error;
    }
  }
}
