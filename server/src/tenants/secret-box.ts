import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Random } from '../kernel/index.ts';
import { TenantError } from './errors.ts';

const VERSION = 'v1';

/**
 * Seals secrets that must be recoverable (auth tokens, API key secrets, SIP passwords) with AES-256-GCM under the
 * operator's master key. `context` says what is sealed and whose it is; it is authenticated, so that a sealed value
 * moved to another record does not open there.
 */
export class SecretBox {
  readonly #key: Uint8Array;
  readonly #random: Random;

  /** @param key 32 bytes */
  constructor(key: Uint8Array, random: Random) {
    if (key.byteLength !== 32)
      throw new TenantError('master-key', `the master key has ${key.byteLength} bytes, needs 32`);
    this.#key = key;
    this.#random = random;
  }

  seal(secret: string, context: string): string {
    const nonce = this.#random.bytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce).setAAD(Buffer.from(context));
    const text = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
    return `${VERSION}.${Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64url')}`;
  }

  /** A key of 32 bytes for `purpose` alone, the same on every node and after every start (HKDF, RFC 5869). */
  deriveKey(purpose: string): Uint8Array {
    return new Uint8Array(hkdfSync('sha256', this.#key, '', purpose, 32));
  }

  /** @throws TenantError `master-key` when it was sealed with another key or for another context, or was changed */
  open(sealed: string, context: string): string {
    const [version, body] = sealed.split('.');
    const bytes = Buffer.from(body ?? '', 'base64url');
    if (version === VERSION && bytes.byteLength >= 28) {
      try {
        const decipher = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(0, 12));
        decipher.setAAD(Buffer.from(context)).setAuthTag(bytes.subarray(12, 28));
        return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8');
      } catch {
        // Falls through to the one message that helps.
      }
    }
    throw new TenantError(
      'master-key',
      `a stored secret (${context}) does not open: restore the master key it was sealed with (HOOKSWITCH_MASTER_KEY or the key file in the data directory)`,
    );
  }
}

/** Where the generated master key of a data directory is. */
export function masterKeyFile(dataDir: string): string {
  return join(dataDir, 'master.key');
}

/**
 * The master key: HOOKSWITCH_MASTER_KEY (32 bytes as base64 or 64 hexadecimal digits), else the key file, which is
 * generated with mode 600 at the first start. Lose it and every stored secret is lost.
 */
export function loadMasterKey(
  file: string,
  env: Readonly<Record<string, string | undefined>>,
  random: Random,
): Uint8Array {
  const given = env['HOOKSWITCH_MASTER_KEY'];
  if (given !== undefined && given !== '') return parseKey(given, 'HOOKSWITCH_MASTER_KEY');
  try {
    return parseKey(readFileSync(file, 'utf8'), file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  mkdirSync(dirname(file), { recursive: true });
  try {
    writeFileSync(file, `${Buffer.from(random.bytes(32)).toString('base64')}\n`, { mode: 0o600, flag: 'wx' });
    chmodSync(file, 0o600);
  } catch (error) {
    // Another process made it a moment ago: that one counts.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return parseKey(readFileSync(file, 'utf8'), file);
}

function parseKey(text: string, where: string): Uint8Array {
  const trimmed = text.trim();
  const key = /^[0-9a-fA-F]{64}$/.test(trimmed) ? Buffer.from(trimmed, 'hex') : Buffer.from(trimmed, 'base64');
  if (key.byteLength === 32) return key;
  throw new TenantError(
    'master-key',
    `${where} is not a master key: expected 32 bytes as base64 or hexadecimal (make one with: openssl rand -base64 32)`,
  );
}
