import { z } from 'zod';

const count = z.int();

/** What an account keeps in the media layer and may keep, and what was done for it: the answer of `GET /v1/media`. */
export const mediaUseSchema = z.object({
  kept: z.object({
    sources: count,
    renditions: count.describe('audio in one form'),
    bytes: count,
    recordings: count,
    recordingBytes: count.describe('beside the limit: recordings are kept for a time, and never evicted'),
    recordingSeconds: z.number(),
    limit: count.describe('bytes that the account may keep: mediaBytes of its limits'),
  }),
  done: z.object({
    processes: count.describe('of the cluster that answered: their counts are summed, each since its start'),
    hits: count,
    misses: count,
    revalidations: count,
    stale: count.describe('old content given out'),
    failures: count,
    bytes: count.describe('given out'),
    conversions: count,
    hitRatio: z.number().nullable(),
    meanAgeSeconds: z.number().nullable(),
    conversionSeconds: z.number(),
  }),
});
export type MediaUse = z.infer<typeof mediaUseSchema>;
