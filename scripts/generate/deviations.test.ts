import { describe, expect, it } from 'vitest';
import { deviationsIn } from './deviations.ts';

describe('deviations in sources', () => {
  it.each([
    ['a line', '  // DEVIATION: a is b.\n  const x = 1;', ['a is b.']],
    [
      'a paragraph of a docblock',
      '/**\n * Does x.\n * DEVIATION: a is b, and\n * c.\n *\n * Not this.\n */',
      ['a is b, and c.'],
    ],
    ['up to a tag', '/**\n * DEVIATION: a.\n * @returns b\n */', ['a.']],
    ['a docblock of one line', '/** Does x. DEVIATION: a is b. */', ['a is b.']],
    [
      'in parentheses',
      ' * several (DEVIATION: a is b; such a\n * line is left out).\n */',
      ['a is b; such a line is left out'],
    ],
    ['in test data', "    why: 'blanks in x. DEVIATION: they are taken',", ['blanks in x: they are taken']],
    ['none', 'const x = 1;', []],
  ])('%s', (_name, source, texts) => {
    expect(deviationsIn(source)).toEqual(texts);
  });
});
