import { sampleSdp } from './sdp.ts';

export interface SampleRequest {
  readonly method?: string;
  readonly uri?: string;
  readonly branch?: string;
  readonly via?: string;
  readonly from?: string;
  readonly to?: string;
  readonly callId?: string;
  readonly sequence?: number;
  /** Header lines that replace or add: `name: value`. */
  readonly extra?: readonly string[];
  readonly body?: string;
}

/** A valid request as text, for tests to send or to break. */
export function requestText(options: SampleRequest = {}): string {
  const method = options.method ?? 'INVITE';
  const body = options.body ?? (method === 'INVITE' ? sampleSdp() : '');
  return [
    `${method} ${options.uri ?? 'sip:+15550100@127.0.0.1'} SIP/2.0`,
    options.via ?? `Via: SIP/2.0/UDP 127.0.0.1:5070;branch=${options.branch ?? 'z9hG4bK-1'};rport`,
    'Max-Forwards: 70',
    options.from ?? 'From: "Alice" <sip:alice@127.0.0.1>;tag=alice-tag',
    options.to ?? 'To: <sip:+15550100@127.0.0.1>',
    `Call-ID: ${options.callId ?? 'call-1@127.0.0.1'}`,
    `CSeq: ${options.sequence ?? 1} ${method}`,
    'Contact: <sip:alice@127.0.0.1:5070>',
    ...(options.extra ?? []),
    ...(body === '' ? [] : ['Content-Type: application/sdp']),
    `Content-Length: ${Buffer.byteLength(body)}`,
    '',
    body,
  ].join('\r\n');
}

/** An INVITE of 1 KB as a carrier sends it: what the speed of the parser is measured with. */
export function carrierInvite(): Buffer {
  const extra = [
    'Route: <sip:198.51.100.4;lr>',
    'Record-Route: <sip:198.51.100.9;lr;ftag=abc>, <sip:198.51.100.10;lr;ftag=abc>',
    'User-Agent: Example Gateway 1.2.3',
    'Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, SUBSCRIBE, NOTIFY, INFO, PUBLISH, MESSAGE',
    'Supported: replaces, timer, 100rel',
    'P-Asserted-Identity: "Alice" <sip:+15550100@example.net;user=phone>',
    'Session-Expires: 1800;refresher=uac',
    // Fills it up to 1 KB.
    `X-Correlation: ${'0123456789abcdef'.repeat(6)}`,
  ];
  return Buffer.from(requestText({ extra }));
}

export interface SampleResponse {
  readonly toTag?: string;
  readonly contact?: string;
  readonly extra?: readonly string[];
  readonly body?: string;
}

/** A response to a request that was received as text. */
export function responseText(request: string, status: string, options: SampleResponse = {}): string {
  const line = (name: string): string => new RegExp(`^${name}:.*$`, 'mi').exec(request)?.[0].trim() ?? '';
  const to = line('To');
  return [
    `SIP/2.0 ${status}`,
    line('Via'),
    line('From'),
    options.toTag === undefined || to.includes(';tag=') ? to : `${to};tag=${options.toTag}`,
    line('Call-ID'),
    line('CSeq'),
    `Contact: ${options.contact ?? '<sip:peer@127.0.0.1:5070>'}`,
    ...(options.extra ?? []),
    ...(options.body === undefined ? [] : ['Content-Type: application/sdp']),
    `Content-Length: ${Buffer.byteLength(options.body ?? '')}`,
    '',
    options.body ?? '',
  ].join('\r\n');
}
