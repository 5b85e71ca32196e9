import { noCounts } from './statistics.ts';
import type { MediaCounts, Statistics } from './statistics.ts';

/** Asks the other processes that have a media layer. */
export interface OtherCounts {
  /** What each of the others that answered did for the account. Never rejects. */
  ask(accountSid: string): Promise<readonly MediaCounts[]>;
}

/** What was done for an account by how many processes. */
export interface CountedTogether {
  readonly counts: MediaCounts;
  readonly processes: number;
}

/** What all processes of the cluster did for one account, each since it started. */
export async function countTogether(
  accountSid: string,
  { statistics, others }: { readonly statistics: Statistics; readonly others?: OtherCounts | undefined },
): Promise<CountedTogether> {
  const elsewhere = (await others?.ask(accountSid)) ?? [];
  const counts = { ...(statistics.all().get(accountSid) ?? noCounts()) };
  for (const other of elsewhere) {
    for (const name of Object.keys(counts) as (keyof MediaCounts)[]) counts[name] += other[name];
  }
  return { counts, processes: 1 + elsewhere.length };
}
