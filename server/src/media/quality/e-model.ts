/** What one direction of a call suffered. */
export interface Conditions {
  /** Share of packets that did not arrive, 0 to 1. */
  readonly lossRatio: number;
  /** Mean length of bursts of loss relative to that of random loss (ITU-T G.107 section 7.4), at least 1 (default). */
  readonly burstRatio?: number;
  /** Mouth to ear, milliseconds. */
  readonly delayMs: number;
  /** Whether the listener's side conceals lost packets, as G.711 appendix I does (default true). */
  readonly concealment?: boolean;
}

/** Rating of a call without loss and delay with the default values of all other parameters of ITU-T G.107. */
const BEST = 93.2;
/** Robustness of G.711 against loss, ITU-T G.113 appendix I: how many percent halve what a call without loss has. */
const ROBUSTNESS = { concealed: 25.1, bare: 4.3 } as const;
/** Where delay begins to disturb a conversation, milliseconds. */
const NOTICEABLE_DELAY = 177.3;

/**
 * Transmission rating of G.711, 0 to 93.2: the E-model of ITU-T G.107 with default values for all but delay and loss. The
 * delay impairment is the approximation of Cole and Rosenbluth (2001), exact to 0.5 up to 400 ms.
 */
export function ratingOf(conditions: Conditions): number {
  const { delayMs, burstRatio = 1, concealment = true } = conditions;
  const delay = Math.max(0, delayMs);
  const delayImpairment = 0.024 * delay + 0.11 * Math.max(0, delay - NOTICEABLE_DELAY);
  const percent = 100 * Math.min(1, Math.max(0, conditions.lossRatio));
  const robustness = concealment ? ROBUSTNESS.concealed : ROBUSTNESS.bare;
  const lossImpairment = (95 * percent) / (percent / Math.max(1, burstRatio) + robustness);
  return Math.max(0, BEST - delayImpairment - lossImpairment);
}

/** Estimated mean opinion score of a rating, 1 to 4.5: ITU-T G.107 annex B. */
export function mosOfRating(rating: number): number {
  if (rating <= 0) return 1;
  if (rating >= 100) return 4.5;
  return Math.max(1, 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6);
}

/** Mean opinion score, rounded to hundredths: what is finer is not in an estimate. */
export function mosOf(conditions: Conditions): number {
  return round(mosOfRating(ratingOf(conditions)), 2);
}

export function round(value: number, digits: number): number {
  const factor = 10 ** digits;
  return Math.round(value * factor) / factor;
}
