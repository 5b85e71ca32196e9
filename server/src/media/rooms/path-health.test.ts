import { describe, expect, it } from 'vitest';
import { PathHealth } from './path-health.ts';

/** An RTP packet with 20 ms of G.711, in bytes. */
const PACKET = 172;

describe('health of a path that the worker has', () => {
  function world() {
    const counters = { received: 0, rtpReceived: 0, rtpSent: 0 };
    const health = new PathHealth();
    let now = 0;
    health.begin(now);
    /** Packets of each kind that pass in this time. */
    const pass = (ms: number, { known = 0, unknown = 0, sent = 0, rtcp = 0 }): void => {
      now += ms;
      counters.rtpReceived += known * PACKET;
      counters.received += (known + unknown) * PACKET + rtcp;
      counters.rtpSent += sent * PACKET;
    };
    const examine = () => health.examine({ ...counters }, now);
    const excuse = (forMs: number): void => {
      health.excuse(now, forMs);
    };
    return { pass, examine, excuse, hasStrayed: () => health.hasStrayed({ ...counters }) };
  }
  const running = { known: 25, sent: 25 };

  it('is good while both streams go on, with RTCP beside', () => {
    const { pass, examine, hasStrayed } = world();
    for (let n = 0; n < 20; n++) {
      pass(500, { ...running, rtcp: 120 });
      expect(hasStrayed()).toBe(false);
      expect(examine()).toEqual({ isHeard: true, isSent: true, reason: undefined });
    }
  });

  it('one packet of another SSRC is enough when it is asked for', () => {
    const { pass, examine, hasStrayed } = world();
    pass(500, running);
    examine();
    pass(100, { known: 5, sent: 5 });
    expect(hasStrayed()).toBe(false);
    pass(20, { unknown: 1, sent: 1 });
    expect(hasStrayed()).toBe(true);
  });

  it('without being asked it is found at the next examination, also when the stream before it was still heard in that time', () => {
    for (const known of [0, 10, 20]) {
      const { pass, examine } = world();
      pass(500, running);
      examine();
      pass(500, { known, unknown: 25 - known, sent: 25 });
      expect(examine().reason).toBe('source-changed');
    }
  });

  it('a change in the last moments before an examination is found at the one after it', () => {
    const { pass, examine } = world();
    pass(500, running);
    examine();
    pass(500, { known: 23, unknown: 2, sent: 25 });
    expect(examine().reason).toBeUndefined();
    pass(500, { unknown: 25, sent: 25 });
    expect(examine().reason).toBe('source-changed');
  });

  it('a phone that sent comfort noise is not missed for the time that stands for; its talking after that is', () => {
    const { pass, examine, excuse } = world();
    pass(500, running);
    examine();
    excuse(3000);
    for (let n = 0; n < 7; n++) {
      pass(500, { sent: 25 });
      expect(examine().reason).toBeUndefined();
    }
    pass(500, { sent: 25 });
    expect(examine().reason).toBe('silent');
  });

  it('what it took to get there is no silence', () => {
    const counters = { received: 0, rtpReceived: 0, rtpSent: 0 };
    const health = new PathHealth();
    expect(health.examine(counters, 5000).reason).toBeUndefined();
    health.begin(9000);
    expect(health.examine(counters, 9005).reason).toBeUndefined();
    expect(health.examine(counters, 9500).reason).toBe('peer-silent');
  });

  it('silence is told by time: examinations that bunch up say nothing', () => {
    const { pass, examine } = world();
    pass(500, running);
    examine();
    for (let n = 0; n < 10; n++) {
      pass(5, {});
      expect(examine()).toEqual({ isHeard: false, isSent: false, reason: undefined });
    }
    pass(350, {});
    expect(examine().reason).toBe('peer-silent');
    pass(500, { sent: 25 });
    expect(examine()).toEqual({ isHeard: false, isSent: true, reason: 'silent' });
  });
});
