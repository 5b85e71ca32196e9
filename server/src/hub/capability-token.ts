import { filterFromQuery, identitySchema, identityTokens, FILTER_MEMBERS } from '@hookswitch/shared';
import type { GrantedTopic, Grants } from '@hookswitch/shared';
import { z } from 'zod';
import { TokenError } from './errors.ts';

/**
 * Claims of a capability token, the predecessor of the access token: HS256 with the account's auth token, and one text
 * of scopes. There is no `sub`, no identity and no `jti`.
 */
export const capabilityClaimsSchema = z.looseObject({
  iss: z.string().regex(/^AC[0-9a-f]{32}$/, 'iss must be the account sid'),
  exp: z.number().int().positive(),
  iat: z.number().int().optional(),
  nbf: z.number().int().optional(),
  scope: z.string().max(8192),
});
type CapabilityClaims = z.infer<typeof capabilityClaimsSchema>;

const EVENTS_PATH = '/2010-04-01/Events';

/**
 * What the scopes of a capability token grant:
 *
 * | scope                                                          | grants                                                          |
 * | -------------------------------------------------------------- | --------------------------------------------------------------- |
 * | `scope:client:incoming?clientName=NAME`                        | the identity, incoming calls, and its own `clients.NAME.>`      |
 * | `scope:client:outgoing?appSid=AP..&clientName=..&appParams=..` | outgoing calls through the application, with these parameters   |
 * | `scope:stream:subscribe?path=/2010-04-01/Events&appParams=..`  | every event (`>`) that the filter in `appParams` matches        |
 *
 * `appParams` of a stream are members of a filter (`call=CA..&type=call.*`). Anything else in them is refused: a member
 * that is not understood would let everything through. Scopes of other services are left alone.
 *
 * @throws TokenError `tokenInvalid`
 */
export function grantsFromCapability(claims: CapabilityClaims): Grants {
  const found: Found = { identities: new Set(), incoming: false, outgoing: undefined, subscribe: [] };
  for (const scope of claims.scope.split(/\s+/)) if (scope !== '') readScope(scope, found);
  if (found.identities.size > 1) throw invalid('it names more than one client');
  const [identity] = found.identities;
  if (identity !== undefined) found.subscribe.push({ topic: `clients.${identityTokens(identity)}.>` });
  return {
    accountSid: claims.iss,
    keySid: claims.iss,
    tokenId: undefined,
    identity,
    expiresAt: claims.exp * 1000,
    issuedAt: claims.iat === undefined ? undefined : claims.iat * 1000,
    voice: { incoming: found.incoming, outgoing: found.outgoing },
    subscribe: found.subscribe,
    publish: [],
    presence: [],
    trace: false,
  };
}

interface Found {
  readonly identities: Set<string>;
  incoming: boolean;
  outgoing: Grants['voice']['outgoing'];
  readonly subscribe: GrantedTopic[];
}

function readScope(scope: string, found: Found): void {
  const [, name = '', query = ''] = /^scope:([a-z]+:[a-z]+)(?:\?(.*))?$/.exec(scope) ?? [];
  const params = new URLSearchParams(query);
  switch (name) {
    case 'client:incoming':
      found.incoming = true;
      addIdentity(found, params.get('clientName'), true);
      break;
    case 'client:outgoing':
      addIdentity(found, params.get('clientName'), false);
      found.outgoing = outgoingOf(params);
      break;
    case 'stream:subscribe':
      found.subscribe.push(streamOf(params));
      break;
    case '':
      throw invalid(`'${scope.slice(0, 100)}' is not like scope:service:privilege?parameters`);
    default:
  }
}

function addIdentity({ identities }: Found, name: string | null, needed: boolean): void {
  if (name === null && !needed) return;
  const parsed = identitySchema.safeParse(name);
  if (!parsed.success) throw invalid(`clientName: ${parsed.error.issues[0]?.message ?? 'is not valid'}`);
  identities.add(parsed.data);
}

function outgoingOf(params: URLSearchParams): Grants['voice']['outgoing'] {
  const applicationSid = params.get('appSid');
  if (applicationSid === null || applicationSid === '') throw invalid('scope:client:outgoing needs appSid');
  return { applicationSid, params: Object.fromEntries(new URLSearchParams(params.get('appParams') ?? '')) };
}

function streamOf(params: URLSearchParams): GrantedTopic {
  const path = params.get('path');
  if (path !== EVENTS_PATH) throw invalid(`scope:stream:subscribe is for path=${EVENTS_PATH}`);
  const wanted = new URLSearchParams(params.get('appParams') ?? '');
  const query: Record<string, string[]> = {};
  for (const name of wanted.keys()) {
    if (!(FILTER_MEMBERS as readonly string[]).includes(name)) {
      throw invalid(`appParams of a stream are ${FILTER_MEMBERS.join(', ')}; not '${name.slice(0, 100)}'`);
    }
    query[name] = wanted.getAll(name);
  }
  const parsed = filterFromQuery(query);
  if (!parsed.ok) throw invalid(parsed.problem);
  return { topic: '>', ...(parsed.filter === undefined ? {} : { filter: parsed.filter }) };
}

function invalid(problem: string): TokenError {
  return new TokenError('tokenInvalid', `the scope of the capability token is not valid: ${problem}`);
}
