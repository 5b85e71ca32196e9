/** What a document is known by. */
export interface Validators {
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
}

/** A document as it was answered. */
export interface CachedDocument extends Validators {
  readonly contentType: string;
  readonly body: string;
}

export interface CacheKey {
  readonly accountSid: string;
  /** With its query. */
  readonly url: string;
  /** As sent: what a server answers may depend on them. */
  readonly cookies: string | undefined;
}

const MAX_BYTES = 4 * 1_048_576;
const MAX_DOCUMENTS = 1000;

/**
 * Documents that were had by GET with an ETag or Last-Modified (RFC 9110 section 8.8). They are never used without asking
 * the server: instructions that are out of date are worth less than the time that asking takes. The document used longest
 * ago goes first.
 */
export class DocumentCache {
  readonly #documents = new Map<string, CachedDocument>();
  #bytes = 0;

  get size(): number {
    return this.#documents.size;
  }

  get(key: CacheKey): CachedDocument | undefined {
    const name = nameOf(key);
    const found = this.#documents.get(name);
    if (found !== undefined) {
      this.#documents.delete(name);
      this.#documents.set(name, found);
    }
    return found;
  }

  /** Keeps it if its headers allow: a validator, no `no-store`, nothing in Vary that is not part of the key. */
  keep(key: CacheKey, document: CachedDocument, headers: { cacheControl: string; vary: string }): void {
    const name = nameOf(key);
    this.#forget(name);
    const { etag, lastModified } = document;
    if (etag === undefined && lastModified === undefined) return;
    if (/\bno-store\b/i.test(headers.cacheControl) || !variesByKeyAlone(headers.vary)) return;
    this.#documents.set(name, document);
    this.#bytes += sizeOf(name, document);
    for (const oldest of this.#documents.keys()) {
      if (this.#bytes <= MAX_BYTES && this.#documents.size <= MAX_DOCUMENTS) break;
      this.#forget(oldest);
    }
  }

  #forget(name: string): void {
    const held = this.#documents.get(name);
    if (held === undefined) return;
    this.#documents.delete(name);
    this.#bytes -= sizeOf(name, held);
  }
}

/** Headers that ask for a document only if it changed (section 13.1). */
export function conditionalHeaders({ etag, lastModified }: Validators): Record<string, string> {
  if (etag !== undefined) return { 'if-none-match': etag };
  return lastModified === undefined ? {} : { 'if-modified-since': lastModified };
}

function variesByKeyAlone(vary: string): boolean {
  const own = new Set(['', 'cookie', 'accept', 'accept-encoding', 'user-agent']);
  return vary.split(',').every((name) => own.has(name.trim().toLowerCase()));
}

function nameOf({ accountSid, url, cookies = '' }: CacheKey): string {
  return JSON.stringify([accountSid, url, cookies]);
}

function sizeOf(name: string, { body }: CachedDocument): number {
  return (name.length + body.length) * 2;
}
