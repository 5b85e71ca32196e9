import type { z } from 'zod';
import { contentTypeOf } from '../resources/forms.ts';
import type { MediaAnswer, MediaFacts } from '../resources/media-layer.ts';
import type { infoSchema } from './schemas.ts';

/** Whether what is known of the audio is asked for in its place. */
export const wantsInfo = (accept: string | undefined): boolean => /^\s*application\/json\b/i.test(accept ?? '');

/** Fields of an answer with whole audio: Repr-Digest (RFC 9530) and a dictionary (RFC 9651). */
export function infoHeaders({ form }: MediaAnswer, facts: MediaFacts): Record<string, string> {
  const { durationMs, peakDb, rmsDb, sha256, sourceType } = facts;
  const members = {
    duration: (durationMs / 1000).toFixed(3),
    ...(peakDb === undefined ? {} : { peak: peakDb.toFixed(2) }),
    ...(rmsDb === undefined ? {} : { rms: rmsDb.toFixed(2) }),
    codec: form.codec,
    rate: String(form.rate),
    ...(sourceType === undefined ? {} : { source: JSON.stringify(sourceType.replaceAll(/[^\x20-\x7e]|["\\]/g, '')) }),
  };
  return {
    'media-info': Object.entries(members)
      .map(([name, value]) => `${name}=${value}`)
      .join(', '),
    'repr-digest': `sha-256=:${Buffer.from(sha256, 'base64url').toString('base64')}:`,
  };
}

/** The same and more, as JSON. */
export function infoBody(answer: MediaAnswer, facts: MediaFacts): z.infer<typeof infoSchema> {
  const { form, address, digest, ageSeconds } = answer;
  const { durationMs, peakDb = null, rmsDb = null, bytes, sha256, sourceType = null, storedAt } = facts;
  return {
    ...{ address: address ?? null, digest, codec: form.codec, rate: form.rate, contentType: contentTypeOf(form) },
    ...{ bytes, durationSeconds: durationMs / 1000, peakDb, rmsDb, sha256, sourceType, ageSeconds },
    storedAt: storedAt === undefined ? null : new Date(storedAt).toISOString(),
  };
}
