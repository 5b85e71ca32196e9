import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../kernel/clock.fake.ts';
import type { Endpoint } from '../transport/index.ts';
import { DeadHosts } from './dead-hosts.ts';

const at = (port: number): Endpoint => ({ protocol: 'udp', address: '192.0.2.1', port });

describe('RFC 3263 section 4.3: who did not answer', () => {
  it('comes last for 30 s, or as long as was said, up to 300 s, and first again when it answers', () => {
    const clock = new FakeClock();
    const dead = new DeadHosts(clock);
    const all = [at(1), at(2), at(3)];
    dead.note(at(1));
    dead.note(at(2), 3_600_000);
    const ports = (): number[] => dead.livingFirst(all).map(({ port }) => port);
    expect(ports()).toEqual([3, 1, 2]);
    clock.advance(30_000);
    expect(ports()).toEqual([1, 3, 2]);
    clock.advance(270_000);
    expect(ports()).toEqual([1, 2, 3]);
    dead.note(at(1));
    dead.forget(at(1));
    expect(ports()).toEqual([1, 2, 3]);
  });

  it('is remembered up to a bound, the oldest forgotten first', () => {
    const dead = new DeadHosts(new FakeClock());
    for (let port = 1; port <= 5_000; port++) dead.note(at(port));
    expect(dead.size).toBe(1_000);
    expect([dead.isDead(at(4_000)), dead.isDead(at(4_001))]).toEqual([false, true]);
  });
});
