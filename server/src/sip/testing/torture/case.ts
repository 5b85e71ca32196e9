/** What a torture message has to come to. */
export interface TortureCase {
  /** Section of the RFC that describes it. */
  readonly section: string;
  /** Its short name in the RFC. */
  readonly name: string;
  readonly bytes: Buffer;
  /** The status that parser and check refuse it with; undefined: it can be worked with. */
  readonly refused?: number;
  /** The final status that a whole user agent answers with, or silence. */
  readonly answer: number | 'dropped';
  /** Why that is right, and where it is a choice. */
  readonly why: string;
  /** What must have been read, by the names of `facts.ts`. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

/** In these cases a user agent is asked whose application answers every INVITE so... */
export const APPLICATION_INVITE = 486;
/** ...and every REGISTER so. */
export const APPLICATION_REGISTER = 200;

/** Lines as a message: joined by CRLF, an empty line behind them, then the body. */
export function message(lines: readonly string[], body: string | Buffer = ''): Buffer {
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), Buffer.from(body)]);
}

/** An audio offer from that address. */
export function offer(address = '192.0.2.1', family = 'IP4'): string {
  return [
    'v=0',
    `o=mhandley 29739 7272939 IN ${family} ${address}`,
    's=-',
    `c=IN ${family} ${address}`,
    't=0 0',
    'm=audio 49217 RTP/AVP 0 12',
    'a=rtpmap:0 PCMU/8000',
    '',
  ].join('\r\n');
}

/** Content-Type and Content-Length of an offer. */
export function sdpHeaders(body: string): string[] {
  return ['Content-Type: application/sdp', `Content-Length: ${Buffer.byteLength(body)}`];
}

/** Characters outside ASCII are written by their code points, so that no editor changes them. */
export const CYRILLIC = '\u0440\u0430\u0431\u043e\u0442\u0430\u044e\u0449\u0438\u0439';
export const HAN = '\u5927\u505c\u96fb';
