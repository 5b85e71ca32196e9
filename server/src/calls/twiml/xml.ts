import { SaxesParser } from 'saxes';
import type { TwimlElement } from '@hookswitch/shared';

/** Bounds of one document; beyond them it is refused. Characters, levels, counts. */
const XML_LIMITS = { length: 65_536, depth: 16, elements: 1000, attributes: 64 } as const;

export type XmlResult =
  | { readonly ok: true; readonly root: TwimlElement }
  | { readonly ok: false; readonly tooLarge: boolean; readonly message: string };

interface OpenElement {
  readonly name: string;
  readonly attributes: Record<string, string>;
  readonly children: (TwimlElement | string)[];
  readonly line: number;
}

class Refusal extends Error {}

/**
 * Parses a whole document strictly: anything not well-formed, a DOCTYPE (entities are an attack, never an instruction) or
 * a processing instruction after the declaration is an error that names the line. Pure.
 */
export function parseXml(text: string): XmlResult {
  if (text.length > XML_LIMITS.length) {
    return { ok: false, tooLarge: true, message: `longer than ${XML_LIMITS.length} characters` };
  }
  try {
    return { ok: true, root: readTree(text.replace(/^\uFEFF?\s*/, '')) };
  } catch (error) {
    return { ok: false, tooLarge: false, message: error instanceof Error ? error.message : 'not XML' };
  }
}

function readTree(text: string): TwimlElement {
  const parser = new SaxesParser({ xmlns: false, position: true });
  const open: OpenElement[] = [];
  let root: OpenElement | undefined;
  let elements = 0;
  const refuse = (message: string): never => {
    throw new Refusal(`line ${parser.line}: ${message}`);
  };
  const addText = (chunk: string): void => {
    open.at(-1)?.children.push(chunk);
  };
  parser.on('error', (error) => {
    throw new Refusal(error.message);
  });
  parser.on('doctype', () => refuse('a DOCTYPE is not allowed'));
  parser.on('text', addText);
  parser.on('cdata', addText);
  parser.on('opentag', (tag) => {
    const attributes = { ...tag.attributes };
    if (++elements > XML_LIMITS.elements) refuse(`more than ${XML_LIMITS.elements} elements`);
    if (open.length >= XML_LIMITS.depth) refuse(`nested deeper than ${XML_LIMITS.depth} levels`);
    if (Object.keys(attributes).length > XML_LIMITS.attributes) {
      refuse(`more than ${XML_LIMITS.attributes} attributes in <${tag.name}>`);
    }
    const element: OpenElement = { name: tag.name, attributes, children: [], line: parser.line };
    open.at(-1)?.children.push(element);
    root ??= element;
    open.push(element);
  });
  parser.on('closetag', () => {
    open.pop();
  });
  parser.write(text).close();
  return root ?? refuse('the document is empty');
}
