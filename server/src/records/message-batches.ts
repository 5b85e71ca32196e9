import type { Clock } from '../kernel/index.ts';

export interface BatchLimits {
  /** Items of a batch at most. */
  readonly size: number;
  /** How long the first one waits for others, milliseconds. */
  readonly lingerMs: number;
  readonly clock: Clock;
}

/** What comes one by one, in batches: nothing is read ahead of the batch that is asked for but one item. */
export async function* readBatches<T>(
  source: AsyncIterable<T>,
  { size, lingerMs, clock }: BatchLimits,
): AsyncGenerator<readonly T[], void, undefined> {
  const items = source[Symbol.asyncIterator]();
  const ask = (): Promise<IteratorResult<T>> => {
    const asked = items.next();
    // Whoever has stopped reading does not hear of it.
    asked.catch(() => undefined);
    return asked;
  };
  let next = ask();
  for (;;) {
    const first = await next;
    if (first.done === true) return;
    const batch = [first.value];
    next = ask();
    const late = Promise.withResolvers<undefined>();
    const timer = clock.setTimer(lingerMs, () => {
      late.resolve(undefined);
    });
    while (batch.length < size) {
      const more = await Promise.race([next, late.promise]);
      if (more === undefined || more.done === true) break;
      batch.push(more.value);
      next = ask();
    }
    timer.cancel();
    yield batch;
  }
}
