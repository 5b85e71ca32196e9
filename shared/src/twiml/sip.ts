import { z } from 'zod';
import { nounAttributes } from './attributes.ts';
import { childElements, ownTextOf, readAttributes, reportStrangers, schemaProblem, textOf } from './element.ts';
import type { ReportTwimlProblem, TwimlElement } from './element.ts';

/**
 * `<Sip>` in Dial: calls a SIP URI. Header parameters of the URI (`?X-Order=17&X-Shop=4`) and `<Header>` children
 * become headers of the INVITE; only names that begin with `X-`, and `User-to-User`, are taken.
 */
export const sipAttributes = z.object({
  ...nounAttributes,
  username: z.string().max(256).optional().describe('for the digest challenge of the far end'),
  password: z.string().max(256).optional(),
});
export type SipNoun = {
  readonly noun: 'Sip';
  /** Without header parameters. */
  readonly uri: string;
  readonly headers: readonly (readonly [string, string])[];
} & z.output<typeof sipAttributes>;

const HEADER = /^(?:X-[A-Za-z0-9-]{1,64}|User-to-User)$/i;
const MAX_HEADERS = 32;
/** Anything that could end a header line. */
const CONTROL = /[\u0000-\u001f\u007f]/;

export function readSip(element: TwimlElement, report: ReportTwimlProblem): SipNoun | undefined {
  reportStrangers(element, ['Uri', 'Headers', 'Header'], report);
  const attributes = readAttributes(element, sipAttributes, report);
  const uris = childElements(element).filter((child) => child.name === 'Uri');
  if (uris.length > 1) report(schemaProblem(element, 'only the first <Uri> is called'));
  const first = uris[0];
  const text = first === undefined ? ownTextOf(element) : textOf(first);
  const [uri = '', query = ''] = splitOnce(text, '?');
  if (!/^sips?:[^\s<>"]+$/i.test(uri)) {
    report(schemaProblem(element, `"${text.slice(0, 80)}" is not a SIP URI; it was skipped`));
    return undefined;
  }
  const headers = [...fromQuery(query), ...fromChildren(element)];
  const accepted = headers.filter(([name, value]) => HEADER.test(name) && !CONTROL.test(value)).slice(0, MAX_HEADERS);
  if (accepted.length < headers.length) {
    report(
      schemaProblem(
        element,
        `headers must be named X-... or User-to-User, at most ${MAX_HEADERS}; others were left out`,
      ),
    );
  }
  const username = first?.attributes['username'] ?? attributes.username;
  const password = first?.attributes['password'] ?? attributes.password;
  return { ...attributes, noun: 'Sip', uri, headers: accepted, username, password };
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
