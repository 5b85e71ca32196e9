import { readFile, stat } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { SecureContextOptions } from 'node:tls';
import type { Clock, Log, Timer } from '../../kernel/index.ts';

/** A certificate chain and its key, PEM: as text, or in files that are read again when they change. */
export type CertificateSource =
  { readonly cert: string; readonly key: string } | { readonly certFile: string; readonly keyFile: string };

interface Pem {
  readonly cert: string;
  readonly key: string;
}

const CHECK_MS = 60_000;

/** Keeps the certificate of a TLS transport current. Owns one timer where the certificate comes from files. */
export class Certificate {
  readonly #source: CertificateSource;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #changed: (pem: Pem) => void;
  #current: Pem;
  #stamp: string;
  #timer: Timer | undefined;
  #closed = false;

  private constructor(
    source: CertificateSource,
    first: { readonly pem: Pem; readonly stamp: string },
    options: { readonly clock: Clock; readonly log: Log; readonly changed: (pem: Pem) => void },
  ) {
    this.#source = source;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#changed = options.changed;
    this.#current = first.pem;
    this.#stamp = first.stamp;
    if ('certFile' in source) this.#schedule();
  }

  /** Rejects when a file cannot be read or the two do not fit together. */
  static async load(
    source: CertificateSource,
    options: { readonly clock: Clock; readonly log: Log; readonly changed: (pem: Pem) => void },
  ): Promise<Certificate> {
    const stamp = await stampOf(source);
    const pem = await read(source);
    return new Certificate(source, { pem, stamp }, options);
  }

  get current(): SecureContextOptions {
    return this.#current;
  }

  /** Looks whether the files have changed. A new certificate that is unusable is logged and the old one stays. */
  async refresh(): Promise<void> {
    try {
      const stamp = await stampOf(this.#source);
      if (stamp === this.#stamp || this.#closed) return;
      const pem = await read(this.#source);
      this.#stamp = stamp;
      this.#current = pem;
      this.#changed(pem);
      this.#log.info({}, 'the SIP TLS certificate was read again');
    } catch (error) {
      this.#log.warn({ err: error }, 'the changed SIP TLS certificate cannot be used: the old one stays');
    }
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #schedule(): void {
    this.#timer = this.#clock.setTimer(CHECK_MS, () => {
      void this.refresh().then(() => {
        if (!this.#closed) this.#schedule();
      });
    });
  }
}

async function stampOf(source: CertificateSource): Promise<string> {
  if (!('certFile' in source)) return '';
  const stats = await Promise.all([stat(source.certFile), stat(source.keyFile)]);
  return stats.map(({ mtimeMs, size, ino }) => `${mtimeMs}/${size}/${ino}`).join(' ');
}

async function read(source: CertificateSource): Promise<Pem> {
  const pem =
    'certFile' in source
      ? { cert: await readFile(source.certFile, 'utf8'), key: await readFile(source.keyFile, 'utf8') }
      : { cert: source.cert, key: source.key };
  // Throws where key and certificate do not belong together.
  createSecureContext(pem);
  return pem;
}
