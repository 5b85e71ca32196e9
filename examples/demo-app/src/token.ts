import { createHmac, randomBytes } from 'node:crypto';

/** Seconds a token is valid. Clients ask for a new one before it expires. */
export const TOKEN_TTL_SECONDS = 3600;

/** Identities this demo signs for: levels of letters, digits, `_` and `-`, separated by `/`. */
export const DEMO_IDENTITY = /^[A-Za-z0-9_-]{1,60}(?:\/[A-Za-z0-9_-]{1,60}){0,3}$/;

/** The account's API key; its secret signs the tokens and never leaves the application server. */
export interface TokenSigner {
  readonly account: string;
  readonly apiKey: string;
  readonly apiSecret: string;
  /** Sid of the application that calls made by browsers run; without it a browser may only be called. */
  readonly application: string | undefined;
}

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/**
 * An access token (RFC 7519, HS256) for one softphone: it may take calls as `identity`, make calls through the
 * application, watch the account's calls and its own topics, and read the traces of its calls.
 *
 * @param now epoch milliseconds
 */
export function accessToken(signer: TokenSigner, identity: string, now: number): { token: string; expiresAt: number } {
  const issuedAt = Math.floor(now / 1000);
  const expires = issuedAt + TOKEN_TTL_SECONDS;
  const outgoing = signer.application === undefined ? {} : { outgoing: { application_sid: signer.application } };
  const claims = {
    jti: `${signer.apiKey}-${randomBytes(8).toString('hex')}`,
    iss: signer.apiKey,
    sub: signer.account,
    iat: issuedAt,
    exp: expires,
    grants: {
      identity,
      voice: { incoming: { allow: true }, ...outgoing },
      hub: {
        subscribe: ['calls.>', 'numbers.>', 'app.>', 'presence.app.>', `clients.${identity.replaceAll('/', '.')}.>`],
        publish: ['app.>'],
        presence: ['clients.>', 'app.>'],
      },
      // Numbers and SIP of every call of the account: for a demo's page. Leave it out for your own agents.
      trace: true,
    },
  };
  const signed = `${part({ typ: 'JWT', alg: 'HS256' })}.${part(claims)}`;
  const signature = createHmac('sha256', signer.apiSecret).update(signed).digest('base64url');
  return { token: `${signed}.${signature}`, expiresAt: expires * 1000 };
}
