import { join } from 'node:path';
import { leadNumbersTo } from '../fixtures/application.ts';
import type { TestServer } from '../fixtures/server.ts';
import { sippLoad } from '../load/sipp-load.ts';
import type { SippCounts } from '../load/sipp-load.ts';
import { Target } from '../load/target.ts';
import { outcomeOf } from './outcome.ts';
import type { SoakLoad } from './ports.ts';

const LOAD = join(import.meta.dirname, '../load');
/** The last digit says what the application does (load/twiml-application.ts). */
const NUMBERS = { play: '+15550181', menu: '+15550182', ended: '+15550183', reject: '+15550184' };
const SHARES = { menu: 0.3, ended: 0.3, reject: 0.1 };
/** Between two looks of somebody who reads the records. */
const READ_MS = 100;

/**
 * Calls that run documents of an application server in a process of its own (a menu, a redirect, Play, Reject, Hangup by the
 * application), with status callbacks and records, while somebody reads calls over REST.
 */
export async function openTwimlLoad(server: TestServer): Promise<SoakLoad> {
  const { target, hello } = await Target.start<{ port: number }>('e2e/src/load/twiml-application.ts');
  await leadNumbersTo(server, `http://127.0.0.1:${hello.port}`, Object.values(NUMBERS));
  const reader = await Reader.open(server);
  return {
    warmUpCalls: 0,
    batch: async ({ size, rate }) => {
      const { sip } = await server.state();
      const count = (share: number): number => Math.round(size * share);
      const [menu, ended, reject] = [count(SHARES.menu), count(SHARES.ended), count(SHARES.reject)];
      const run = (user: string, calls: number, scenario = 'soak-caller-ends'): Promise<SippCounts> =>
        sippLoad({
          target: `${sip.host}:${sip.port}`,
          callsPerSecond: Math.max(1, Math.round((rate * calls) / size)),
          calls,
          scenario: join(LOAD, `${scenario}.xml`),
          user,
        });
      const results = await Promise.all([
        run(NUMBERS.play, size - menu - ended - reject),
        run(NUMBERS.menu, menu),
        run(NUMBERS.ended, ended, 'soak-answered-ends'),
        run(NUMBERS.reject, reject, 'soak-refused'),
      ]);
      return outcomeOf(
        [...results, reader.results()],
        ['played', 'menu', 'ended by the application', 'rejected', 'read'],
      );
    },
    finish: () => reader.close(),
    close: async () => {
      await reader.close();
      await target.close();
    },
  };
}

/** Reads a page of calls, one of them and its events, all the time. */
class Reader {
  readonly #base: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #timer: NodeJS.Timeout;
  #busy: Promise<void> | undefined;
  #read = 0;
  #failed = 0;

  private constructor(base: string, headers: Readonly<Record<string, string>>) {
    this.#base = base;
    this.#headers = headers;
    this.#timer = setInterval(() => {
      this.#busy ??= this.#look().finally(() => {
        this.#busy = undefined;
      });
    }, READ_MS);
  }

  static async open(server: TestServer): Promise<Reader> {
    const { account, authToken } = await server.credentials();
    const authorization = `Basic ${Buffer.from(`${account}:${authToken}`).toString('base64')}`;
    return new Reader(new URL(`/2010-04-01/Accounts/${account}`, (await server.state()).pageUrl).href, {
      authorization,
    });
  }

  /** Of the reads since the last time: those that failed count as failed calls, none as placed ones. */
  results(): { created: number; successful: number } {
    const failed = this.#failed;
    this.#failed = 0;
    return { created: 0, successful: -failed };
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#busy;
  }

  async #look(): Promise<void> {
    try {
      const page = (await this.#get('/Calls.json?PageSize=20')) as { calls: { sid: string }[] };
      const { sid } = page.calls[this.#read++ % Math.max(1, page.calls.length)] ?? {};
      if (sid === undefined) return;
      await this.#get(`/Calls/${sid}.json`);
      await this.#get(`/Calls/${sid}/Events.json`);
    } catch (error) {
      this.#failed++;
      process.stderr.write(`soak: REST: ${String(error)}\n`);
    }
  }

  async #get(path: string): Promise<unknown> {
    const response = await fetch(this.#base + path, { headers: this.#headers });
    if (!response.ok) throw new Error(`${path}: ${response.status}`);
    return await response.json();
  }
}
