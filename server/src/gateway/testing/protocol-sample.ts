/**
 * Sample sessions of docs/spec/hub-protocol.md, read and compared. Identifiers, positions and times of a document stand for
 * others in reality: the first that is met in their place is what they stand for from then on.
 */

/** One line of a sample. */
export interface SampleLine {
  /** Who: `client` when the document names nobody. */
  readonly party: string;
  readonly kind: 'send' | 'receive' | 'happens';
  readonly text: string;
}

export interface Sample {
  /** Number of the section it stands in. */
  readonly section: string;
  /** Line in the document. */
  readonly at: number;
  readonly lines: readonly SampleLine[];
}

/** The blocks of a document that are sessions. @throws Error for a line that is none of a session */
export function samplesOf(document: string): Sample[] {
  const samples: Sample[] = [];
  let section = '';
  let open: SampleLine[] | undefined;
  for (const [index, line] of document.split('\n').entries()) {
    section = /^#{2,3} (\d+(?:\.\d+)?)/.exec(line)?.[1] ?? section;
    if (line === '```session') {
      open = [];
      samples.push({ section, at: index + 1, lines: open });
    } else if (line === '```') open = undefined;
    else if (open !== undefined) open.push(sampleLine(line));
  }
  return samples;
}

function sampleLine(line: string): SampleLine {
  if (line.startsWith('# ')) return { party: '', kind: 'happens', text: line.slice(2) };
  const [, party = '', arrow, text = ''] = /^([a-z]*)([<>]) (.*)$/.exec(line) ?? [];
  if (arrow === undefined) throw new Error(`not a line of a session: ${line}`);
  return { party: party === '' ? 'client' : party, kind: arrow === '>' ? 'send' : 'receive', text };
}

/** Members whose values are others in reality, and have to be the same for the same text of the document. */
const BOUND = new Set(['epoch', 'seq', 'connection', 'eventId', 'id']);
/** Members whose values change from run to run. */
const VARYING = new Set(['time', 'expiresAt', 'since', 'retryAfterMs']);

/** What the texts of one sample stand for. */
export class SampleNames {
  readonly #real = new Map<string, unknown>();
  readonly #tokens: (name: string) => string;

  /** @param tokens makes the token that a text like `(a token of alice)` stands for */
  constructor(tokens: (name: string) => string) {
    this.#tokens = tokens;
  }

  /** A frame of the document as it is to be sent. */
  toSend(value: unknown, member = ''): unknown {
    if (Array.isArray(value)) return value.map((item) => this.toSend(item));
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.toSend(item, key)]));
    }
    if (member === 'token') return this.text(String(value));
    return this.#real.get(keyOf(member, value)) ?? value;
  }

  /** Text of the document (an address, a token) as it is to be sent. */
  text(text: string): string {
    const named = text.replace(/\(a token of [^)]+\)/g, (name) => this.#tokens(name.slice(1, -1)));
    return named.replace(/(?<=after=)[^&]+/g, (position) => {
      const real = this.#real.get(keyOf('position', position));
      return typeof real === 'string' ? real : position;
    });
  }

  /** @returns what differs, with its path; undefined: it is as the document says */
  differs(expected: unknown, actual: unknown, path = 'frame', member = ''): string | undefined {
    if (Array.isArray(expected)) {
      if (!Array.isArray(actual) || actual.length !== expected.length) return told(path, expected, actual);
      return first(expected.map((item, at) => this.differs(item, actual[at], `${path}[${at}]`)));
    }
    if (typeof expected === 'object' && expected !== null) {
      if (typeof actual !== 'object' || actual === null || Array.isArray(actual)) return told(path, expected, actual);
      const [wanted, got] = [Object.entries(expected), actual as Record<string, unknown>];
      const missing = wanted.find(([key]) => !(key in got))?.[0];
      if (missing !== undefined) return `${path}.${missing} is missing`;
      const extra = Object.keys(got).find((key) => !(key in expected));
      if (extra !== undefined) return `${path}.${extra} is there`;
      return first(wanted.map(([key, item]) => this.differs(item, got[key], `${path}.${key}`, key)));
    }
    return this.#leaf(expected, actual, path, member);
  }

  #leaf(expected: unknown, actual: unknown, path: string, member: string): string | undefined {
    if (VARYING.has(member) || typeof expected !== typeof actual) {
      return typeof expected === typeof actual ? undefined : told(path, expected, actual);
    }
    const command = member === 'id' && typeof expected === 'number';
    if (command || !(BOUND.has(member) || member === 'position')) {
      return expected === actual ? undefined : told(path, expected, actual);
    }
    // An event's id is what its publisher was told as eventId.
    const key = keyOf(member, expected);
    if (!this.#real.has(key)) this.#real.set(key, actual);
    const real = this.#real.get(key);
    return real === actual ? undefined : `${told(path, expected, actual)}, which stood for ${String(real)} before`;
  }
}

const keyOf = (member: string, value: unknown): string => `${member === 'id' ? 'eventId' : member} ${String(value)}`;
const told = (path: string, expected: unknown, actual: unknown): string =>
  `${path}: the document says ${JSON.stringify(expected)}, it is ${JSON.stringify(actual)}`;
const first = (all: readonly (string | undefined)[]): string | undefined => all.find((one) => one !== undefined);
