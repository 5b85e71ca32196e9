import { expect, it } from 'vitest';
import { titledTests } from './test-titles.ts';

// Put together here, so that this file's own text holds no title of that form.
const named = (open: string, id: string, rest: string): string => `${open}${id} ${rest}`;

it('finds tests by the ids their titles begin with', () => {
  const source = [
    named("it('", 'EV' + '-6', "resumes after 10 s', async () => {});"),
    named("it.each([1])(\n  '", 'BR' + '-1', "refuses an expired token', () => {});"),
    named('test("', 'BR' + '-5, BR' + '-6:', 'the caller\\\'s side | both", () => {});'),
    "it('no id: EV-6 is only mentioned', () => {});",
    "it('XX-1 is no requirement', () => {});",
  ].join('\n');
  expect(titledTests(source, 'a.test.ts')).toEqual([
    { ids: ['EV-6'], title: 'resumes after 10 s', file: 'a.test.ts' },
    { ids: ['BR-1'], title: 'refuses an expired token', file: 'a.test.ts' },
    { ids: ['BR-5', 'BR-6'], title: "the caller's side | both", file: 'a.test.ts' },
  ]);
});
