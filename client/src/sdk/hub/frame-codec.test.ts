import { readFileSync } from 'node:fs';
import { serverFrameSchema } from '@hookswitch/shared';
import { describe, expect, it } from 'vitest';
import { decodeFrame } from './frame-codec.ts';

interface Vectors {
  readonly client: readonly { readonly name: string; readonly frame: object }[];
  readonly server: readonly { readonly name: string; readonly frame: object }[];
}
const file = new URL('../../../../shared/vectors/frames.json', import.meta.url);
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vectors;

/** Data that the product does not look into. */
const OPAQUE = new Set(['data', 'body', 'info']);
const ODD = [null, true, false, -1, 0, 1.5, 2 ** 60, '', 'x', 'x'.repeat(600), {}, [], [null], [{}]];

/** Copies of a value with one member, at any depth, missing or of another kind. */
function* mutants(value: unknown): Generator<{ readonly what: string; readonly value: unknown }> {
  if (typeof value !== 'object' || value === null) return;
  for (const [name, member] of Object.entries(value)) {
    const others: Record<string, unknown> = { ...value };
    Reflect.deleteProperty(others, name);
    const put = (changed: unknown): unknown =>
      Array.isArray(value) ? value.with(Number(name), changed) : { ...others, [name]: changed };
    if (!Array.isArray(value)) yield { what: `without ${name}`, value: others };
    for (const odd of ODD) yield { what: `${name} = ${JSON.stringify(odd)}`, value: put(odd) };
    if (OPAQUE.has(name)) continue;
    for (const inner of mutants(member)) yield { what: `${name}: ${inner.what}`, value: put(inner.value) };
  }
}

describe('decoding of server frames', () => {
  it.each(vectors.server)('golden frame: $name', ({ frame }) => {
    expect(decodeFrame(JSON.stringify(frame))).toEqual({ ok: true, frame });
  });

  it.each(vectors.server)('$name: judges every change of a member like the schema', ({ frame }) => {
    let changes = 0;
    for (const { what, value } of mutants(frame)) {
      const decoded = decodeFrame(JSON.stringify(value));
      const parsed = serverFrameSchema.safeParse(JSON.parse(JSON.stringify(value)));
      expect(decoded.ok, `${what}: ${parsed.error?.message ?? 'fits the schema'}`).toBe(parsed.success);
      changes += 1;
    }
    expect(changes).toBeGreaterThan(10);
  });

  it('unknown members are left alone, whatever holds them', () => {
    for (const { frame } of vectors.server) {
      const later = JSON.stringify(frame)
        .replace(/"seq":/g, '"shard":3,"seq":')
        .replace(/^\{/, '{"later":1,');
      expect(decodeFrame(later).ok, later).toBe(true);
    }
  });

  it('frames of unknown types, of clients, and what is no frame are refused without throwing', () => {
    for (const text of [
      '',
      'x',
      '1',
      'null',
      '[]',
      '"a"',
      '{}',
      '{"type":1}',
      '{"type":"toString"}',
      '{"type":"later"}',
    ]) {
      expect(decodeFrame(text).ok, text).toBe(false);
    }
    expect(decodeFrame('{"type":"subscribe","id":1,"topic":"a"}').ok).toBe(false);
  });

  it('a refused answer names the command that waits for it', () => {
    expect(decodeFrame('{"type":"published","id":4}')).toMatchObject({
      ok: false,
      id: 4,
      problem: expect.stringContaining('eventId') as string,
    });
    expect(decodeFrame('{"type":"published","id":-4}')).toMatchObject({ ok: false, id: undefined });
  });
});
