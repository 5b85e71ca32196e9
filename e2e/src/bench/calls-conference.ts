import { cpuSeconds, descendants } from '../fixtures/process-facts.ts';
import type { TestServer } from '../fixtures/server.ts';
import { RtpLoad } from '../load/rtp-load.ts';
import { TrunkLoad } from '../load/trunk-load.ts';

export interface Conference {
  readonly parties: number;
  readonly seconds: number;
  /** Of one core, every process of the server, RTP and signalling included. */
  readonly cpu_percent: number;
  readonly cpu_us_per_participant_frame: number;
  /** Packets that came to the parties, over those that should have: one in 20 ms for each. */
  readonly received_ratio: number;
}

/** Parties that call at once, so that overload control lets all of them in. */
const AT_ONCE = 10;

/** One conference of so many callers over SIP and RTP, each of whom talks all the time. */
export async function conference(
  server: TestServer,
  number: string,
  load: { readonly parties: number; readonly seconds: number },
): Promise<Conference> {
  const { parties, seconds } = load;
  const { sip, pid } = await server.state();
  const [rtp, signalling] = [await RtpLoad.start(parties), await TrunkLoad.open(sip)];
  try {
    for (let first = 0; first < parties; first += AT_ONCE) {
      const few = Array.from({ length: Math.min(AT_ONCE, parties - first) }, (_, n) => first + n);
      await Promise.all(
        few.map(async (n) => {
          const from = `+1558${String(n).padStart(7, '0')}`;
          const call = (): ReturnType<TrunkLoad['call']> =>
            signalling.call({ number, from, rtpPort: rtp.ports[n] ?? 0 });
          rtp.go(n, await untilThereIsRoom(call));
        }),
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const pids = [pid, ...(await descendants(pid)).map((child) => child.pid)];
    rtp.epoch(1);
    const [cpu, began] = [await cpuSeconds(pids), performance.now()];
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    const used = (await cpuSeconds(pids)) - cpu;
    const elapsed = (performance.now() - began) / 1000;
    const { packets } = await rtp.report();
    await signalling.hangUp();
    const frames = parties * elapsed * 50;
    return {
      parties,
      seconds,
      cpu_percent: Math.round((1000 * used) / elapsed) / 10,
      cpu_us_per_participant_frame: Math.round((10 * used * 1e6) / frames) / 10,
      received_ratio: Math.round((1000 * packets) / frames) / 1000,
    };
  } finally {
    signalling.close();
    await rtp.close();
  }
}

/** Overload control may refuse a part of the calls on a busy machine: tried again, as a carrier does. */
export async function untilThereIsRoom<T>(call: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (attempt === 20 || !String(error).includes('503')) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}
