import { RFC4475_BEYOND, RFC4475_INVALID } from '../../sip/testing/torture/rfc4475-invalid.ts';
import { RFC4475_VALID } from '../../sip/testing/torture/rfc4475-valid.ts';
import { RFC5118 } from '../../sip/testing/torture/rfc5118.ts';
import { requestText } from '../../sip/testing/messages.ts';
import { sampleSdp } from '../../sip/testing/sdp.ts';
import type { Random } from '../../kernel/index.ts';
import { pick } from './mutation.ts';

const TORTURE: readonly Buffer[] = [...RFC4475_VALID, ...RFC4475_INVALID, ...RFC4475_BEYOND, ...RFC5118].map(
  ({ bytes }) => bytes,
);

/** A torture message with identifiers of its own, so that it is no repetition of an earlier one. */
export function tortureMessage(id: number, random: Random): Buffer {
  const text = pick(TORTURE, random).toString('latin1');
  const fresh = text.replaceAll('z9hG4bK', `z9hG4bK${id}x`).replace(/^(Call-ID|i) *: */im, `Call-ID: ${id}x`);
  return Buffer.from(fresh, 'latin1');
}

const OUTSIDE = [
  'INVITE',
  'INVITE',
  'INVITE',
  'OPTIONS',
  'REGISTER',
  'BYE',
  'CANCEL',
  'ACK',
  'INFO',
  'MESSAGE',
  'REFER',
];
const INSIDE = ['INVITE', 'BYE', 'INFO', 'UPDATE', 'PRACK', 'REFER', 'NOTIFY', 'ACK', 'OPTIONS', 'MESSAGE'];

const EXTRA: readonly string[] = [
  'Require: 100rel',
  'Supported: 100rel, timer, replaces',
  'Session-Expires: 1800;refresher=uac',
  'Session-Expires: 10',
  'Min-SE: 90',
  'RAck: 1 1 INVITE',
  'Refer-To: <sip:bob@127.0.0.1?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>',
  'Replaces: call-1@127.0.0.1;to-tag=a;from-tag=b',
  'Event: refer;id=1',
  'Subscription-State: active;expires=60',
  'Route: <sip:127.0.0.1;lr>, <sip:127.0.0.2;lr>',
  'Record-Route: <sip:198.51.100.9;lr>, <sip:198.51.100.10;lr>',
  'P-Asserted-Identity: "Alice" <sip:+15550100@example.net>, <tel:+15550100>',
  'Reason: Q.850;cause=16;text="bye, now", SIP;cause=200',
  'Authorization: Digest username="a", realm="r", nonce="n", uri="sip:a", response="0", qop=auth, nc=00000001, cnonce="c"',
  'Accept: application/sdp, */*;q=0.1',
  'Content-Encoding: identity',
  'Diversion: <sip:a@b>;reason=unconditional, <sip:c@d>',
  'Timestamp: 54.3',
  'Expires: 120',
];

/** A request as a device sends it, each with identifiers of its own. */
export function outsideRequest(id: number, random: Random): Buffer {
  const method = pick(OUTSIDE, random);
  return Buffer.from(
    requestText({
      method,
      branch: `z9hG4bK-${id}`,
      callId: `${id}@127.0.0.1`,
      from: `From: "Alice" <sip:alice@127.0.0.1>;tag=t${id}`,
      extra: Array.from({ length: random.int(4) }, () => pick(EXTRA, random)),
      ...(method === 'INVITE' && random.int(8) === 0 ? { body: '' } : {}),
    }),
  );
}

/** The dialog that a 2xx of ours made. */
export interface KnownDialog {
  readonly callId: string;
  readonly from: string;
  readonly to: string;
}

/** A request inside a dialog that exists. */
export function insideRequest(id: number, dialog: KnownDialog, random: Random): Buffer {
  const method = pick(INSIDE, random);
  const hasSdp = method === 'INVITE' || method === 'UPDATE';
  return Buffer.from(
    requestText({
      method,
      branch: `z9hG4bK-${id}`,
      sequence: 2 + id,
      callId: dialog.callId,
      from: `From: ${dialog.from}`,
      to: `To: ${dialog.to}`,
      body: hasSdp && random.int(4) > 0 ? sampleSdp({ version: id, port: 40_000 + (id % 100) * 2 }) : '',
      extra: Array.from({ length: random.int(3) }, () => pick(EXTRA, random)),
    }),
  );
}
