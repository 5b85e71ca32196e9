import { mediaUseSchema } from '@hookswitch/shared';
import type { MediaUse } from '@hookswitch/shared';

/** What is dropped. */
export type MediaPurge = { url: string } | { prefix: string } | { tag: string } | { everything: true };

/** The server did not do what it was asked; the message is for whoever reads the page. */
export class MediaRequestError extends Error {
  /** The credentials are wrong, or not good any more. */
  readonly isRefused: boolean;

  constructor(message: string, isRefused: boolean) {
    super(message);
    this.isRefused = isRefused;
  }
}

export interface MediaCredentials {
  /** AccountSid, or the sid of an API key. */
  readonly user: string;
  readonly secret: string;
}

/** Looks after the media of one account, with its credentials. Methods reject with MediaRequestError. */
export class MediaClient {
  readonly #authorization: string;

  constructor({ user, secret }: MediaCredentials) {
    this.#authorization = `Basic ${btoa(`${user}:${secret}`)}`;
  }

  async use(): Promise<MediaUse> {
    return mediaUseSchema.parse(await this.#ask('GET', ''));
  }

  /** @returns sources that were dropped */
  async purge(what: MediaPurge): Promise<number> {
    const headers = { 'content-type': 'application/json' };
    const { purged } = (await this.#ask('POST', '/purges', { headers, body: JSON.stringify(what) })) as {
      purged: number;
    };
    return purged;
  }

  /** @returns seconds of audio */
  async upload(name: string, file: Blob): Promise<number> {
    const headers = { 'content-type': file.type === '' ? 'application/octet-stream' : file.type };
    const path = `/uploads/${encodeURIComponent(name)}`;
    const { durationSeconds } = (await this.#ask('PUT', path, { headers, body: file })) as { durationSeconds: number };
    return durationSeconds;
  }

  async #ask(
    method: string,
    path: string,
    content?: { headers: Record<string, string>; body: BodyInit },
  ): Promise<unknown> {
    const response = await fetch(`v1/media${path}`, {
      method,
      // The browser is not to ask for a password by itself.
      credentials: 'omit',
      headers: { authorization: this.#authorization, ...content?.headers },
      ...(content === undefined ? {} : { body: content.body }),
    }).catch(() => {
      throw new MediaRequestError('The server does not answer.', false);
    });
    if (response.status === 401) throw new MediaRequestError('These are not the credentials of an account.', true);
    const body: unknown = await response.json().catch(() => undefined);
    if (response.ok) return body;
    const { title } = (body ?? {}) as { title?: unknown };
    const said = typeof title === 'string' ? title : undefined;
    throw new MediaRequestError(said ?? `The server answered ${response.status}.`, false);
  }
}
