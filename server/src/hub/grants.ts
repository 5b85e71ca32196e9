import { identityTokens, isApplicationTopic, parseTopic, patternIsSubset } from '@hookswitch/shared';
import type { Grants, TokenClaims } from '@hookswitch/shared';
import { TokenError } from './errors.ts';

/**
 * Claims that were verified, normalised. Without `hub.subscribe` a token with an identity may follow its own
 * `clients.<identity>.>`. @throws TokenError `tokenInvalid` when a pattern in it is not valid
 */
export function grantsFromClaims(claims: TokenClaims): Grants {
  const { identity, voice, hub } = claims.grants;
  const own = identity === undefined ? [] : [`clients.${identityTokens(identity)}.>`];
  const outgoing = voice?.outgoing;
  return {
    accountSid: claims.sub,
    keySid: claims.iss,
    tokenId: claims.jti,
    identity,
    expiresAt: claims.exp * 1000,
    voice: {
      incoming: voice?.incoming?.allow === true,
      outgoing:
        outgoing === undefined
          ? undefined
          : { applicationSid: outgoing.application_sid, params: textParams(outgoing.params) },
    },
    subscribe: hub?.subscribe === undefined ? own : normalised(hub.subscribe, 'subscribe'),
    publish: normalised(hub?.publish ?? [], 'publish'),
    presence: normalised(hub?.presence ?? [], 'presence'),
  };
}

/** Whether everything that `pattern` (normalised) can match was granted. A subset test, never a match. */
export function maySubscribe(grants: Grants, pattern: string): boolean {
  return grants.subscribe.some((granted) => patternIsSubset(pattern, granted));
}

/** Clients publish under `app.` only, whatever else their token says. */
export function mayPublish(grants: Grants, topic: string): boolean {
  return isApplicationTopic(topic) && grants.publish.some((granted) => patternIsSubset(topic, granted));
}

function normalised(patterns: readonly string[], grant: string): string[] {
  return patterns.map((pattern) => {
    const parsed = parseTopic(pattern, { wildcards: true });
    if (!parsed.ok) throw new TokenError('tokenInvalid', `grants.hub.${grant}: '${pattern}': ${parsed.problem}`);
    return parsed.topic;
  });
}

function textParams(params: Readonly<Record<string, unknown>> | undefined): Record<string, string> {
  const out: Record<string, string> = {};
  for (const [name, value] of Object.entries(params ?? {})) {
    if (typeof value === 'string') out[name] = value;
    else if (typeof value === 'number' || typeof value === 'boolean') out[name] = String(value);
  }
  return out;
}
