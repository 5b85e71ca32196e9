import { createHmac, generateKeyPairSync, sign as signBytes } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../kernel/index.ts';
import { newRevocation } from './index.ts';
import type { KeySource, PublicSigningKey } from './index.ts';
import { TokenVerifier } from './index.ts';
import { MemoryRevocationStore } from './revocation-store.memory.ts';
import { ACCOUNT, FakeKeys, KEY, OTHER_ACCOUNT, SECRET } from './testing/fixtures.ts';
import { silentLog } from '../kernel/index.ts';

const pair = (): { publicKey: KeyObject; privateKey: KeyObject } => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const seconds = (offset: number): number => Math.floor(systemClock.now() / 1000) + offset;
const claims = (more: object = {}): object => ({
  sub: ACCOUNT,
  exp: seconds(600),
  iat: seconds(0),
  jti: 't-1',
  grants: { identity: 'alice' },
  ...more,
});
const sign = (privateKey: KeyObject, header: object = { kid: 'k1' }, more: object = {}): string =>
  jwt.sign(claims(more), privateKey, { algorithm: 'ES256', header: { alg: 'ES256', ...header } });
const base64 = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

class PublicKeys extends FakeKeys implements KeySource {
  readonly public = new Map<string, PublicSigningKey>();

  put(accountSid: string, kid: string, key: KeyObject, sid = `PK${kid}`): void {
    this.public.set(`${accountSid} ${kid}`, { sid, accountSid, accountActive: true, key });
  }

  publicKey(accountSid: string, kid: string): PublicSigningKey | undefined {
    return this.public.get(`${accountSid} ${kid}`);
  }
}

function world() {
  const keys = new PublicKeys();
  const own = pair();
  keys.put(ACCOUNT, 'k1', own.publicKey);
  const revocations = new MemoryRevocationStore({ clock: systemClock, log: silentLog });
  const verifier = new TokenVerifier({ keys, clock: systemClock, revocations });
  const refused = (token: string, name = 'tokenInvalid'): Promise<void> =>
    expect(verifier.verify(token)).rejects.toMatchObject({ reason: name });
  return { keys, own, verifier, revocations, refused };
}

describe('EV-4 tokens signed with a key pair of the account', () => {
  it('are accepted by their kid, whatever iss says; the key is named in the grants', async () => {
    const { own, verifier } = world();
    const grants = await verifier.verify(sign(own.privateKey));
    expect(grants).toMatchObject({ accountSid: ACCOUNT, identity: 'alice', keySid: 'PKk1', tokenId: 't-1' });
    const issued = sign(own.privateKey, { kid: 'k1' }, { iss: 'https://login.example.com/' });
    expect(await verifier.verify(issued)).toMatchObject({ keySid: 'PKk1' });
  });

  it('are routed by kid: keys rotate without a moment in which a token is refused', async () => {
    const { keys, own, verifier, refused } = world();
    const old = sign(own.privateKey);
    const next = pair();
    keys.put(ACCOUNT, 'k2', next.publicKey);
    await verifier.verify(old);
    await verifier.verify(sign(next.privateKey, { kid: 'k2' }));
    keys.public.delete(`${ACCOUNT} k1`);
    await refused(old);
    await verifier.verify(sign(next.privateKey, { kid: 'k2' }));
  });

  it('end when another key takes the place of theirs, remembered or not', async () => {
    const { keys, own, verifier, refused } = world();
    const token = sign(own.privateKey);
    await verifier.verify(token);
    const other = pair();
    keys.put(ACCOUNT, 'k1', other.publicKey, 'PKother');
    await refused(token);
    expect(await verifier.verify(sign(other.privateKey))).toMatchObject({ keySid: 'PKother' });
  });

  it('end by revocation of the token, the identity and the key', async () => {
    for (const [kind, value] of [
      ['token', 't-1'],
      ['identity', 'alice'],
      ['key', 'PKk1'],
    ] as const) {
      const { own, verifier, revocations, refused } = world();
      const token = sign(own.privateKey, { kid: 'k1' }, { iat: seconds(-5) });
      await verifier.verify(token);
      await revocations.add(newRevocation({ accountSid: ACCOUNT, kind, value }, systemClock));
      await refused(token, 'tokenRevoked');
    }
  });

  it('of another account, or of none, are refused', async () => {
    const { keys, own, refused } = world();
    await refused(sign(own.privateKey, { kid: 'k1' }, { sub: OTHER_ACCOUNT }));
    const stranger = pair();
    await refused(sign(stranger.privateKey));
    await refused(sign(own.privateKey, { kid: 'k9' }));
    keys.put(OTHER_ACCOUNT, 'k1', stranger.publicKey);
    await refused(sign(stranger.privateKey));
    await refused(sign(own.privateKey, { kid: 'k1' }, { exp: seconds(-1) }), 'tokenExpired');
    await refused(sign(own.privateKey, { kid: 'k1' }, { exp: seconds(3 * 86_400) }));
  });

  it('need a kid, and no extension that would have to be understood', async () => {
    const { own, refused } = world();
    await refused(sign(own.privateKey, {}));
    await refused(sign(own.privateKey, { kid: '' }));
    await refused(sign(own.privateKey, { kid: 'k1', crit: ['b64'], b64: false }));
    await refused(sign(own.privateKey, { kid: '__proto__' }));
  });
});

describe('EV-4 the algorithm of a token cannot be turned against its key', () => {
  /** A token with any header, signed by HMAC with any bytes. */
  const hmac = (header: object, payload: object, secret: string | Buffer): string => {
    const signed = `${base64(header)}.${base64(payload)}`;
    return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
  };

  it('a public key is not a secret: HMAC with any form of it is refused', async () => {
    const { own, refused } = world();
    const forms = [
      own.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      own.publicKey.export({ type: 'spki', format: 'der' }),
      JSON.stringify(own.publicKey.export({ format: 'jwk' })),
    ];
    for (const form of forms) {
      for (const iss of [KEY, 'PKk1', ACCOUNT]) {
        await refused(hmac({ alg: 'HS256', kid: 'k1' }, claims({ iss }), form));
      }
      await refused(hmac({ alg: 'ES256', kid: 'k1' }, claims(), form));
    }
  });

  it('a secret is not a key pair, and an API key has no kid', async () => {
    const { own, refused, verifier } = world();
    await refused(hmac({ alg: 'ES256', kid: KEY }, claims({ iss: KEY }), SECRET));
    await refused(sign(own.privateKey, { kid: KEY }, { iss: KEY }));
    // With kid and all, an HMAC token is one of its API key.
    const token = hmac({ alg: 'HS256', kid: 'k1' }, claims({ iss: KEY }), SECRET);
    expect(await verifier.verify(token)).toMatchObject({ keySid: KEY });
  });

  it('a key that the token brings along is not looked at', async () => {
    const { refused } = world();
    const own = pair();
    const jwk = own.publicKey.export({ format: 'jwk' });
    await refused(sign(own.privateKey, { kid: 'k1', jwk }));
    await refused(sign(own.privateKey, { jwk, jku: 'https://example.com/jwks' }));
  });

  it('other algorithms, curves and signatures are refused', async () => {
    const { refused, keys } = world();
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
    await refused(jwt.sign(claims(), rsa.privateKey, { algorithm: 'RS256', keyid: 'k1' }));
    const large = generateKeyPairSync('ec', { namedCurve: 'P-384' });
    await refused(jwt.sign(claims(), large.privateKey, { algorithm: 'ES384', keyid: 'k1' }));
    await refused(`${base64({ alg: 'none', kid: 'k1' })}.${base64(claims())}.`);
    // A key of another curve under the kid (it cannot be registered) checks nothing either.
    keys.put(ACCOUNT, 'k3', large.publicKey);
    const signed = `${base64({ alg: 'ES256', kid: 'k3' })}.${base64(claims())}`;
    const bytes = signBytes('sha256', Buffer.from(signed), { key: large.privateKey, dsaEncoding: 'ieee-p1363' });
    await refused(`${signed}.${bytes.toString('base64url')}`);
    // r and s of zero, which broken checks of ECDSA take for any message.
    const zeros = `${base64({ alg: 'ES256', kid: 'k1' })}.${base64(claims())}`;
    await refused(`${zeros}.${Buffer.alloc(64).toString('base64url')}`);
    await refused(`${zeros}.`);
  });
});
