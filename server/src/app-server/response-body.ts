import { TextDecoder } from 'node:util';

/** Reads a body as text in the charset its type names (default UTF-8). Undefined when it is larger than `maxBytes`. */
export async function readText(
  body: AsyncIterable<Uint8Array>,
  contentType: string,
  maxBytes: number,
): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    // Leaving the loop destroys the stream: the rest is never read.
    if (size > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return decoder(contentType).decode(Buffer.concat(chunks));
}

function decoder(contentType: string): TextDecoder {
  const charset = /charset\s*=\s*"?([A-Za-z0-9_-]+)/i.exec(contentType)?.[1] ?? 'utf-8';
  try {
    return new TextDecoder(charset);
  } catch {
    return new TextDecoder();
  }
}
