import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { KNOWN_ELEMENTS, OUT_ELEMENTS, hasNoEffect } from '../../shared/src/index.ts';
import type { KnownElement } from '../../shared/src/index.ts';
import { testFiles } from './test-titles.ts';

interface Test {
  readonly file: string;
  readonly title: string;
  readonly text: string;
}

/** Made for every attribute; named where no other test uses it. */
const CORPUS = 'corpus.test.ts';
const FOLDERS = ['server/src/calls', 'server/src/bridge', 'server/src/app-server', 'e2e/src/scenarios'];
/** Tests that write the attributes of an element with a helper of their own. */
const HELPED: Readonly<Record<string, readonly string[]>> = {
  Dial: ['dial.test.ts', 'dial-attributes.test.ts', 'dial-transfer.test.ts'],
  Gather: ['gather.test.ts'],
  Record: ['record.test.ts'],
  Conference: ['conference-calls.test.ts'],
  Enqueue: ['queue-calls.test.ts'],
  Stream: ['media-streams.test.ts'],
};

/** Its titles begin with the elements that they are about. */
const EFFECTS = '/attribute-effects.test.ts';

/** A test begins at its title and goes on to the next one's. */
function testsIn(root: string, file: string): Test[] {
  const source = readFileSync(join(root, file), 'utf8');
  const starts = [...source.matchAll(/\b(?:it|test)(?:\.each\b[^]*?\)|\.\w+)?\(\s*(['"`])((?:\\.|(?!\1)[^\\])*)\1,/g)];
  return starts.map((match, at) => ({
    file,
    title: (match[2] ?? '').replace(/\\(.)/g, '$1').replace(/\s+/g, ' '),
    text: source.slice(match.index, starts[at + 1]?.index ?? source.length),
  }));
}

function shownBy(tests: readonly Test[], element: string, attribute: string): Test | undefined {
  const inTag = new RegExp(`<${element}\\b[^<>]*\\b${attribute}=`);
  const anywhere = new RegExp(`[\\s'"\`]${attribute}="`);
  const helped = HELPED[element] ?? [];
  const names = new RegExp(`^(?:\\w+, )*${element}\\b`);
  return (
    tests.find(({ text }) => inTag.test(text)) ??
    tests.find(({ file, text }) => helped.some((name) => file.endsWith(`/${name}`)) && anywhere.test(text)) ??
    tests.find(({ file, title, text }) => file.endsWith(EFFECTS) && names.test(title) && anywhere.test(text))
  );
}

const cell = (text: string): string => text.replace(/\|/g, '\\|').replace(/</g, '&lt;');

interface Row {
  readonly effect: 'supported' | 'no effect';
  readonly shown: boolean;
  readonly line: string;
}

function rowsOf({ name, inside, attributes }: KnownElement, tests: readonly Test[]): Row[] {
  const entries = Object.entries(attributes.shape);
  if (entries.length === 0)
    return [{ effect: 'supported', shown: true, line: `| ${name} | ${inside} | | supported | |` }];
  return entries.map(([attribute, schema], at) => {
    const type = schema as Parameters<typeof hasNoEffect>[0];
    const effect = hasNoEffect(type) ? 'no effect' : 'supported';
    const test = effect === 'supported' ? shownBy(tests, name, attribute) : undefined;
    const by = test === undefined ? CORPUS : `${test.file.split('/').at(-1) ?? ''}: ${cell(test.title)}`;
    const where = at === 0 ? `${name} | ${inside}` : ' | ';
    return { effect, shown: test !== undefined, line: `| ${where} | ${attribute} | ${effect} | ${by} |` };
  });
}

/** Verb by verb and attribute by attribute: whether it does anything, and a test that uses it. */
export function twimlMatrix(root: string): string {
  const tests = FOLDERS.flatMap((folder) => testFiles(root, folder))
    .filter((file) => !file.endsWith(`/${CORPUS}`))
    .sort()
    .flatMap((file) => testsIn(root, file));
  const rows = KNOWN_ELEMENTS.flatMap((element) => rowsOf(element, tests));
  const attributes = rows.filter(({ line }) => !line.includes('|  | supported |'));
  const supported = attributes.filter(({ effect }) => effect === 'supported');
  const shown = supported.filter((row) => row.shown);
  const out = Object.entries(OUT_ELEMENTS).map(([inside, names]) => `| ${inside} | ${names.join(', ')} |`);
  return `## TwiML

${KNOWN_ELEMENTS.length} elements with ${attributes.length} attributes: ${supported.length} supported, ${attributes.length - supported.length} read, checked and
without effect. \`server/src/calls/twiml/${CORPUS}\` makes documents with the official helper library, for every attribute two values and a bad one, reads
and runs them; of ${shown.length} the test named here uses the attribute as well. JSON instructions have the same attributes.

| element | inside | attribute | | test |
|---|---|---|---|---|
${rows.map(({ line }) => line).join('\n')}

Out for now: skipped with a warning (12200; in Dial 13215), and the call goes on.

| inside | not there |
|---|---|
${out.join('\n')}
`;
}
