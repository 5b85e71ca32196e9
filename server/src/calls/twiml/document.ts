import { TWIML_CODES, readResponse } from '@hookswitch/shared';
import type { TwimlProblem, TwimlVerb } from '@hookswitch/shared';
import { parseXml } from './xml.ts';

/** Instructions ready to run. */
export interface Program {
  readonly verbs: readonly TwimlVerb[];
  /** What relative URLs are resolved against; undefined for a document that was not fetched. */
  readonly url: string | undefined;
}
export type ProgramResult =
  | { readonly ok: true; readonly program: Program; readonly problems: readonly TwimlProblem[] }
  | { readonly ok: false; readonly code: number; readonly message: string; readonly hint: string };

export interface FetchedDocument {
  readonly url: string;
  readonly status: number;
  /** Content-Type header as sent; empty when there was none. */
  readonly contentType: string;
  readonly body: string;
}

const XML_TYPES = new Set(['text/xml', 'application/xml', 'text/html', 'application/xhtml+xml']);
const TOO_LARGE = 11_750;

/** Instructions from an HTTP response: XML is TwiML, audio is played, plain text is spoken; each of the latter two then hangs up. */
export function programFromResponse({ url, status, contentType, body }: FetchedDocument): ProgramResult {
  const type = (contentType.split(';')[0] ?? '').trim().toLowerCase();
  if (type.startsWith('audio/')) {
    return ready(url, [{ verb: 'Play', url, loop: 1, digits: undefined }, { verb: 'Hangup' }]);
  }
  if (status === 204) return ready(url, []);
  if (body.trim() === '') {
    return ready(url, [], [{ code: TWIML_CODES.parse, message: 'the response was empty: no instructions' }]);
  }
  if (type === 'text/plain') {
    return ready(url, [
      { verb: 'Say', text: body.replace(/\s+/g, ' ').trim(), loop: 1, voice: undefined, language: undefined },
      { verb: 'Hangup' },
    ]);
  }
  // Many small applications forget the header; a document that begins as XML is taken for what it is.
  if (XML_TYPES.has(type) || type.endsWith('+xml') || (type === '' && body.trimStart().startsWith('<'))) {
    return programFromTwiml(body, url);
  }
  return {
    ok: false,
    code: TWIML_CODES.contentType,
    message: `the response has Content-Type "${type === '' ? 'none' : type}"`,
    hint: 'Answer with text/xml for TwiML, audio/* for a recording to play, or text/plain for text to speak.',
  };
}

/** Instructions from a TwiML document. */
export function programFromTwiml(body: string, url: string | undefined): ProgramResult {
  const parsed = parseXml(body);
  if (!parsed.ok) {
    return {
      ok: false,
      code: parsed.tooLarge ? TOO_LARGE : TWIML_CODES.parse,
      message: parsed.tooLarge
        ? `the document is ${parsed.message}`
        : `the document is not well-formed: ${parsed.message}`,
      hint: parsed.tooLarge
        ? 'Split it with <Redirect>.'
        : 'Mend the XML; a TwiML library of your language writes it for you.',
    };
  }
  if (parsed.root.name !== 'Response') {
    return {
      ok: false,
      code: TWIML_CODES.parse,
      message: `the root element is <${parsed.root.name}>`,
      hint: 'A TwiML document begins with <Response>. Was this an error page?',
    };
  }
  const problems: TwimlProblem[] = [];
  const verbs = readResponse(parsed.root, (problem) => problems.push(problem));
  return ready(url, verbs, problems);
}

function ready(
  url: string | undefined,
  verbs: readonly TwimlVerb[],
  problems: readonly TwimlProblem[] = [],
): ProgramResult {
  return { ok: true, program: { verbs, url }, problems };
}
