import type { ReferReport } from './refer-notifier.ts';

/** Media type of the report in a NOTIFY of the refer event (RFC 3420, RFC 3515 section 2.4.5). */
export const SIPFRAG_TYPE = 'message/sipfrag';

/** The status line of a sipfrag body; undefined when it holds none. */
export function parseSipfrag(body: Buffer): ReferReport | undefined {
  const line = body.subarray(0, 500).toString('utf8').trimStart().split(/\r?\n/, 1)[0] ?? '';
  const match = /^SIP\/2\.0 +([1-6]\d\d)(?: +(.*))?$/i.exec(line);
  return match === null ? undefined : { status: Number(match[1]), reason: match[2]?.trim() ?? '' };
}

/** A report as sipfrag. Line breaks in the reason become spaces. */
export function formatSipfrag({ status, reason }: ReferReport): Buffer {
  return Buffer.from(`SIP/2.0 ${String(status)} ${reason.replace(/[\r\n\0]+/g, ' ')}\r\n`);
}

/** Subscription-State (RFC 6665 section 8.2.3). */
export interface SubscriptionState {
  readonly terminated: boolean;
  /** Seconds. */
  readonly expires: number | undefined;
}

/** Undefined when malformed or missing. */
export function parseSubscriptionState(text: string | undefined): SubscriptionState | undefined {
  const match = /^\s*(active|pending|terminated)\s*(?:;(.*))?$/i.exec(text ?? '');
  if (match === null) return undefined;
  const expires = /(?:^|;)\s*expires\s*=\s*(\d{1,9})/i.exec(match[2] ?? '')?.[1];
  return {
    terminated: match[1]?.toLowerCase() === 'terminated',
    expires: expires === undefined ? undefined : Number(expires),
  };
}

/** `refer` or `refer;id=7` (RFC 3515 section 2.4.6). Undefined for other events. */
export function parseReferEvent(text: string | undefined): { readonly id: number | undefined } | undefined {
  const match = /^\s*refer\s*(?:;(.*))?$/i.exec(text ?? '');
  if (match === null) return undefined;
  const id = /(?:^|;)\s*id\s*=\s*(\d{1,10})\s*(?:;|$)/i.exec(match[1] ?? '')?.[1];
  return { id: id === undefined ? undefined : Number(id) };
}
