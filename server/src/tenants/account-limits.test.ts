import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { DEFAULT_ACCOUNT_LIMITS } from './account-limits.ts';

it('MT-10 docs/limits.md has every limit of an account with its default', () => {
  const text = readFileSync(new URL('../../../docs/limits.md', import.meta.url), 'utf8');
  const rows = [...text.matchAll(/^\| (`.+?`) \| ([\d, ]+) \|/gm)].flatMap(([, names = '', values = '']) =>
    names.split(', ').map((name, at) => [name.replaceAll('`', ''), Number(values.split(', ')[at])]),
  );
  expect(Object.fromEntries(rows)).toEqual(DEFAULT_ACCOUNT_LIMITS);
});
