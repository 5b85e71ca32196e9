import { z } from 'zod';
import { filterSchema } from './filter.ts';
import type { Filter } from './filter.ts';

/** Longest identity accepted, in characters. */
export const MAX_IDENTITY_LENGTH = 121;
/** Longest life of a token, seconds (24 hours). */
export const MAX_TOKEN_TTL_SECONDS = 86_400;

/** `support/tier1/alice`: levels of letters, digits and common punctuation, separated by single slashes. */
export const identitySchema = z
  .string()
  .min(1)
  .max(MAX_IDENTITY_LENGTH)
  .regex(/^[^/\s\u0000-\u001f]+(?:\/[^/\s\u0000-\u001f]+)*$/u, 'levels separated by single slashes, without spaces');

const grantedTopicSchema = z.union([
  z.string().max(512),
  z.strictObject({ topic: z.string().max(512), filter: filterSchema.optional() }),
]);

/** A topic pattern that may be subscribed, and what of it. */
export interface GrantedTopic {
  /** Normalised. */
  readonly topic: string;
  /** Undefined: everything under the topic. */
  readonly filter?: Filter | undefined;
}

/**
 * Claims of an access token (JWT, HS256 with the API key's secret, or ES256 with a key pair of the account). The shape is that of the voice SDK's access tokens
 * plus the `hub` grant, so that tokens made by existing helper libraries are accepted.
 *
 * `grants.hub.subscribe` and `.publish` are topic patterns within the account; a subscription is allowed when its
 * pattern is a subset of one of them. An entry of `subscribe` may be `{topic, filter}`: then only the events that the
 * filter matches. Without a hub grant a token with an identity may subscribe to its own `clients.<identity>.>` only.
 */
export const tokenClaimsSchema = z.looseObject({
  iss: z.string().regex(/^(SK|AC)[0-9a-f]{32}$/, 'iss must be the API key sid'),
  sub: z.string().regex(/^AC[0-9a-f]{32}$/, 'sub must be the account sid'),
  exp: z.number().int().positive(),
  iat: z.number().int().optional(),
  nbf: z.number().int().optional(),
  jti: z.string().max(128).optional(),
  grants: z.looseObject({
    identity: identitySchema.optional(),
    voice: z
      .looseObject({
        incoming: z.looseObject({ allow: z.boolean() }).optional(),
        outgoing: z
          .looseObject({ application_sid: z.string(), params: z.record(z.string(), z.unknown()).optional() })
          .optional(),
      })
      .optional(),
    hub: z
      .looseObject({
        subscribe: z.array(grantedTopicSchema).max(100).optional(),
        publish: z.array(z.string()).max(100).optional(),
        presence: z.array(z.string()).max(100).optional(),
        info: z.record(z.string(), z.unknown()).optional().describe('shown with the member, over what it says itself'),
      })
      .optional(),
    trace: z.boolean().optional().describe('may read the call traces of the whole account: numbers, SIP, requests'),
  }),
});
export type TokenClaims = z.infer<typeof tokenClaimsSchema>;

/** What a verified token allows, normalised: the only form the rest of the server sees. Times are epoch milliseconds. */
export interface Grants {
  readonly accountSid: string;
  readonly keySid: string;
  readonly tokenId: string | undefined;
  readonly identity: string | undefined;
  readonly expiresAt: number;
  readonly voice: {
    readonly incoming: boolean;
    readonly outgoing:
      { readonly applicationSid: string; readonly params: Readonly<Record<string, string>> } | undefined;
  };
  /** When the token was made; undefined when it does not say. */
  readonly issuedAt?: number | undefined;
  readonly subscribe: readonly GrantedTopic[];
  /** Normalised topic patterns. */
  readonly publish: readonly string[];
  readonly presence: readonly string[];
  /** Shown with the token's memberships. */
  readonly info?: Readonly<Record<string, unknown>> | undefined;
  /** Call traces of the whole account may be read (default false). */
  readonly trace: boolean;
}
