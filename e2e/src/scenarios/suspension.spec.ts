import { once } from 'node:events';
import { HUB_SUBPROTOCOL, SOCKETIO_EVENT } from '@hookswitch/shared';
import { connect } from 'nats';
import { io } from 'socket.io-client';
import { WebSocket } from 'ws';
import { hookswitch } from '../fixtures/application.ts';
import { openAccount, restClient } from '../fixtures/rest-client.ts';
import { startServer } from '../fixtures/server.ts';
import type { RunState } from '../fixtures/server.ts';
import { callWithProbe } from '../fixtures/sip-probe.ts';
import { expect, serverOptions, test } from '../fixtures/test.ts';
import { signToken } from '../fixtures/token.ts';

/** From the suspension until it acts. */
const WITHIN_MS = 2000;
const NUMBER = '+15550184';
const TOPIC = 'app.room';

/** A connection that is there, and when it ends. */
interface Held {
  readonly way: string;
  readonly ended: Promise<unknown>;
  close(): unknown;
}

async function overWebSocket(url: string, token: string): Promise<Held> {
  const socket = new WebSocket(url, HUB_SUBPROTOCOL);
  const ended = once(socket, 'close');
  await once(socket, 'open');
  const subscribed = new Promise<void>((resolve, reject) => {
    socket.on('message', (data: Buffer) => {
      if (data.toString('utf8').includes('"subscribed"')) resolve();
    });
    socket.once('close', () => {
      reject(new Error('closed before it was subscribed'));
    });
  });
  socket.send(JSON.stringify({ type: 'connect', id: 1, token }));
  socket.send(JSON.stringify({ type: 'subscribe', id: 2, topic: TOPIC }));
  await subscribed;
  return {
    way: 'WebSocket',
    ended,
    close: () => {
      socket.terminate();
    },
  };
}

async function overSocketIo(url: string, token: string): Promise<Held> {
  const socket = io(new URL(url).origin, { path: '/socket.io/', forceNew: true, reconnection: false });
  const ended = new Promise((resolve) => socket.once('disconnect', resolve));
  const subscribed = new Promise<void>((resolve) => {
    socket.on(SOCKETIO_EVENT, (frame: { type?: string }) => {
      if (frame.type === 'subscribed') resolve();
    });
  });
  socket.emit(SOCKETIO_EVENT, { type: 'connect', id: 1, token });
  socket.emit(SOCKETIO_EVENT, { type: 'subscribe', id: 2, topic: TOPIC });
  await subscribed;
  return { way: 'Socket.IO', ended, close: () => socket.disconnect() };
}

/** Of server-sent events, and of a poll that waits. */
async function overHttp(way: string, url: URL, token: string): Promise<Held> {
  const abort = new AbortController();
  const headers = { authorization: `Bearer ${token}` };
  const response = fetch(url, { headers, signal: abort.signal });
  // An event stream is there when its header is; a poll has no answer while it waits.
  if (way === 'server-sent events') expect((await response).status).toBe(200);
  const ended = response.then(
    (answer) => answer.text(),
    () => undefined,
  );
  return {
    way,
    ended,
    close: () => {
      abort.abort();
    },
  };
}

async function overNats(host: string, user: string, pass: string): Promise<Held> {
  const connection = await connect({ servers: host, user, pass, reconnect: false });
  await connection.flush();
  return { way: 'NATS', ended: connection.closed(), close: () => connection.close() };
}

test('EV-4 a suspended account is out within 2 s: its calls, its connections of every kind, what it asks for, and what is asked of it', async ({
  host,
  pstn,
}) => {
  const server = await startServer(serverOptions(host));
  const held: Held[] = [];
  try {
    const [tenant, peer] = [await openAccount(server, 'tenant'), await pstn()];
    const { account, authToken } = tenant;
    const client = await restClient(server, tenant);
    await hookswitch(server, 'trunks', 'update', 'demo', '--sharing', 'subaccounts');
    const key = await client.newKeys.create({ friendlyName: 'tokens' });
    const [apiKey, apiSecret] = [key.sid, key.secret];
    const token = signToken({ account, authToken, apiKey, apiSecret }, { identity: 'tina', subscribe: ['app.>'] });
    await client.incomingPhoneNumbers.create({ phoneNumber: NUMBER, voiceUrl: 'http://127.0.0.1:9/none' });
    const twiml = '<Response><Pause length="120"/></Response>';
    const placed = await client.calls.create({ to: peer.sipUri, from: NUMBER, twiml });
    await peer.event('CALL_ESTABLISHED');
    const { pageUrl, gateway, nats, sip, operatorKey } = (await server.state()) as RunState & { operatorKey: string };
    // A token's key and a login are known to the gateways a moment after they were made.
    const socket = (): Promise<Held> => overWebSocket(gateway.ws, token);
    await expect(async () => held.push(await socket())).toPass({ timeout: 10_000 });
    held.push(
      ...(await Promise.all([
        overSocketIo(gateway.socketio, token),
        overHttp('server-sent events', new URL(`/v1/hub/events?topic=${TOPIC}`, pageUrl), token),
        overHttp('long-poll', new URL(`/v1/hub/poll?topic=${TOPIC}&timeout=30`, pageUrl), token),
      ])),
    );
    const login = (): Promise<Held> => overNats(new URL(nats.url).host, apiKey, apiSecret);
    await expect(async () => held.push(await login())).toPass({ timeout: 10_000 });
    const waiting = async (): Promise<string> => await (await fetch(new URL('/metrics', pageUrl))).text();
    await expect.poll(waiting, 'the poll waits').toContain('hookswitch_gateway_polls_waiting 1');
    const callEnded = { way: 'the call', ended: peer.event('CALL_CLOSED'), close: () => undefined };

    const suspended = performance.now();
    const answer = await fetch(new URL(`/v1/cluster/tenants/${account}`, pageUrl), {
      method: 'POST',
      headers: { authorization: `Bearer ${operatorKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ status: 'suspended' }),
    });
    expect(answer.status).toBe(200);
    await Promise.all(
      [...held, callEnded].map(async ({ way, ended }) => {
        const took = await Promise.race([
          ended.then(() => performance.now() - suspended),
          new Promise<number>((resolve) => setTimeout(resolve, 5000, Infinity).unref()),
        ]);
        expect(took, way).toBeLessThan(WITHIN_MS);
      }),
    );

    const asked = await Promise.allSettled([socket(), login()]);
    for (const outcome of asked) if (outcome.status === 'fulfilled') held.push(outcome.value);
    expect(asked.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    const poll = await fetch(new URL(`/v1/hub/poll?topic=${TOPIC}&timeout=0`, pageUrl), {
      headers: { authorization: `Bearer ${token}` },
    });
    expect([401, 403]).toContain(poll.status);
    await expect(client.calls.create({ to: peer.sipUri, from: NUMBER, twiml })).rejects.toMatchObject({ status: 403 });
    const caller = await callWithProbe({ server: sip, number: NUMBER });
    expect(await caller.final).toBe(403);
    await caller.hangup();
    const owner = await restClient(server);
    const record = await owner.api.v2010.accounts(account).calls(placed.sid).fetch();
    expect(record.status).toBe('completed');
  } finally {
    for (const each of held) await each.close();
    await server.stop();
  }
});
