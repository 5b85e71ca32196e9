// Commands that the documents tell to type exist, with the options that they are given.
import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { CALLER_HELP } from '../server/src/app/caller/options.ts';
import { runCli } from '../server/src/app/cli/index.ts';
import { configHelp } from '../server/src/app/config-options.ts';

const ROOT = resolve(import.meta.dirname, '..');
const DOCUMENTS = [
  'README.md',
  'CONTRIBUTING.md',
  ...globSync(['docs/*.md', 'docs/guides/*.md', 'examples/**/README.md'], { cwd: ROOT }),
]
  .filter((path) => !path.includes('node_modules'))
  .sort();

/** What stands behind `npm run NAME --` and the like, word by word, without comments; placeholders as they are. */
interface Typed {
  readonly document: string;
  readonly program: string;
  readonly words: readonly string[];
}

const PROGRAM = /\bnpm (?:run (?:-s )?(hookswitch|call|example)|(start)) --(?= )(.*)$/;

/** Lines of fenced blocks, and code between backticks. */
function codeOf(text: string): string[] {
  const blocks = [...text.matchAll(/^```(?:\w*)\n([^]*?)^```$/gm)].flatMap(([, block = '']) => block.split('\n'));
  const spans = [...text.replace(/^```[^]*?^```/gm, '').matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span);
  return [...blocks, ...spans];
}

function typedIn(document: string): Typed[] {
  return codeOf(readFileSync(join(ROOT, document), 'utf8')).flatMap((line) => {
    const [, script, start, rest = ''] = PROGRAM.exec(line) ?? [];
    const program = script ?? start;
    // A comment, explanations beside a command, and what ends a command line in the shell.
    const command = rest.replace(/\s+#.*$|\s{3,}.*$/, '').replace(/[)"]+$/, '');
    return program === undefined ? [] : [{ document, program, words: command.match(/'[^']*'|\S+/g) ?? [] }];
  });
}

const typed = DOCUMENTS.flatMap(typedIn);
const optionsOf = (words: readonly string[]): string[] =>
  words.filter((word) => /^--[a-z]/.test(word)).map((word) => word.replace(/[.,;:]$/, ''));

/** What a command of the command line says of itself. */
const said = new Map<string, { readonly code: number; readonly text: string }>();
async function ask(words: readonly string[]): Promise<{ readonly code: number; readonly text: string }> {
  const key = words.join(' ');
  const lines: string[] = [];
  const out = (line: string): number => lines.push(line);
  const io = { out, error: out, signal: new AbortController().signal, defaultDataDir: '/nowhere', env: {} };
  const known = said.get(key) ?? { code: await runCli([...words, '--help'], io), text: lines.join('\n') };
  said.set(key, known);
  return known;
}

/** Options of every command, which its help does not list. */
const EVERYWHERE = '--help --json --data-dir';
const GROUPS = ['hub', 'trace', 'cluster'];
/** The words that name the command: those of a group are one. */
const nameOf = ([first = '', second = '']: readonly string[]): string[] => [
  first,
  ...(GROUPS.includes(first) || !/^[a-z]+$/.test(second) ? [] : [second]),
];

describe('commands in documents', () => {
  beforeAll(() => {
    expect(typed.length).toBeGreaterThan(40);
  });

  const hookswitch = typed.filter(
    ({ program, words }) => program === 'hookswitch' && /^[a-z]/.test(words[0] ?? '') && words[1] !== '...',
  );
  it.each(hookswitch.map((one) => [one.document, one.words.join(' '), one.words] as const))(
    '%s: hookswitch %s',
    async (_document, _line, words) => {
      if (words[0] === 'help') return;
      const { code, text } = await ask(nameOf(words));
      expect(code, text).toBe(0);
      for (const option of optionsOf(words))
        expect(`${text} ${EVERYWHERE}`, option).toMatch(new RegExp(`${option}(?![a-z-])`));
    },
  );

  it('npm run call and npm start have the options they are given', () => {
    const help: Readonly<Record<string, string>> = { call: CALLER_HELP, start: configHelp() };
    for (const { document, program, words } of typed) {
      const text = help[program];
      if (text === undefined) continue;
      for (const option of optionsOf(words)) {
        expect(`${text} --help`, `${document}: ${option}`).toMatch(new RegExp(`${option}(?![a-z-])`));
      }
    }
  });

  it('npm run example names every example that it can run, and no other', () => {
    const programs = globSync('examples/*/src/main.ts', { cwd: ROOT }).filter((path) =>
      readFileSync(join(ROOT, path), 'utf8').includes("from '@hookswitch/example-kit'"),
    );
    const named = typed.filter(({ program }) => program === 'example').map(({ words: [name = ''] }) => name);
    const wanted = programs.map((path) => path.split('/')[1]).sort();
    expect([...new Set(named)].sort()).toEqual(wanted);
    expect(wanted.length).toBeGreaterThanOrEqual(6);
  });
});
