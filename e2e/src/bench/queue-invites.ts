import { createSocket } from 'node:dgram';
import type { RemoteInfo, Socket } from 'node:dgram';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { hookswitch } from '../fixtures/application.ts';
import { startServer } from '../fixtures/server.ts';
import type { TestServer } from '../fixtures/server.ts';
import { percentile } from './result.ts';

/** Requests to the API under way at a time. */
const CONNECTIONS = 32;
/** Calls that one after the other find everything idle. */
const IDLE_CALLS = 0.2;
/** Of the calls, before the API is timed: what it does in its first second is not what it does. */
const WARM_CALLS = 0.25;

export interface InviteFigures {
  /** Milliseconds from the answer that frees the account's only place to the next INVITE at the gateway. */
  readonly freedP50Ms: number | null;
  readonly freedP99Ms: number | null;
  /** Milliseconds from the answer to `POST /Calls` to its INVITE at the gateway, with nothing else waiting. */
  readonly acceptedP99Ms: number | null;
  /** Calls a second that `POST /Calls` accepts. */
  readonly restAcceptPerSecond: number;
}

/** A whole server and a gateway that refuses every call: how long a place that is free stays free. */
export async function queueInvites(calls: number): Promise<InviteFigures> {
  const gateway = await BusyGateway.open();
  const server = await startServer({ gateway: `127.0.0.1:${gateway.port}`, args: ['--log-level', 'error'] });
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  try {
    const post = await poster(server, agent);
    await allow(server, 1);
    const accepted: number[] = [];
    for (let n = 0; n < Math.ceil(calls * IDLE_CALLS); n++) {
      const invited = gateway.nextInvite();
      await post();
      const answeredAt = performance.now();
      accepted.push(Math.max(0, (await invited) - answeredAt));
      await gateway.idle();
    }
    gateway.forget();
    await allow(server, 0);
    const warm = Math.ceil(calls * WARM_CALLS);
    await postAll(post, warm);
    const began = performance.now();
    await postAll(post, calls);
    const seconds = (performance.now() - began) / 1000;
    await allow(server, 1);
    await gateway.count(warm + calls);
    return {
      freedP50Ms: percentile(gateway.gaps, 0.5),
      freedP99Ms: percentile(gateway.gaps, 0.99),
      acceptedP99Ms: percentile(accepted, 0.99),
      restAcceptPerSecond: Math.round(calls / seconds),
    };
  } finally {
    agent.destroy();
    await server.stop();
    gateway.close();
  }
}

async function postAll(post: () => Promise<void>, calls: number): Promise<void> {
  let left = calls;
  const client = async (): Promise<void> => {
    while (left-- > 0) await post();
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, client));
}

async function allow(server: TestServer, concurrent: number): Promise<void> {
  const { account } = await server.credentials();
  const fast = ['--calls-per-second', '1000', '--call-burst', '10000', '--requests-per-second', '1000000'];
  const limits = [...fast, '--request-burst', '1000000', '--concurrent-calls', String(concurrent)];
  await hookswitch(server, 'limits', 'set', ...limits, '--account', account);
}

async function poster(server: TestServer, agent: Agent): Promise<() => Promise<void>> {
  const { account, authToken } = await server.credentials();
  const base = new URL((await server.state()).pageUrl);
  const body = new URLSearchParams({ To: '+15550123', From: '+15550100', Twiml: '<Response><Hangup/></Response>' });
  const options = {
    ...{ agent, host: base.hostname, port: base.port, method: 'POST', auth: `${account}:${authToken}` },
    path: `/2010-04-01/Accounts/${account}/Calls.json`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  };
  return () => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const sent = request(options, (response) => {
      response.resume();
      response.on('end', () => {
        if (response.statusCode === 201) resolve();
        else reject(new Error(`POST Calls.json was answered ${response.statusCode}`));
      });
    });
    sent.on('error', reject);
    sent.end(body.toString());
    return promise;
  };
}

const HEADERS_KEPT = /^(?:Via|From|Call-ID|CSeq|Record-Route): .*$/gim;

/** A SIP gateway where everybody is busy: answers each INVITE with 486 at once, and notes how long the next one takes. */
class BusyGateway {
  /** Milliseconds from a 486 to the next INVITE of another call. */
  readonly gaps: number[] = [];
  readonly #socket: Socket;
  /** Call-IDs that were answered. */
  readonly #seen = new Set<string>();
  #acknowledged = new Set<string>();
  #refusedAt = 0;
  #invites = 0;
  #changed = Promise.withResolvers<void>();
  #next = Promise.withResolvers<number>();

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (data, from) => {
      this.#received(data.toString('latin1'), from);
    });
  }

  static async open(): Promise<BusyGateway> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new BusyGateway(socket);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  /** When the next INVITE of a new call comes. */
  nextInvite(): Promise<number> {
    this.#next = Promise.withResolvers<number>();
    return this.#next.promise;
  }

  /** Resolves when every call that came has been acknowledged. */
  async idle(): Promise<void> {
    while (this.#acknowledged.size < this.#seen.size) await this.#changed.promise;
  }

  /** Resolves when so many calls have come. */
  async count(calls: number): Promise<void> {
    while (this.#invites < calls) await this.#changed.promise;
  }

  forget(): void {
    this.gaps.length = 0;
    this.#refusedAt = 0;
    this.#invites = 0;
  }

  close(): void {
    this.#socket.close();
  }

  #received(text: string, from: RemoteInfo): void {
    const now = performance.now();
    const callId = /^Call-ID: *(\S+)/im.exec(text)?.[1] ?? '';
    if (text.startsWith('ACK ')) this.#acknowledged.add(callId);
    else if (text.startsWith('INVITE ')) this.#invited({ text, callId, now, from });
    else if (text.startsWith('OPTIONS ')) this.#answer(text, '200 OK', from);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }

  #invited({ text, callId, now, from }: { text: string; callId: string; now: number; from: RemoteInfo }): void {
    const isNew = !this.#seen.has(callId);
    if (isNew) {
      this.#seen.add(callId);
      this.#invites++;
      if (this.#refusedAt > 0) this.gaps.push(now - this.#refusedAt);
      this.#next.resolve(now);
    }
    this.#answer(text, '486 Busy Here', from);
    if (isNew) this.#refusedAt = performance.now();
  }

  #answer(request: string, status: string, { address, port }: RemoteInfo): void {
    const kept = request.match(HEADERS_KEPT) ?? [];
    const to = /^To: .*$/im.exec(request)?.[0] ?? '';
    const lines = [`SIP/2.0 ${status}`, ...kept, `${to.trimEnd()};tag=busy`, 'Content-Length: 0', '', ''];
    this.#socket.send(lines.map((line) => line.trimEnd()).join('\r\n'), port, address);
  }
}
