import { pipeline } from 'node:stream';
import type { Duplex, Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';

const DECODERS: Readonly<Record<string, () => Duplex>> = {
  gzip: () => createGunzip(),
  'x-gzip': () => createGunzip(),
  deflate: () => createInflate(),
  br: () => createBrotliDecompress(),
};

/** A coding that nobody asked for and that cannot be undone. */
export class UnknownCoding extends Error {}
/** More than may be kept, counted after decompression: a small response can be a large file. */
export class BodyTooLarge extends Error {}

/**
 * The whole body, content codings undone (RFC 9110 section 8.4). What comes after `maxBytes` is not decompressed.
 * The source is destroyed whatever the outcome.
 *
 * @throws UnknownCoding, BodyTooLarge, or what the source or the decompression throws
 */
export async function decodedBody(source: Readable, coding: string, maxBytes: number): Promise<Uint8Array> {
  const names = coding
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'identity');
  try {
    if (names.length > 1) throw new UnknownCoding('more than one content coding');
    const make = Object.hasOwn(DECODERS, names[0] ?? '') ? DECODERS[names[0] ?? ''] : undefined;
    if (names.length === 1 && make === undefined) throw new UnknownCoding(names[0]);
    // An error of either ends the other, and the iteration below with it.
    const decoded: Readable = make === undefined ? source : pipeline(source, make(), () => undefined);
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of decoded as AsyncIterable<Uint8Array>) {
      size += chunk.length;
      if (size > maxBytes) throw new BodyTooLarge();
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } finally {
    source.destroy();
  }
}
