import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { AudioForm } from './forms.ts';
import { extensionOf, formOfExtension } from './forms.ts';

/** What an address names. */
export interface Addressed {
  readonly accountSid: string;
  readonly digest: string;
  readonly form: AudioForm;
}

/** SHA-256 of texts, none of which can be taken for part of another, base64url: an id. */
export function idOf(...parts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${String(Buffer.byteLength(part))}:`).update(part);
  return hash.digest('base64url');
}

/**
 * Of one content in one form, for one account: the same wherever and whenever it is made. The converter's version is in it, so that the
 * same address never has other bytes.
 */
export function digestOf(accountSid: string, contentHash: string, form: AudioForm, version: string): string {
  return idOf('rendition', accountSid, contentHash, form.codec, String(form.rate), version);
}

const PATH = /^\/media\/v1\/([\w-]{43})\.([a-z0-9]{1,8})$/;
const ACCOUNT = /^AC[0-9a-f]{32}$/;

/** Addresses that are not signed again: those of prompts that every call hears. */
const RECENT = 1000;

/**
 * Immutable addresses, `/media/v1/<digest>.<form>?account=<sid>&signature=<hmac>`: whoever has one may read what it names. The key
 * is derived from the operator's master key and differs for each account, so that addresses are good on every node, after
 * every start, and for nothing else. They do not expire.
 */
export class Addresses {
  readonly #key: Uint8Array;
  /** By account and path; the oldest goes when there are too many. */
  readonly #recent = new Map<string, string>();

  /** @param key 32 bytes, the same in the whole cluster */
  constructor(key: Uint8Array) {
    this.#key = key;
  }

  /** Path and query. */
  of({ accountSid, digest, form }: Addressed): string {
    const path = `/media/v1/${digest}.${extensionOf(form)}`;
    const known = this.#recent.get(`${accountSid} ${path}`);
    if (known !== undefined) return known;
    const address = this.signed(accountSid, path);
    const [oldest] = this.#recent.keys();
    if (oldest !== undefined && this.#recent.size >= RECENT) this.#recent.delete(oldest);
    this.#recent.set(`${accountSid} ${path}`, address);
    return address;
  }

  /** Undefined: no address of ours, or its signature is wrong. */
  read(address: string): Addressed | undefined {
    const [, digest, extension] = PATH.exec(address.split('?', 1)[0] ?? '') ?? [];
    const form = formOfExtension(extension ?? '');
    if (digest === undefined || form === undefined) return undefined;
    const signer = this.signer(address);
    return signer === undefined ? undefined : { accountSid: signer.accountSid, digest, form };
  }

  /** Path and query of an address of another kind: the path, signed for an account. */
  signed(accountSid: string, path: string): string {
    return `${path}?account=${accountSid}&signature=${this.#sign(accountSid, path).toString('base64url')}`;
  }

  /** The account that a signed path is for. Undefined: the signature is wrong, or there is none. */
  signer(address: string): { readonly accountSid: string; readonly path: string } | undefined {
    const [path = '', query = ''] = address.split('?', 2);
    const params = new URLSearchParams(query);
    const [accountSid, signature] = [params.get('account') ?? '', params.get('signature') ?? ''];
    if (!ACCOUNT.test(accountSid)) return undefined;
    const given = Buffer.from(signature, 'base64url');
    const right = this.#sign(accountSid, path);
    return given.length === right.length && timingSafeEqual(given, right) ? { accountSid, path } : undefined;
  }

  #sign(accountSid: string, path: string): Buffer {
    const ofAccount = createHmac('sha256', this.#key).update(`media addresses of ${accountSid}`).digest();
    return createHmac('sha256', ofAccount).update(path).digest();
  }
}
