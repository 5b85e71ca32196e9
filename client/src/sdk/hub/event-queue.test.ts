import { describe, expect, it } from 'vitest';
import { EventQueue } from './event-queue.ts';

const drain = async (queue: EventQueue<number>): Promise<number[]> => {
  const items: number[] = [];
  for (let next = await queue.next(); next.done !== true; next = await queue.next()) items.push(next.value);
  return items;
};

describe('event queue', () => {
  it('hands over in order, to readers that wait and readers that come later', async () => {
    const queue = new EventQueue<number>(10);
    const waiting = [queue.next(), queue.next()];
    for (const item of [1, 2, 3]) queue.push(item);
    expect(await Promise.all(waiting)).toEqual([
      { done: false, value: 1 },
      { done: false, value: 2 },
    ]);
    queue.end();
    queue.push(4);
    expect(await drain(queue)).toEqual([3]);
  });

  it('holds as many as it was given room for, drops the oldest and says so once until it was read empty', async () => {
    const queue = new EventQueue<number>(2);
    expect([1, 2, 3, 4].map((item) => queue.push(item))).toEqual([false, false, true, false]);
    expect((await queue.next()).value).toBe(3);
    expect([5, 6].map((item) => queue.push(item))).toEqual([false, false]);
    expect((await queue.next()).value).toBe(5);
    expect((await queue.next()).value).toBe(6);
    expect([7, 8, 9].map((item) => queue.push(item))).toEqual([false, false, true]);
  });

  it('an item replaces the one that waits under its key and takes the last place', async () => {
    const queue = new EventQueue<number>(2);
    const dropped = [queue.push(1, 'a'), queue.push(2, 'b'), queue.push(3, 'a'), queue.push(4, 'b')];
    expect(dropped).toEqual([false, false, false, false]);
    queue.end();
    expect(await drain(queue)).toEqual([3, 4]);
  });

  it('an error comes after what waits, once; a reader that waits gets it at once', async () => {
    const queue = new EventQueue<number>(2);
    queue.push(1);
    queue.end(new Error('refused'));
    expect((await queue.next()).value).toBe(1);
    await expect(queue.next()).rejects.toThrow('refused');
    expect((await queue.next()).done).toBe(true);
    const other = new EventQueue<number>(2);
    const waiting = [other.next(), other.next()];
    other.end(new Error('refused'));
    await expect(waiting[0]).rejects.toThrow('refused');
    expect(await waiting[1]).toEqual({ done: true, value: undefined });
  });
});
