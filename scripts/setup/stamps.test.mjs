import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { hashOf, readStamp, writeStamp } from './stamps.mjs';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stamps-'));
  mkdirSync(join(folder, 'src', 'node_modules'), { recursive: true });
  writeFileSync(join(folder, 'src', 'a.ts'), 'a');
  writeFileSync(join(folder, 'src', 'b.ts'), 'b');
});
afterEach(() => rmSync(folder, { recursive: true }));

const hash = (...extra) => hashOf(folder, [join(folder, 'src'), join(folder, 'absent')], extra);

it('a hash changes with content, names and facts, and with nothing else', () => {
  const before = hash();
  expect(hash()).toBe(before);
  writeFileSync(join(folder, 'src', 'node_modules', 'x.js'), 'x');
  expect(hash()).toBe(before);
  expect(hash('linux')).not.toBe(before);

  writeFileSync(join(folder, 'src', 'b.ts'), 'c');
  const changed = hash();
  expect(changed).not.toBe(before);
  rmSync(join(folder, 'src', 'b.ts'));
  writeFileSync(join(folder, 'src', 'c.ts'), 'c');
  expect(hash()).not.toBe(changed);
  writeFileSync(join(folder, 'absent'), '');
  expect(hash()).not.toBe(changed);
});

it('what would lie below a file is absent', () => {
  expect(hashOf(folder, [join(folder, 'src', 'a.ts', 'package.json')])).toBe(hashOf(folder, []));
});

it('content cannot move from one file to the next unseen', () => {
  const before = hash();
  writeFileSync(join(folder, 'src', 'a.ts'), '');
  writeFileSync(join(folder, 'src', 'b.ts'), 'ab');
  expect(hash()).not.toBe(before);
});

it('a stamp is read as it was written; none is undefined', () => {
  const stamp = join(folder, 'deep', 'stamp');
  expect(readStamp(stamp)).toBeUndefined();
  writeStamp(stamp, 'one');
  writeStamp(stamp, 'two');
  expect(readStamp(stamp)).toBe('two');
});
