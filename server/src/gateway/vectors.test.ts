import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { clientFrameSchema, errorsDocument, serverFrameSchema } from '@hookswitch/shared';
import { decodeFrame } from './decode.ts';

interface Vectors {
  readonly client: readonly { readonly name: string; readonly frame: { readonly type: string } }[];
  readonly server: readonly { readonly name: string; readonly frame: { readonly type: string } }[];
  readonly refused: readonly {
    readonly name: string;
    readonly text: string;
    readonly error: string;
    readonly fatal: boolean;
  }[];
}

const root = new URL('../../../', import.meta.url);
const vectors = JSON.parse(readFileSync(new URL('shared/vectors/frames.json', root), 'utf8')) as Vectors;
const typesOf = (schema: typeof clientFrameSchema | typeof serverFrameSchema): string[] =>
  schema.options.map((option) => option.shape.type.value).sort();

describe('golden frames', () => {
  it.each(vectors.client)('client: $name', ({ frame }) => {
    expect(decodeFrame({ text: JSON.stringify(frame) })).toMatchObject({ ok: true, frame: { type: frame.type } });
    expect(decodeFrame({ value: frame }).ok).toBe(true);
  });

  it.each(vectors.server)('server: $name', ({ frame }) => {
    expect(serverFrameSchema.parse(frame)).toEqual(frame);
  });

  it.each(vectors.refused)('refused: $name', ({ text, error, fatal }) => {
    expect(decodeFrame({ text })).toMatchObject({ ok: false, error, fatal });
  });

  it('there is a golden frame of every type', () => {
    const types = (list: Vectors['client']): string[] => [...new Set(list.map(({ frame }) => frame.type))].sort();
    expect(types(vectors.client)).toEqual(typesOf(clientFrameSchema));
    expect(types(vectors.server)).toEqual(typesOf(serverFrameSchema));
  });
});

describe('documents', () => {
  it('docs/errors.md says what the tables say', () => {
    expect(readFileSync(new URL('docs/errors.md', root), 'utf8')).toBe(errorsDocument());
  });
});
