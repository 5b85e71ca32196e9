import { once } from 'node:events';
import { SOCKETIO_EVENT, HUB_SUBPROTOCOL } from '@hookswitch/shared';
import { connect } from 'nats';
import { io } from 'socket.io-client';
import { WebSocket } from 'ws';
import type { Credentials, RunState } from '../../fixtures/server.ts';
import type { Received } from './received.ts';

export interface Attack {
  readonly state: RunState;
  readonly received: Received;
  readonly topics: readonly string[];
  readonly token: string;
  /** Closes everything that was opened. */
  readonly closers: (() => unknown)[];
}

/** Every command with every topic. The past is asked for too. */
function commands({ topics, token }: Attack): object[] {
  const each = topics.flatMap((topic, index) => [
    { type: 'subscribe', id: 10 + 3 * index, topic, rewind: { count: 1000 } },
    { type: 'presence', id: 11 + 3 * index, topic },
    { type: 'publish', id: 12 + 3 * index, topic, data: 'probe' },
  ]);
  return [{ type: 'connect', id: 1, token }, ...each, { type: 'refresh', id: 2, token }];
}

export async function overWebSocket(attack: Attack): Promise<void> {
  const socket = new WebSocket(attack.state.gateway.ws, HUB_SUBPROTOCOL);
  attack.closers.push(() => {
    socket.terminate();
  });
  socket.on('message', (data: Buffer) => {
    attack.received.add('ws', data);
  });
  socket.on('close', (code, reason) => {
    attack.received.add('ws', `${code} ${reason.toString()}`);
  });
  socket.on('error', () => undefined);
  await once(socket, 'open');
  for (const command of commands(attack)) socket.send(JSON.stringify(command));
  await settled(
    () => socket.readyState !== WebSocket.OPEN,
    (done) => {
      socket.ping();
      socket.once('pong', done);
    },
  );
}

export async function overSocketIo(attack: Attack): Promise<void> {
  const base = new URL(attack.state.gateway.socketio);
  const socket = io(base.origin, { path: '/socket.io/', forceNew: true, reconnection: false });
  attack.closers.push(() => socket.disconnect());
  socket.onAny((...args: unknown[]) => {
    attack.received.add('socketio', JSON.stringify(args));
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', reject);
  });
  for (const command of commands(attack)) socket.emit(SOCKETIO_EVENT, command);
}

export async function overHttp(attack: Attack, victim: string): Promise<void> {
  const { state, token, received, topics } = attack;
  const headers = { authorization: `Bearer ${token}` };
  const query = (topic: string): string => `topic=${encodeURIComponent(topic)}`;
  const read = async (way: string, path: string, init: RequestInit = {}): Promise<void> => {
    const response = await fetch(new URL(path, state.pageUrl), { headers, ...init });
    received.add(way, JSON.stringify([...response.headers]));
    const { body } = response;
    if (body === null) return;
    for await (const chunk of body) received.add(way, Buffer.from(chunk as Uint8Array));
  };
  const abort = new AbortController();
  attack.closers.push(() => {
    abort.abort();
  });
  for (const topic of topics) {
    await read('poll', `/v1/hub/poll?${query(topic)}&timeout=0&rewind=1000`);
    void read('sse', `/v1/hub/events?${query(topic)}&rewind=1000`, { signal: abort.signal }).catch(() => undefined);
  }
  await read('poll', `/v1/hub/poll?topic=app.%3E&timeout=0&account=${victim}&accountSid=${victim}`);
}

/** Everything below the victim's address and its own, with its own login and a mixed one. */
export async function overRest(attack: Attack, own: Credentials, victim: Credentials): Promise<void> {
  const { state, received, topics, token } = attack;
  const basic = (user: string, password: string): string =>
    `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  const logins = [
    basic(own.apiKey, own.apiSecret),
    basic(victim.apiKey, own.apiSecret),
    basic(victim.account, own.apiSecret),
    basic(victim.account, ''),
    `Bearer ${token}`,
  ];
  const read = async (path: string, authorization: string, body?: unknown): Promise<void> => {
    const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
    const headers = { authorization, 'content-type': 'application/json' };
    const response = await fetch(new URL(path, state.pageUrl), { headers, ...init });
    received.add('rest', `${JSON.stringify([...response.headers])}${await response.text()}`);
  };
  const bases = [victim.account, own.account].map((sid) => `/v1/accounts/${sid}`);
  for (const authorization of logins) {
    for (const base of [bases[0] ?? '']) {
      for (const resource of [
        'events',
        'presence?topic=app.room',
        'presence/occupancy?topic=app.room',
        'clients',
        'webhooks',
        'revocations',
        'nats',
        'trunks',
        'delegates',
        'limits',
        'public-keys',
      ]) {
        await read(`${base}/${resource}`, authorization);
      }
      await read(`${base}/tokens`, authorization, { identity: 'x', hub: { subscribe: ['>'] } });
      await read(`${base}/events`, authorization, { topic: 'app.forged', data: 'probe' });
      await read(`${base}/revocations`, authorization, { identity: 'carol' });
      await read(`${base}/webhooks`, authorization, { url: state.pageUrl, topics: ['>'] });
    }
    await read(`/2010-04-01/Accounts/${victim.account}.json`, authorization);
    await read(`/2010-04-01/Accounts/${victim.account}/Keys.json`, authorization);
  }
  for (const topic of topics) {
    await read(`${bases[1] ?? ''}/events?topic=${encodeURIComponent(topic)}`, logins[0] ?? '');
    await read(`${bases[1] ?? ''}/presence?topic=${encodeURIComponent(topic)}`, logins[0] ?? '');
    await read(`${bases[1] ?? ''}/events`, logins[0] ?? '', { topic, data: 'probe' });
  }
}

const NATS_REQUESTS = [
  '$JS.API.INFO',
  '$JS.API.STREAM.NAMES',
  '$JS.API.STREAM.MSG.GET.EVENTS_0',
  '$JS.API.CONSUMER.CREATE.EVENTS_0',
  '$SYS.REQ.SERVER.PING',
];

export async function overNats(attack: Attack, own: Credentials, victim: string): Promise<void> {
  const { host } = new URL(attack.state.nats.url);
  const logins = [{ user: own.apiKey, pass: own.apiSecret }];
  for (const login of logins) {
    const connection = await connect({ servers: host, ...login, maxReconnectAttempts: 0 });
    attack.closers.push(() => connection.close());
    void (async () => {
      for await (const status of connection.status()) attack.received.add('nats', JSON.stringify(status));
    })();
    const subjects = [
      '>',
      `hs.ev.${victim}.>`,
      'hs.ev.>',
      `hs.ev.${own.account}.>`,
      'hs.in.>',
      '_INBOX.>',
      '$JS.>',
      '$KV.>',
      '$SYS.>',
      'hs.rpc.>',
    ];
    for (const subject of subjects) {
      const subscription = connection.subscribe(subject, {
        callback: (error, message) => {
          // Refused: there is no message then.
          attack.received.add('nats', error === null ? `${message.subject} ${message.string()}` : error.message);
        },
      });
      void subscription.closed.catch(() => undefined);
    }
    const requests = [
      ...NATS_REQUESTS,
      `hs.history.${victim}`,
      `hs.history.${own.account}`,
      `hs.pub.${victim}.app.forged`,
      `hs.ev.${victim}.app.forged`,
      `hs.in.0.${victim}.app.forged`,
    ];
    await Promise.all(
      requests.map(async (subject) => {
        try {
          const answer = await connection.request(subject, JSON.stringify({ topic: '>', last_by_subj: 'hs.in.>' }), {
            timeout: 500,
          });
          attack.received.add('nats', answer.data as Buffer);
        } catch (error) {
          attack.received.add('nats', String(error));
        }
      }),
    );
  }
}

async function settled(over: () => boolean, ping: (done: () => void) => void): Promise<void> {
  if (over()) return;
  await Promise.race([
    new Promise<void>((resolve) => {
      ping(resolve);
    }),
    new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        if (over()) {
          clearInterval(timer);
          resolve();
        }
      }, 20);
      timer.unref();
    }),
  ]);
}
