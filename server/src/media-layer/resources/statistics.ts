import type { Metrics } from '../../kernel/index.ts';
import type { MediaAnswer } from './media-layer.ts';

/** Of one account, since counting began. */
export interface MediaCounts {
  hits: number;
  misses: number;
  revalidations: number;
  /** Old content given out, by stale-while-revalidate, stale-if-error or max-stale. */
  stale: number;
  failures: number;
  /** Given out; of audio that was still being made, what there was. */
  bytes: number;
  /** Sum of the ages of what was given out from the cache, seconds. */
  ageSeconds: number;
  conversions: number;
  conversionMs: number;
}

export const noCounts = (): MediaCounts => ({
  ...{ hits: 0, misses: 0, revalidations: 0, stale: 0, failures: 0 },
  ...{ bytes: 0, ageSeconds: 0, conversions: 0, conversionMs: 0 },
});

const MEMBERS = { hit: 'hits', miss: 'misses', revalidated: 'revalidations', stale: 'stale' } as const;

/** What this process did, by account; metrics are of all accounts together. */
export class Statistics {
  readonly #counts = new Map<string, MediaCounts>();
  readonly #answers;
  readonly #conversions;

  constructor(metrics: Metrics) {
    this.#answers = metrics.counter('hookswitch_media_layer_answers_total', 'Answers of the media layer', ['outcome']);
    this.#conversions = metrics.histogram(
      'hookswitch_media_layer_conversion_seconds',
      'Time that the media layer took to convert one source into one form',
      { buckets: [0.01, 0.03, 0.1, 0.3, 1, 3, 10] },
    );
  }

  answered(accountSid: string, { outcome, body, ageSeconds }: MediaAnswer): void {
    const counts = this.#of(accountSid);
    counts[MEMBERS[outcome]] += 1;
    counts.bytes += 'bytes' in body ? body.bytes : body.length;
    counts.ageSeconds += ageSeconds;
    this.#answers.inc({ outcome });
  }

  /** What is no audio of the layer's own making: a recording as it is. */
  served(accountSid: string, bytes: number): void {
    const counts = this.#of(accountSid);
    counts.hits += 1;
    counts.bytes += bytes;
    this.#answers.inc({ outcome: 'hit' });
  }

  failed(accountSid: string): void {
    this.#of(accountSid).failures += 1;
    this.#answers.inc({ outcome: 'failed' });
  }

  converted(accountSid: string, milliseconds: number): void {
    const counts = this.#of(accountSid);
    counts.conversions += 1;
    counts.conversionMs += milliseconds;
    this.#conversions.observe(milliseconds / 1000);
  }

  /** Counted here, by account. */
  all(): ReadonlyMap<string, Readonly<MediaCounts>> {
    return this.#counts;
  }

  #of(accountSid: string): MediaCounts {
    let counts = this.#counts.get(accountSid);
    if (counts === undefined) this.#counts.set(accountSid, (counts = noCounts()));
    return counts;
  }
}
