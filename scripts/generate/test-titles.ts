import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** A test whose title begins with the ids of the requirements it shows. */
export interface TitledTest {
  readonly ids: readonly string[];
  readonly title: string;
  /** Path below the root, with forward slashes. */
  readonly file: string;
}

const TEST_FILE = /\.(?:test|spec|conformance)\.(?:tsx?|mjs)$/;
const SKIPPED = new Set(['node_modules', 'dist', '.git', '.hookswitch']);
/** `it('EV-6 ...'`, `test.each(...)('BR-1, BR-2: ...'`: any string that opens a call and begins with an id. */
const TITLE = /\(\s*(['"`])((?:EV|BR|MC|SS|MT|CR)-\d+\b(?:\\.|(?!\1)[^\\])*)\1/g;
const LEADING_IDS = /^(?:[A-Z]{2}-\d+(?:\s*(?:,|and|\+|\/)\s*(?=[A-Z]{2}-\d))?)+/;

/** The tests in a source text that are named after a requirement. */
export function titledTests(source: string, file: string): TitledTest[] {
  return [...source.matchAll(TITLE)].map(([, , text = '']) => {
    const [lead = ''] = LEADING_IDS.exec(text) ?? [];
    return {
      ids: lead.match(/[A-Z]{2}-\d+/g) ?? [],
      title: text
        .slice(lead.length)
        .replace(/^[\s:]+/, '')
        .replace(/\\(.)/g, '$1')
        .replace(/\s+/g, ' '),
      file,
    };
  });
}

/** All such tests below some folders, sorted by file and by their order in it. */
export function findTitledTests(root: string, folders: readonly string[]): TitledTest[] {
  return folders
    .flatMap((folder) => testFiles(root, folder))
    .sort()
    .flatMap((file) => titledTests(readFileSync(join(root, file), 'utf8'), file));
}

/** Paths below the root, with forward slashes. */
export function testFiles(root: string, folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    if (SKIPPED.has(entry.name)) return [];
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return testFiles(root, path);
    return TEST_FILE.test(entry.name) ? [path] : [];
  });
}
