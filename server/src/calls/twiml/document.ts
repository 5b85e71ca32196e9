import { TWIML_CODES, jsonResponse, readResponse } from '@hookswitch/shared';
import type { TwimlElement, TwimlProblem, TwimlVerb } from '@hookswitch/shared';
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

/**
 * Instructions from an HTTP response: XML is TwiML, JSON its equal, audio is played, plain text is spoken; each of the
 * latter two then hangs up.
 */
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
  if (type === 'application/json' || type.endsWith('+json')) return programFromJson(body, url);
  // Many small applications forget the header; a document that begins as XML is taken for what it is.
  if (XML_TYPES.has(type) || type.endsWith('+xml') || (type === '' && body.trimStart().startsWith('<'))) {
    return programFromTwiml(body, url);
  }
  return {
    ok: false,
    code: TWIML_CODES.contentType,
    message: `the response has Content-Type "${type === '' ? 'none' : type}"`,
    hint: 'Answer with text/xml for TwiML, application/json for JSON instructions, audio/* to play, or text/plain to speak.',
  };
}

interface ReadDocument {
  readonly verbs: readonly TwimlVerb[];
  readonly problems: readonly TwimlProblem[];
}

/** Documents read lately, the one used last behind: most applications answer most calls with the same words. */
const documents = new Map<string, ReadDocument>();
const KNOWN = { documents: 128, length: 4096 } as const;

function remember(body: string, document: ReadDocument): void {
  if (body.length > KNOWN.length) return;
  documents.delete(body);
  documents.set(body, document);
  for (const oldest of documents.keys()) {
    if (documents.size <= KNOWN.documents) break;
    documents.delete(oldest);
  }
}

/** Instructions from a document that was given without a type: JSON if it begins as such, else TwiML. */
export function programFromText(body: string, url: string | undefined): ProgramResult {
  return /^\s*[[{]/.test(body) ? programFromJson(body, url) : programFromTwiml(body, url);
}

/** Instructions from a JSON document. */
export function programFromJson(body: string, url: string | undefined): ProgramResult {
  return known(body, url, () => {
    const parsed = jsonResponse(body);
    const hint = 'Write a list of objects with "verb", as docs/spec/instructions.md says.';
    return parsed.ok ? parsed : refused(parsed, { what: 'not a list of instructions in JSON', hint });
  });
}

/** Instructions from a TwiML document. */
export function programFromTwiml(body: string, url: string | undefined): ProgramResult {
  return known(body, url, () => {
    const parsed = parseXml(body);
    const hint = 'Mend the XML; a TwiML library of your language writes it for you.';
    if (!parsed.ok) return refused(parsed, { what: 'not well-formed', hint });
    if (parsed.root.name === 'Response') return parsed;
    return {
      ok: false,
      code: TWIML_CODES.parse,
      message: `the root element is <${parsed.root.name}>`,
      hint: 'A TwiML document begins with <Response>. Was this an error page?',
    };
  });
}

type Refused = Extract<ProgramResult, { ok: false }>;

/** What was read of the same text before, or what `parse` makes of it. */
function known(
  body: string,
  url: string | undefined,
  parse: () => { readonly ok: true; readonly root: TwimlElement } | Refused,
): ProgramResult {
  const before = documents.get(body);
  if (before !== undefined) {
    remember(body, before);
    return ready(url, before.verbs, before.problems);
  }
  const parsed = parse();
  if (!parsed.ok) return parsed;
  const problems: TwimlProblem[] = [];
  const verbs = readResponse(parsed.root, (problem) => problems.push(problem));
  remember(body, { verbs, problems });
  return ready(url, verbs, problems);
}

function refused(
  { tooLarge, message }: { readonly tooLarge: boolean; readonly message: string },
  { what, hint }: { readonly what: string; readonly hint: string },
): Refused {
  return tooLarge
    ? { ok: false, code: TOO_LARGE, message: `the document is ${message}`, hint: 'Split it with <Redirect>.' }
    : { ok: false, code: TWIML_CODES.parse, message: `the document is ${what}: ${message}`, hint };
}

function ready(
  url: string | undefined,
  verbs: readonly TwimlVerb[],
  problems: readonly TwimlProblem[] = [],
): ProgramResult {
  return { ok: true, program: { verbs, url }, problems };
}
