import { z } from 'zod';

/** Two-letter prefixes of resource ids: the ones of the 2010-04-01 voice API where it has the resource. */
export const SID_PREFIXES = {
  account: 'AC',
  apiKey: 'SK',
  publicKey: 'PK',
  call: 'CA',
  conference: 'CF',
  queue: 'QU',
  recording: 'RE',
  transcription: 'TR',
  phoneNumber: 'PN',
  application: 'AP',
  notification: 'NO',
  stream: 'MZ',
  realtimeTranscription: 'GT',
  announcement: 'PA',
  trunk: 'TK',
  sipDomain: 'SD',
  sipUser: 'CR',
  credentialList: 'CL',
  credential: 'CR',
  ipAccessControlList: 'AL',
  ipAddress: 'IP',
  webhook: 'WH',
  trackingLink: 'TL',
  usageTrigger: 'UT',
  callMessage: 'KX',
  messageSubscription: 'ZY',
  bridgeRequest: 'BR',
} as const;

export type SidKind = keyof typeof SID_PREFIXES;

/** `XX` followed by 32 lower-case hexadecimal digits. */
export type Sid = string;

/** A sid from 16 random bytes, given as 32 hexadecimal digits. @throws RangeError for anything else */
export function sidFromHex(kind: SidKind, hex: string): Sid {
  if (!/^[0-9a-f]{32}$/.test(hex))
    throw new RangeError(`a sid needs 32 hexadecimal digits, got ${hex.length} characters`);
  return `${SID_PREFIXES[kind]}${hex}`;
}

export function isSid(kind: SidKind, text: string): boolean {
  return text.length === 34 && text.startsWith(SID_PREFIXES[kind]) && /^[0-9a-f]{32}$/.test(text.slice(2));
}

/** Schema of one kind of sid. */
export function sidSchema(kind: SidKind): z.ZodString {
  return z
    .string()
    .regex(
      new RegExp(`^${SID_PREFIXES[kind]}[0-9a-f]{32}$`),
      `expected a ${kind} sid (${SID_PREFIXES[kind]} and 32 hex digits)`,
    );
}
