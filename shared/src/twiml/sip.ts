import { z } from 'zod';
import { machineDetectionAttributes, nounAttributes, whole } from './attributes.ts';
import { childElements, ownTextOf, readAttributes, reportStrangers, schemaProblem, textOf } from './element.ts';
import type { ReportTwimlProblem, TwimlElement } from './element.ts';

/**
 * `<Sip>` in Dial: calls a SIP URI. Header parameters of the URI (`?X-Order=17&X-Shop=4`) and `<Header>` children
 * become headers of the INVITE; only names that begin with `X-`, and `User-to-User`, are taken.
 */
export const sipAttributes = z.object({
  ...nounAttributes,
  ...machineDetectionAttributes,
  username: z.string().max(256).optional().describe('for the digest challenge of the far end'),
  password: z.string().max(256).optional(),
});
export type SipNoun = {
  readonly noun: 'Sip';
  /** Without header parameters. */
  readonly uri: string;
  readonly headers: readonly (readonly [string, string])[];
  /** Further `<Uri>` children in the order in which they are tried when the one before was not reached. */
  readonly alternatives: readonly SipAddress[];
} & z.output<typeof sipAttributes>;

/** One place that a `<Sip>` leads to. */
export interface SipAddress {
  readonly uri: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
}

/** `<Uri>` in Sip: several are tried by priority, the lowest first, of the same priority the heaviest first. */
export const uriAttributes = z.object({
  priority: whole(0, 65_535).default(10),
  weight: whole(0, 65_535).default(10),
  username: z.string().max(256).optional(),
  password: z.string().max(256).optional(),
});

const HEADER = /^(?:X-[A-Za-z0-9-]{1,64}|User-to-User)$/i;
const MAX_HEADERS = 32;
/** Anything that could end a header line. */
const CONTROL = /[\u0000-\u001f\u007f]/;

export function readSip(element: TwimlElement, report: ReportTwimlProblem): SipNoun | undefined {
  reportStrangers(element, ['Uri', 'Headers', 'Header'], report);
  const attributes = readAttributes(element, sipAttributes, report);
  const places = placesOf(element, attributes, report);
  const [first, ...alternatives] = places.map(({ address }) => address);
  if (first === undefined) return undefined;
  const headers = [...places.slice(0, 1).flatMap(({ query }) => fromQuery(query)), ...fromChildren(element)];
  const accepted = headers.filter(([name, value]) => HEADER.test(name) && !CONTROL.test(value)).slice(0, MAX_HEADERS);
  if (accepted.length < headers.length) {
    report(
      schemaProblem(
        element,
        `headers must be named X-... or User-to-User, at most ${MAX_HEADERS}; others were left out`,
      ),
    );
  }
  return { ...attributes, noun: 'Sip', ...first, headers: accepted, alternatives };
}

interface Place {
  readonly address: SipAddress;
  /** Header parameters of the URI. */
  readonly query: string;
}

/** Where it leads, in the order in which the places are tried. What is no SIP URI is reported and left out. */
function placesOf(
  element: TwimlElement,
  { username, password }: z.output<typeof sipAttributes>,
  report: ReportTwimlProblem,
): Place[] {
  const children = childElements(element).filter((child) => child.name === 'Uri');
  const read = children.map((child) => ({ text: textOf(child), ...readAttributes(child, uriAttributes, report) }));
  const sorted = read.sort((one, other) => one.priority - other.priority || other.weight - one.weight);
  const all = sorted.length > 0 ? sorted : [{ text: ownTextOf(element) }];
  return all.flatMap((place): Place[] => {
    const [uri = '', query = ''] = splitOnce(place.text, '?');
    if (!/^sips?:[^\s<>"]+$/i.test(uri)) {
      report(schemaProblem(element, `"${place.text.slice(0, 80)}" is not a SIP URI; it was skipped`));
      return [];
    }
    const own = 'username' in place ? place : { username: undefined, password: undefined };
    return [{ query, address: { uri, username: own.username ?? username, password: own.password ?? password } }];
  });
}

function splitOnce(text: string, separator: string): string[] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function fromQuery(query: string): [string, string][] {
  return query
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const [name = '', value = ''] = splitOnce(pair, '=');
      return [decode(name), decode(value)];
    });
}

function fromChildren(element: TwimlElement): [string, string][] {
  return childElements(element)
    .flatMap((child) => (child.name === 'Headers' ? childElements(child) : [child]))
    .filter((child) => child.name === 'Header')
    .map((child) => [child.attributes['name'] ?? '', child.attributes['value'] ?? '']);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
