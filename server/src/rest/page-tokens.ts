import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import type { RecordPosition } from '../tenants/index.ts';
import { RestError } from './errors.ts';

/** Where a page begins: behind `position` in the list, or before it. */
export interface PageCursor {
  readonly direction: 'after' | 'before';
  readonly position: RecordPosition;
}

const cursorSchema = z.tuple([z.enum(['after', 'before']), z.iso.datetime(), z.string().max(64)]);
const MAC_BYTES = 16;

/** Tokens of pages: opaque to clients, signed, good only for the list (`scope`) they were made for. */
export class PageTokens {
  readonly #key: KeyObject;

  /** @param key the same on all nodes */
  constructor(key: Uint8Array) {
    this.#key = createSecretKey(key);
  }

  make(scope: string, { direction, position }: PageCursor): string {
    const payload = Buffer.from(JSON.stringify([direction, position.createdAt, position.sid])).toString('base64url');
    return `${payload}.${this.#mac(scope, payload).toString('base64url')}`;
  }

  /** @throws RestError `badRequest` for a token that was not made here for this list */
  read(scope: string, token: string): PageCursor {
    const [payload = '', mac = ''] = token.split('.');
    const given = Buffer.from(mac, 'base64url');
    if (given.length === MAC_BYTES && timingSafeEqual(given, this.#mac(scope, payload))) {
      const [direction, createdAt, sid] = cursorSchema.parse(
        JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')),
      );
      return { direction, position: { createdAt, sid } };
    }
    throw new RestError('badRequest', 'PageToken: not one of this list; take it from a link of its pages');
  }

  #mac(scope: string, payload: string): Buffer {
    return createHmac('sha256', this.#key).update(`${scope}\n${payload}`).digest().subarray(0, MAC_BYTES);
  }
}
