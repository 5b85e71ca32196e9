import { parseTopic, patternIsSubset, tokenClaimsSchema } from '@hookswitch/shared';
import { openNative, openSocketIo } from './links.ts';
import type { OpenLink } from './links.ts';

export const TRANSPORTS = ['native', 'socketio'] as const;
export type TransportName = (typeof TRANSPORTS)[number];

/** What the checks know of the hub under test. */
export interface Target {
  /** Of the native endpoint; the addresses of the others follow from it. */
  readonly url: string;
  readonly token: string;
}

export function linkOf(transport: TransportName): OpenLink {
  return transport === 'native' ? openNative : openSocketIo(['websocket']);
}

/** What the token says of itself. Its signature is the server's business. */
export interface TokenFacts {
  readonly identity: string | undefined;
  readonly expiresAt: number;
  /** A topic that may be subscribed and published to, as may be what lies below; undefined: there is none. */
  readonly base: string | undefined;
  readonly mayRead: (pattern: string) => boolean;
  readonly mayPublish: (topic: string) => boolean;
  readonly mayBePresent: (topic: string) => boolean;
  /** Of the entries that it may subscribe, some with a filter. */
  readonly isFiltered: boolean;
}

/** @throws Error for something that is no access token */
export function tokenFacts(token: string): TokenFacts {
  const payload: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
  const claims = tokenClaimsSchema.extend({
    iss: tokenClaimsSchema.shape.sub.or(tokenClaimsSchema.shape.iss).catch(''),
  });
  const { grants, exp } = claims.parse(payload);
  const entries = (grants.hub?.subscribe ?? []).map((one) => (typeof one === 'string' ? { topic: one } : one));
  const whole = entries.filter((one) => !('filter' in one) || one.filter === undefined).map(({ topic }) => topic);
  const covers = (granted: readonly string[]) => (pattern: string) =>
    granted.some((one) => patternIsSubset(pattern, normalised(one)));
  const mayRead = covers(whole);
  const mayPublish = covers(grants.hub?.publish ?? []);
  const mayBePresent = covers(grants.hub?.presence ?? []);
  const candidates = [
    'app',
    ...(grants.hub?.publish ?? []).filter((one) => one.endsWith('.>')).map((one) => one.slice(0, -2)),
  ];
  const base = candidates.find((one) => mayRead(`${one}.x.>`) && mayPublish(`${one}.x.y`) && !/[*>]/.test(one));
  return {
    identity: grants.identity,
    expiresAt: exp * 1000,
    base,
    mayRead,
    mayPublish,
    mayBePresent,
    isFiltered: whole.length < entries.length,
  };
}

function normalised(pattern: string): string {
  const parsed = parseTopic(pattern, { wildcards: true });
  return parsed.ok ? parsed.topic : pattern;
}
