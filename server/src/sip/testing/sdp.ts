/** A plain PCMU and PCMA offer or answer. */
export function sampleSdp(options: { port?: number; version?: number; direction?: string } = {}): string {
  return [
    'v=0',
    `o=- 1 ${options.version ?? 1} IN IP4 127.0.0.1`,
    's=-',
    'c=IN IP4 127.0.0.1',
    't=0 0',
    `m=audio ${options.port ?? 40_000} RTP/AVP 0 8 101`,
    'a=rtpmap:0 PCMU/8000',
    'a=rtpmap:8 PCMA/8000',
    'a=rtpmap:101 telephone-event/8000',
    'a=fmtp:101 0-16',
    `a=${options.direction ?? 'sendrecv'}`,
    '',
  ].join('\r\n');
}
