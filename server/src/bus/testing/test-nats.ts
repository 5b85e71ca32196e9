import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog, systemClock, systemRandom } from '../../kernel/index.ts';
import { Bus } from '../connection.nats.ts';
import { EmbeddedNats } from '../embedded-nats.ts';

/** A nats-server with a connection to it, for one test file. Its data goes with `close()`. */
export interface TestNats {
  readonly nats: EmbeddedNats;
  readonly bus: Bus;
  close(): Promise<void>;
}

export async function startTestNats(): Promise<TestNats> {
  const parts = { clock: systemClock, random: systemRandom, log: silentLog };
  const directory = await mkdtemp(join(tmpdir(), 'hs-nats-'));
  const nats = await EmbeddedNats.start({ directory, ...parts });
  const bus = await Bus.connect({ url: nats.url, name: 'test', ...parts });
  return {
    nats,
    bus,
    close: async () => {
      await bus.close();
      await nats.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
