/**
 * Traffic theory of lines that are taken and given back (A. K. Erlang, 1917). Load is in Erlangs: calls that exist on
 * average, or arrivals a second times seconds held. Arrivals are taken to be independent of each other, as of many callers.
 */

/**
 * Erlang B: share of calls refused when all lines are taken and nobody waits.
 *
 * @param load Erlangs offered, 0 or more
 * @param lines whole number, 0 or more
 * @returns 0 to 1
 */
export function blocking(load: number, lines: number): number {
  if (load <= 0) return lines > 0 ? 0 : 1;
  // The reciprocal, from no line up: nothing overflows.
  let reciprocal = 1;
  for (let line = 1; line <= lines; line++) {
    reciprocal = 1 + (reciprocal * line) / load;
    if (reciprocal === Infinity) return 0;
  }
  return 1 / reciprocal;
}

/**
 * Erlang C: share of calls that wait when those that find no line wait for one.
 *
 * @returns 0 to 1; 1 when more is offered than the lines can carry
 */
export function waiting(load: number, lines: number): number {
  if (load <= 0) return 0;
  if (load >= lines) return 1;
  const refused = blocking(load, lines);
  return refused / (1 - (load / lines) * (1 - refused));
}

/** Erlang C: mean time that calls wait, those that do not among them, in seconds; Infinity when the queue only grows. */
export function meanWait(load: number, lines: number, holdSeconds: number): number {
  if (load >= lines) return load > 0 ? Infinity : 0;
  return (waiting(load, lines) * holdSeconds) / (lines - load);
}

/** Erlang C, calls held for exponentially distributed times: share of calls that wait longer than this. */
export function waitsLonger(seconds: number, load: number, lines: number, holdSeconds: number): number {
  if (load >= lines) return load > 0 ? 1 : 0;
  return waiting(load, lines) * Math.exp((-(lines - load) * seconds) / holdSeconds);
}

/** The fewest lines of which at most this share of calls is refused. @param most above 0 */
export function linesForBlocking(load: number, most: number): number {
  if (load <= 0) return 0;
  let lines = 0;
  let reciprocal = 1;
  while (1 / reciprocal > most) {
    lines++;
    reciprocal = 1 + (reciprocal * lines) / load;
  }
  return lines;
}

/** What is promised to calls that wait: at most a share of them waits longer than a time. */
export interface WaitPromise {
  readonly seconds: number;
  /** 0 to 1, above 0. */
  readonly share: number;
  readonly holdSeconds: number;
}

/** The fewest lines with which a promise is kept. */
export function linesForWait(load: number, { seconds, share, holdSeconds }: WaitPromise): number {
  if (load <= 0) return 0;
  let [from, to] = [Math.floor(load) + 1, Math.floor(load) + 2];
  while (waitsLonger(seconds, load, to, holdSeconds) > share) to *= 2;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (waitsLonger(seconds, load, middle, holdSeconds) > share) from = middle + 1;
    else to = middle;
  }
  return from;
}
