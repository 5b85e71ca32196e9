import { identityTokens, isApplicationTopic, parseTopic, patternIsSubset } from '@hookswitch/shared';
import type { GrantedTopic, Grants, TokenClaims } from '@hookswitch/shared';
import { TokenError } from './errors.ts';

/**
 * Claims that were verified, normalised. Without `hub.subscribe` a token with an identity may follow its own
 * `clients.<identity>.>`. @throws TokenError `tokenInvalid` when a pattern in it is not valid
 */
export function grantsFromClaims(claims: TokenClaims): Grants {
  const { identity, voice, hub } = claims.grants;
  const own = identity === undefined ? [] : [{ topic: `clients.${identityTokens(identity)}.>` }];
  const outgoing = voice?.outgoing;
  return {
    accountSid: claims.sub,
    keySid: claims.iss,
    tokenId: claims.jti,
    identity,
    expiresAt: claims.exp * 1000,
    issuedAt: claims.iat === undefined ? undefined : claims.iat * 1000,
    voice: {
      incoming: voice?.incoming?.allow === true,
      outgoing:
        outgoing === undefined
          ? undefined
          : { applicationSid: outgoing.application_sid, params: textParams(outgoing.params) },
    },
    subscribe: hub?.subscribe === undefined ? own : hub.subscribe.map(grantedTopic),
    publish: (hub?.publish ?? []).map((pattern) => normalised(pattern, 'publish')),
    presence: (hub?.presence ?? []).map((pattern) => normalised(pattern, 'presence')),
    ...(hub?.info === undefined ? {} : { info: hub.info }),
    trace: claims.grants.trace === true,
  };
}

/** Clients publish under `app.` only, whatever else their token says. */
export function mayPublish(grants: Grants, topic: string): boolean {
  return isApplicationTopic(topic) && grants.publish.some((granted) => patternIsSubset(topic, granted));
}

function grantedTopic(
  entry: NonNullable<NonNullable<TokenClaims['grants']['hub']>['subscribe']>[number],
): GrantedTopic {
  const { topic, filter } = typeof entry === 'string' ? { topic: entry, filter: undefined } : entry;
  return { topic: normalised(topic, 'subscribe'), ...(filter === undefined ? {} : { filter }) };
}

function normalised(pattern: string, grant: string): string {
  const parsed = parseTopic(pattern, { wildcards: true });
  if (!parsed.ok) throw new TokenError('tokenInvalid', `grants.hub.${grant}: '${pattern}': ${parsed.problem}`);
  return parsed.topic;
}

function textParams(params: Readonly<Record<string, unknown>> | undefined): Record<string, string> {
  const out: Record<string, string> = {};
  for (const [name, value] of Object.entries(params ?? {})) {
    if (typeof value === 'string') out[name] = value;
    else if (typeof value === 'number' || typeof value === 'boolean') out[name] = String(value);
  }
  return out;
}
