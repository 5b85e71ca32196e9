/** SIP messages as text, for tests of what is recorded and shown. */
export interface MessageParts {
  readonly start: string;
  readonly callId?: string;
  readonly cseq?: string;
  readonly headers?: readonly string[];
  readonly type?: string;
  readonly body?: readonly string[];
  /** Total length, reached by a header without meaning. */
  readonly padTo?: number;
}

export function sipMessage(parts: MessageParts): string {
  const { start, callId = 'a@caller', cseq = `1 ${/^(?!SIP\/)[A-Z]+/.exec(start)?.[0] ?? 'INVITE'}` } = parts;
  const body = parts.body === undefined ? '' : `${parts.body.join('\r\n')}\r\n`;
  const lines = [
    start,
    'Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1',
    'From: "Caller" <sip:+15550199@192.0.2.1>;tag=f',
    'To: <sip:+15550100@127.0.0.1>',
    `Call-ID: ${callId}`,
    `CSeq: ${cseq}`,
    'Max-Forwards: 70',
    ...(parts.headers ?? []),
    ...(body === '' ? [] : [`Content-Type: ${parts.type ?? 'application/sdp'}`]),
    `Content-Length: ${body.length}`,
  ];
  const length = lines.join('\r\n').length + 4 + body.length;
  if (parts.padTo !== undefined) lines.splice(7, 0, `X-Pad: ${'x'.repeat(Math.max(0, parts.padTo - length - 9))}`);
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

export const sdp = (more: readonly string[] = [], port = 4000): string[] => [
  'v=0',
  'o=- 1 1 IN IP4 192.0.2.1',
  's=-',
  'c=IN IP4 192.0.2.1',
  't=0 0',
  `m=audio ${port} RTP/AVP 8 0 101`,
  'a=rtpmap:101 telephone-event/8000',
  ...more,
];
