import { createHash, createPublicKey } from 'node:crypto';
import { z } from 'zod';
import { TenantError } from './errors.ts';
import { check } from './record-writer.ts';
import type { RecordWriter, TenantStoreParts } from './record-writer.ts';
import { publicKeyRecordSchema } from './records.ts';
import type { PublicJwk, PublicKeyRecord } from './records.ts';

/** Public keys of one account at once: the one in use, its successor, and those of several backends. */
export const MAX_PUBLIC_KEYS = 20;

const { kid, name, jwk } = publicKeyRecordSchema.shape;
/** A member of a key set. `d` is looked for because it is easily sent along by mistake. */
const jwkInputSchema = z
  .looseObject({
    kid: kid.optional(),
    alg: z.literal('ES256', { error: "alg: only 'ES256' is accepted" }).optional(),
    use: z.literal('sig', { error: "use: only 'sig' is accepted" }).optional(),
    d: z
      .never({ error: 'this is a private key: it was not stored; make a new pair and send the public half only' })
      .optional(),
  })
  .and(jwk);
const keySetSchema = z.looseObject({
  keys: z.array(jwkInputSchema).max(MAX_PUBLIC_KEYS, `an account has ${MAX_PUBLIC_KEYS} public keys at most`),
});

interface CheckedKey {
  readonly kid: string;
  readonly jwk: PublicJwk;
}

/**
 * Writes of the public keys that check ES256 tokens. A key is never changed: another one under the same `kid` is a new
 * record, and tokens of the old one end. @throws TenantError from every method
 */
export class PublicKeyStore {
  readonly #parts: TenantStoreParts;
  readonly #writer: RecordWriter;

  constructor(parts: TenantStoreParts, writer: RecordWriter) {
    this.#parts = parts;
    this.#writer = writer;
  }

  /** Oldest first. */
  list(accountSid?: string): Promise<PublicKeyRecord[]> {
    return this.#parts.repository.list('publicKey', accountSid);
  }

  /** @param key a JWK (RFC 7517); without `kid` it gets its thumbprint (RFC 7638) */
  async add(accountSid: string, key: unknown, label?: string): Promise<PublicKeyRecord> {
    const checked = checkedKey(check(jwkInputSchema, key, 'jwk'), 'jwk');
    const called = label === undefined ? undefined : check(name, label, 'name');
    if ((await this.list(accountSid)).length >= MAX_PUBLIC_KEYS) {
      throw new TenantError('invalid', `an account has ${MAX_PUBLIC_KEYS} public keys at most: delete one that is old`);
    }
    return await this.#insert(accountSid, checked, called);
  }

  /**
   * Makes the account's keys those of a key set: what is new is added, then what is not in it any more is deleted. A key
   * that is there already stays the same record, so that its tokens go on.
   *
   * @returns what the account has now, oldest first
   */
  async replace(accountSid: string, keySet: unknown): Promise<PublicKeyRecord[]> {
    const { keys } = check(keySetSchema, keySet, 'jwks');
    const wanted = new Map<string, CheckedKey>();
    for (const [at, key] of keys.entries()) {
      const checked = checkedKey(key, `jwks.keys.${at}`);
      if (wanted.has(checked.kid))
        throw new TenantError('invalid', `jwks.keys.${at}: kid ${checked.kid} is there twice`);
      wanted.set(checked.kid, checked);
    }
    const leaving: PublicKeyRecord[] = [];
    for (const record of await this.list(accountSid)) {
      const same = wanted.get(record.kid);
      if (same !== undefined && same.jwk.x === record.jwk.x && same.jwk.y === record.jwk.y) wanted.delete(record.kid);
      else leaving.push(record);
    }
    // A kid is there once: of a key that is exchanged under its kid the old one goes first.
    const [exchanged, gone] = [
      leaving.filter((one) => wanted.has(one.kid)),
      leaving.filter((one) => !wanted.has(one.kid)),
    ];
    for (const { sid } of exchanged) await this.#writer.remove('publicKey', sid);
    for (const checked of wanted.values()) await this.#insert(accountSid, checked, undefined);
    for (const { sid } of gone) await this.#writer.remove('publicKey', sid);
    return await this.list(accountSid);
  }

  /** Tokens signed with it are refused from then on, and connections that have one end. */
  remove(sid: string): Promise<void> {
    return this.#writer.remove('publicKey', sid);
  }

  #insert(accountSid: string, key: CheckedKey, label: string | undefined): Promise<PublicKeyRecord> {
    return this.#writer.insert('publicKey', {
      ...this.#writer.stamp('publicKey', this.#writer.sid('publicKey')),
      accountSid,
      name: label ?? key.kid.slice(0, 64),
      ...key,
    });
  }
}

function checkedKey(given: z.infer<typeof jwkInputSchema>, where: string): CheckedKey {
  const { kty, crv, x, y } = given;
  try {
    createPublicKey({ key: { kty, crv, x, y }, format: 'jwk' });
  } catch (error) {
    throw new TenantError('invalid', `${where}: x and y are no point of the curve P-256`, { cause: error });
  }
  return { kid: given.kid ?? thumbprint({ kty, crv, x, y }), jwk: { kty, crv, x, y } };
}

/** RFC 7638 section 3: the members in lexical order. */
function thumbprint({ kty, crv, x, y }: PublicJwk): string {
  return createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url');
}
