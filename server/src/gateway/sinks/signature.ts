import { createHmac } from 'node:crypto';
import type { Random } from '../../kernel/index.ts';

const PREFIX = 'whsec_';

/** 24 random bytes, as the Standard Webhooks specification writes symmetric secrets. */
export function newSecret(random: Random): string {
  return `${PREFIX}${Buffer.from(random.bytes(24)).toString('base64')}`;
}

/** Whether it is one: `whsec_` and base64 of 24 to 64 bytes. */
export function isSecret(text: string): boolean {
  if (!/^whsec_[A-Za-z0-9+/]+={0,2}$/.test(text)) return false;
  const { length } = Buffer.from(text.slice(PREFIX.length), 'base64');
  return length >= 24 && length <= 64;
}

export interface SignedMessage {
  readonly id: string;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly body: string;
}

/** Headers of a signed message (Standard Webhooks 1.0): HMAC-SHA256 over id, time stamp and body. */
export function signatureHeaders(secret: string, { id, at, body }: SignedMessage): Record<string, string> {
  const timestamp = String(Math.floor(at / 1000));
  const key = Buffer.from(secret.slice(PREFIX.length), 'base64');
  const mac = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${mac}` };
}
