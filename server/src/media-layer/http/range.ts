/** Bytes, both ends included. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * A Range header about `length` bytes (RFC 9110 section 14). Undefined: give everything, because there is none, it is not well-formed, or
 * it asks for several parts, which a server may leave aside.
 */
export function readRange(header: string | undefined, length: number): ByteRange | 'unsatisfiable' | undefined {
  const [, first = '', last = ''] = /^bytes\s*=\s*(\d*)\s*-\s*(\d*)$/i.exec((header ?? '').trim()) ?? [];
  if (first === '' && last === '') return undefined;
  if (first === '') {
    const tail = Number(last);
    return tail === 0 || length === 0 ? 'unsatisfiable' : { start: Math.max(0, length - tail), end: length - 1 };
  }
  const [start, end] = [Number(first), last === '' ? Infinity : Number(last)];
  if (end < start) return undefined;
  return start >= length ? 'unsatisfiable' : { start, end: Math.min(end, length - 1) };
}

/** Whether one of the tags of If-None-Match is this one, weakly compared (RFC 9110 section 13.1.2). */
export function matchesTag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  const tags = header.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes('*') || tags.includes(etag);
}
