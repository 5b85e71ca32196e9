import { escapeToken } from '@hookswitch/shared';
import type { PartName } from './own-part.ts';

/** Key of a record: one token each, so that no topic can reach into another account. */
export function partKey({ accountSid, topic, node, part }: PartName): string {
  return [accountSid, topic, node, String(part)].map(escapeToken).join('.');
}
