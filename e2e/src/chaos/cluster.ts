import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { startServer } from '../fixtures/server.ts';
import type { Credentials, TestServer } from '../fixtures/server.ts';
import { GatewayProcess } from './gateway-process.ts';
import { NatsProcess } from './nats-process.ts';

/** How often and how far apart a command is sent again that the server cannot do at the moment, milliseconds. */
const AGAIN = 10;
const AGAIN_MS = 500;

/**
 * An installation of several processes: a nats-server, one process that does everything (its configuration, its REST
 * API) and gateways that clients connect to.
 */
export class Cluster {
  readonly nats: NatsProcess;
  readonly gateways: readonly GatewayProcess[];
  readonly credentials: Credentials;
  /** Of another account, which publishes on topics of the same names. */
  readonly canary: Credentials;
  readonly #home: TestServer;

  private constructor(parts: {
    readonly nats: NatsProcess;
    readonly home: TestServer;
    readonly gateways: readonly GatewayProcess[];
    readonly credentials: Credentials;
    readonly canary: Credentials;
  }) {
    this.nats = parts.nats;
    this.#home = parts.home;
    this.gateways = parts.gateways;
    this.credentials = parts.credentials;
    this.canary = parts.canary;
  }

  static async start(gateways = 2): Promise<Cluster> {
    const nats = await NatsProcess.start();
    const env = { NATS_URL: nats.url, HOOKSWITCH_MASTER_KEY: randomBytes(32).toString('base64') };
    const opened: { close(): Promise<void> }[] = [nats];
    try {
      const home = await startServer({ env, args: ['--no-demo', '--media-workers', '1', '--log-level', 'info'] });
      opened.push({ close: () => home.stop() });
      const started: GatewayProcess[] = [];
      for (let index = 0; index < gateways; index++) {
        const gateway = await GatewayProcess.start(env);
        opened.push(gateway);
        started.push(gateway);
      }
      const credentials = await home.credentials();
      const canary = await otherAccount(home, credentials);
      return new Cluster({ nats, home, gateways: started, credentials, canary });
    } catch (error) {
      for (const one of opened.reverse()) await one.close();
      throw error;
    }
  }

  /** Ends a token for good, on all gateways. What cannot be stored at the moment is sent again, as the answer says. */
  async revoke(jti: string): Promise<void> {
    const { account, authToken } = this.credentials;
    const { pageUrl } = await this.#home.state();
    const ask = (): Promise<Response> =>
      fetch(new URL(`/v1/accounts/${account}/revocations`, pageUrl), {
        method: 'POST',
        headers: {
          authorization: `Basic ${Buffer.from(`${account}:${authToken}`).toString('base64')}`,
          'content-type': 'application/json',
        },
        body: JSON.stringify({ kind: 'token', value: jti }),
      });
    let response = await ask();
    for (let left = AGAIN; left > 0 && response.status === 503; left--) {
      await sleep(AGAIN_MS);
      response = await ask();
    }
    if (!response.ok) throw new Error(`revoking a token failed: ${response.status} ${await response.text()}`);
  }

  async close(): Promise<void> {
    await Promise.all(this.gateways.map((gateway) => gateway.close()));
    await this.#home.stop();
    await this.nats.close();
  }
}

/** An account that belongs to the first one, with a key of its own. */
async function otherAccount(home: TestServer, { account, authToken }: Credentials): Promise<Credentials> {
  const { pageUrl } = await home.state();
  const post = async (path: string, user: string, secret: string): Promise<Record<string, string>> => {
    const response = await fetch(new URL(`/2010-04-01/${path}`, pageUrl), {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: 'FriendlyName=canary',
    });
    if (!response.ok) throw new Error(`making another account failed: ${response.status} ${await response.text()}`);
    return (await response.json()) as Record<string, string>;
  };
  const made = await post('Accounts.json', account, authToken);
  const [sid = '', token = ''] = [made['sid'], made['auth_token']];
  const key = await post(`Accounts/${sid}/Keys.json`, sid, token);
  return { account: sid, authToken: token, apiKey: key['sid'] ?? '', apiSecret: key['secret'] ?? '' };
}
