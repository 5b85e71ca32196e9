import type { KeptRecording } from '../ports.ts';
import type { Addresses } from '../resources/addresses.ts';

/** What the address of a recording names. */
export interface AddressedRecording {
  readonly accountSid: string;
  readonly recordingSid: string;
  readonly sha256: string;
}

const PATH = /^\/media\/v1\/recordings\/(RE[0-9a-f]{32})-([\w-]{43})\.wav$/;

/** Path and query of a recording's immutable address: its sid, the hash of its content, and a signature. */
export function recordingAddress(addresses: Addresses, { accountSid, recordingSid, sha256 }: KeptRecording): string {
  return addresses.signed(accountSid, `/media/v1/recordings/${recordingSid}-${sha256}.wav`);
}

/** Undefined: no such address, or its signature is wrong. */
export function readRecordingAddress(addresses: Addresses, address: string): AddressedRecording | undefined {
  const signer = addresses.signer(address);
  const [, recordingSid, sha256] = PATH.exec(signer?.path ?? '') ?? [];
  if (signer === undefined || recordingSid === undefined || sha256 === undefined) return undefined;
  return { accountSid: signer.accountSid, recordingSid, sha256 };
}
