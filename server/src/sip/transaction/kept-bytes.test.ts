import { expect, it } from 'vitest';
import { detached } from './keys.ts';
import { KeptBytes } from './kept-bytes.ts';

it('copies stay what they were, whatever becomes of the original and of each other', () => {
  const kept = new KeptBytes();
  const copies = Array.from({ length: 2000 }, (_, index) => {
    const original = Buffer.alloc(index % 500, index);
    const copy = kept.keep(original);
    original.fill(0);
    return copy;
  });
  for (const [index, copy] of copies.entries()) expect(copy).toEqual(Buffer.alloc(index % 500, index));
  // 500 kB in pieces of 64 kB.
  expect(new Set(copies.map(({ buffer }) => buffer)).size).toBeLessThan(10);
});

it('a large one has its own memory', () => {
  const copy = new KeptBytes().keep(Buffer.alloc(60_000, 1));
  expect([copy.length, copy.buffer.byteLength]).toEqual([60_000, 60_000]);
});

it('a detached text is the same text, long and beyond ASCII too', () => {
  for (const text of ['', 'z9hG4bK-1|127.0.0.1:5060|INVITE', 'Zoë|😀|ÿ', 'ü'.repeat(5000)])
    expect(detached(text)).toBe(text);
});
