import type { Clock } from '../../kernel/index.ts';
import { sha256 } from '../cache/hot-bodies.ts';
import { PromptError } from '../prompt-error.ts';
import { idOf } from './addresses.ts';
import type { AskedFor, HeaderFields } from './freshness.ts';
import { Freshness, isOriginTrouble } from './freshness.ts';
import { headersForOrigin, withoutSecrets } from './media-request.ts';
import type { Origins, OriginResponse, Voices } from './ports.ts';
import type { HeldVariant, Lookup } from './source-shelf.ts';

/** Content that just came. */
export interface Content {
  readonly body: Uint8Array;
  readonly contentType: string;
  readonly contentHash: string;
  readonly freshness: Freshness | undefined;
  /** Whether it may be stored. */
  readonly keep: boolean;
}

/** What was stored is still right, by the origin's word or for want of it; or new content. */
export type Obtained =
  | { readonly kind: 'held'; readonly held: HeldVariant; readonly outcome: 'revalidated' | 'stale' }
  | { readonly kind: 'content'; readonly content: Content };

interface Means {
  readonly origins: Origins;
  readonly voices: Voices;
  readonly clock: Clock;
}

/** Asks whoever makes the source: its origin, with what is stored as the condition, or a voice. @throws PromptError */
export async function obtain(lookup: Lookup, held: HeldVariant | undefined, means: Means): Promise<Obtained> {
  const { source } = lookup.request;
  switch (source.kind) {
    case 'url':
      return await ask(lookup, held, means);
    case 'speech': {
      const spoken = await means.voices.speak(source, lookup.request.accountSid, lookup.fingerprint);
      const { body, contentType, keep = true } = spoken;
      // What stood in for another voice has no part in that voice's address.
      const contentHash = keep ? idOf('speech', lookup.fingerprint) : sha256(body);
      return { kind: 'content', content: { body, contentType, contentHash, freshness: undefined, keep } };
    }
    case 'upload':
      throw new PromptError(
        'not-found',
        `there is no upload with the name ${source.name.slice(0, 100)}; upload it first`,
      );
  }
}

async function ask(lookup: Lookup, held: HeldVariant | undefined, { origins, clock }: Means): Promise<Obtained> {
  const { asked, request } = lookup;
  const freshness = held?.freshness;
  const get = (validators: HeaderFields): Promise<OriginResponse> => {
    const headers = headersForOrigin(asked, validators);
    return origins.get({ accountSid: request.accountSid, url: asked.url, headers });
  };
  const standsIn = held !== undefined && freshness?.standsInForError(asked) === true;
  let response: OriginResponse;
  try {
    response = await get(freshness?.validators() ?? {});
  } catch (error) {
    if (standsIn && error instanceof PromptError && isTrouble(error)) return { kind: 'held', held, outcome: 'stale' };
    throw error;
  }
  if (response.status === 304 && held !== undefined) {
    const updated = freshness?.updatedBy(asked, response.headers);
    if (updated !== undefined) return { kind: 'held', held: { ...held, freshness: updated }, outcome: 'revalidated' };
    response = await get({});
  }
  if (isOriginTrouble(response.status) && standsIn) return { kind: 'held', held, outcome: 'stale' };
  return { kind: 'content', content: contentOf(asked, response, clock) };
}

const isTrouble = ({ reason }: PromptError): boolean => reason === 'connection' || reason === 'http-status';

function contentOf(asked: AskedFor, response: OriginResponse, clock: Clock): Content {
  const { status, headers, body } = response;
  if (status !== 200 && status !== 203) {
    const where = withoutSecrets(asked.url).split('?')[0] ?? '';
    throw new PromptError(
      'http-status',
      `${where.slice(0, 200)} answered ${String(status)}; check the URL at its server`,
    );
  }
  const freshness = Freshness.ofResponse(asked, response, clock);
  return {
    body,
    contentType: headers['content-type'] ?? '',
    contentHash: sha256(body),
    freshness,
    keep: freshness.storable,
  };
}
