import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A hub of its own, in a process of its own, over real sockets. Events are kept in memory. */
export interface HubProcess extends AsyncDisposable {
  readonly port: number;
  /** `ws://127.0.0.1:PORT/v1/hub` */
  readonly url: string;
  /** Of a second gateway to the same events. */
  readonly other: string;
  /** Of the server that gives out tokens: `http://127.0.0.1:PORT`. */
  readonly tokens: string;
  /** @param subscribe the only pattern that it grants (default: those of calls and applications) */
  token(identity: string, ttlSeconds?: number, subscribe?: string): Promise<string>;
}

const PROGRAM = new URL('../../../../server/src/gateway/testing/hub-program.ts', import.meta.url);

/** @param recreated how often its event stream was made anew: positions of another number are of another epoch */
export async function startHub(recreated = 0): Promise<HubProcess> {
  const child = spawn(process.execPath, [fileURLToPath(PROGRAM), String(recreated)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const { port, other, tokens: tokenPort } = JSON.parse(line) as { port: number; other: number; tokens: number };
  const tokens = `http://127.0.0.1:${tokenPort}`;
  return {
    port,
    url: `ws://127.0.0.1:${port}/v1/hub`,
    other: `ws://127.0.0.1:${other}/v1/hub`,
    tokens,
    token: async (identity, ttlSeconds = 3600, subscribe) => {
      const query = new URLSearchParams({ identity, ttl: String(ttlSeconds) });
      if (subscribe !== undefined) query.set('subscribe', subscribe);
      const response = await fetch(`${tokens}/demo/token?${query}`);
      return ((await response.json()) as { token: string }).token;
    },
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit');
      child.stdin.end('quit\n');
      await ended;
    },
  };
}
