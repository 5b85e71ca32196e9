/**
 * Reads what a ladder shows out of the text of a SIP message. Lenient on purpose: a trace has to show broken messages as
 * well, so nothing here refuses anything. Not a parser of the protocol; that is sip/message.
 */
export interface SipGlance {
  readonly request: boolean;
  /** `INVITE`, or `200 OK`. */
  readonly title: string;
  /** Of a response; 0 for a request. */
  readonly status: number;
  /** Method of the CSeq header; for a request its own. */
  readonly method: string;
  readonly cseq: string;
  readonly from: string;
  readonly to: string;
  /** Codecs, address, direction; undefined without SDP. */
  readonly sdp: string | undefined;
  readonly reason: string | undefined;
}

export function glance(text: string): SipGlance {
  const firstLine = /^[^\r\n]*/.exec(text.trimStart())?.[0] ?? '';
  const response = /^SIP\/2\.0 (\d{3}) ?(.*)$/.exec(firstLine);
  const [cseq = '', cseqMethod = ''] = header(text, 'CSeq')?.split(/\s+/) ?? [];
  const method = response === null ? (/^\S+/.exec(firstLine)?.[0] ?? '?') : cseqMethod;
  return {
    request: response === null,
    title: response === null ? method : `${response[1] ?? ''} ${response[2] ?? ''}`.trim(),
    status: Number(response?.[1] ?? 0),
    method,
    cseq,
    from: userOf(header(text, 'From', 'f')),
    to: userOf(header(text, 'To', 't')),
    sdp: sdpSummary(text),
    reason: header(text, 'Reason'),
  };
}

/** First value of a header; names without regard to case, the short form too. */
function header(text: string, name: string, short?: string): string | undefined {
  const end = /\r?\n\r?\n/.exec(text)?.index ?? text.length;
  const names = short === undefined ? name : `${name}|${short}`;
  return new RegExp(`\\n(?:${names})[ \\t]*:[ \\t]*([^\\r\\n]*)`, 'i').exec(text.slice(0, end))?.[1]?.trim();
}

/** The user part of an address, else its host. */
function userOf(value: string | undefined): string {
  const uri = /(?:sips?|tel):([^;>?\s]+)/i.exec(value ?? '')?.[1] ?? '';
  return uri.split('@')[0] ?? uri;
}

/** Names of the payload types of RFC 3551 that a telephone meets. */
const STATIC: Readonly<Record<string, string>> = {
  0: 'PCMU',
  3: 'GSM',
  4: 'G723',
  8: 'PCMA',
  9: 'G722',
  13: 'CN',
  18: 'G729',
};

/** `PCMU PCMA 192.0.2.1:4000 sendonly SRTP`: what RTP goes where. Undefined without SDP. */
function sdpSummary(text: string): string | undefined {
  const audio = /\nm=audio (\d+)(?:\/\d+)? (\S+)([^\r\n]*)/.exec(text);
  if (audio === null) return undefined;
  const [, port = '', profile = '', formats = ''] = audio;
  const names = new Map<string, string>();
  for (const [, type = '', name = ''] of text.matchAll(/\na=rtpmap:(\d+) ([^/\s]+)/g)) names.set(type, name);
  const codecs = formats
    .trim()
    .split(/\s+/)
    .map((type) => names.get(type) ?? STATIC[type] ?? type)
    .filter((name) => name !== 'telephone-event');
  // The description of the stream counts before that of the session.
  const after = text.slice(audio.index);
  const address = /\nc=IN IP[46] (\S+)/.exec(after)?.[1] ?? /\nc=IN IP[46] (\S+)/.exec(text)?.[1] ?? '?';
  const where = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  const direction = /\na=(sendonly|recvonly|inactive)/.exec(after)?.[1];
  const secure = profile.includes('SAVP') || /\na=crypto:/.test(text) ? 'SRTP' : undefined;
  return [codecs.join(' '), where, direction, secure].filter((part) => part !== undefined && part !== '').join(' ');
}
