import { describe, expect, it } from 'vitest';
import { GrowingBody } from './growing-body.ts';

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const taken = (value: Uint8Array | undefined): number[] | undefined => (value === undefined ? undefined : [...value]);

describe('a reader that does not wait', () => {
  it('MC-8 takes whole pieces across parts, none where there are too few, the rest at the end', () => {
    const body = new GrowingBody();
    const cursor = body.cursor();
    expect(taken(cursor.take(2))).toEqual([]);
    body.append(bytes(1, 2, 3));
    body.append(bytes(4, 5));
    expect([taken(cursor.take(2)), taken(cursor.take(2)), taken(cursor.take(2))]).toEqual([[1, 2], [3, 4], []]);
    body.end();
    expect([taken(cursor.take(2)), taken(cursor.take(2))]).toEqual([[5], undefined]);
    cursor.rewind();
    expect(taken(cursor.take(10))).toEqual([1, 2, 3, 4, 5]);
  });

  it('MC-8 gives what there was before a failure, then throws its reason', () => {
    const body = new GrowingBody();
    const cursor = body.cursor();
    body.append(bytes(1, 2, 3));
    body.fail(new Error('broken'));
    expect(taken(cursor.take(2))).toEqual([1, 2]);
    expect(() => cursor.take(2)).toThrow('broken');
    expect(body.over).toBe(true);
  });

  it('MC-8 tells once when the last of several has left, and not when it was over', () => {
    let told = 0;
    const body = new GrowingBody({ onUnread: () => (told += 1) });
    const [one, two] = [body.cursor(), body.cursor()];
    one.close();
    one.close();
    expect(told).toBe(0);
    two.close();
    expect(told).toBe(1);
    const three = body.cursor();
    body.end();
    three.close();
    expect(told).toBe(1);
  });
});
