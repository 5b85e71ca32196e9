import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CONTROL_SUBPROTOCOL, controlServerFrameSchema } from '@hookswitch/shared';
import type { ControlServerFrame } from '@hookswitch/shared';
import twilio from 'twilio';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { eventually } from '../../bus/testing/eventually.ts';
import type { CallControlRequest } from '../../calls/ports.ts';
import { CALL, CallWorld, settle } from '../../calls/testing/call-world.fake.ts';
import { seededRandom, silentLog, systemClock } from '../../kernel/index.ts';
import type { HttpExchange } from '../ports.ts';
import { MemorySessionStore } from '../session-state/session-store.memory.ts';
import { StoredSessionState } from '../session-state/stored-session-state.ts';
import { UpgradeRequests } from '../upgrade-requests.ts';
import { ControlChannels } from './control-channels.ts';
import { WsControlSockets } from './control-socket.ws.ts';

const TOKEN = '0123456789abcdef0123456789abcdef';

/** An application that stays connected. */
class ControlApp {
  readonly frames: ControlServerFrame[] = [];
  readonly upgrades: IncomingMessage[] = [];
  readonly sockets: WebSocket[] = [];
  onRequest: (frame: Extract<ControlServerFrame, { type: 'request' }>) => object | undefined = () => undefined;
  refuse = false;
  url = '';
  readonly #server: Server = createServer();
  readonly #wss = new WebSocketServer({ noServer: true, handleProtocols: () => CONTROL_SUBPROTOCOL });

  async open(): Promise<void> {
    this.#server.on('upgrade', (request, socket, head) => {
      this.upgrades.push(request);
      if (this.refuse) {
        socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
        return;
      }
      this.#wss.handleUpgrade(request, socket, head, (ws) => {
        this.sockets.push(ws);
        ws.on('message', (data: Buffer) => {
          this.#take(ws, data.toString());
        });
      });
    });
    this.#wss.on('headers', (headers) => headers.push('Set-Cookie: ws=1; Path=/'));
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.url = `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}/control`;
  }

  send(frame: object): void {
    this.sockets.at(-1)!.send(JSON.stringify(frame));
  }

  types(): string[] {
    return this.frames.map((frame) => (frame.type === 'event' ? frame.event.type : frame.type));
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.terminate();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #take(ws: WebSocket, text: string): void {
    const frame = controlServerFrameSchema.parse(JSON.parse(text));
    this.frames.push(frame);
    if (frame.type !== 'request') return;
    const answer = this.onRequest(frame);
    if (answer !== undefined) ws.send(JSON.stringify({ id: frame.id, ...answer }));
  }
}

describe('CR-7 the control channel', () => {
  let app: ControlApp;
  let world: CallWorld;
  let channels: ControlChannels;
  let told: HttpExchange[];

  beforeEach(async () => {
    app = new ControlApp();
    await app.open();
    told = [];
    world = new CallWorld(undefined, (ports) => {
      const sessions = new StoredSessionState({
        store: new MemorySessionStore(),
        clock: systemClock,
        random: seededRandom(1),
        log: silentLog,
      });
      channels = new ControlChannels({
        http: ports.instructions,
        sockets: new WsControlSockets(),
        upgrades: new UpgradeRequests({ keys: { authToken: () => TOKEN }, sessions }),
        clock: systemClock,
        random: seededRandom(2),
        log: silentLog,
        tap: (exchange) => told.push(exchange),
      });
      return { instructions: channels, events: channels.events(ports.events) };
    });
    channels.attach((request: CallControlRequest) => {
      if (request.kind === 'twiml' || request.kind === 'redirect') world.router.update(request.callSid, request);
      else {
        const end = { cause: 'hangup-api', message: 'hung up' } as const;
        world.router.update(request.callSid, { kind: 'end', request: end });
      }
      return Promise.resolve({ ok: true });
    });
    world.application = { ...world.application!, voice: { url: `${app.url}#rc=0`, method: 'POST' } };
  });
  afterEach(async () => {
    channels.close();
    await app.close();
  });

  const until = (check: () => void): Promise<void> =>
    eventually(async () => {
      await settle();
      check();
    }, 5000);

  it('instructions are asked for and pushed, relative addresses included; events are told; it closes with the call', async () => {
    const asked: string[] = [];
    app.onRequest = ({ url }) => {
      asked.push(new URL(url).pathname);
      return asked.length === 1
        ? {
            type: 'instructions',
            instructions: [
              { verb: 'say', text: 'Hello' },
              { verb: 'redirect', text: '/next' },
            ],
          }
        : { type: 'instructions', twiml: '<Response><Hangup/></Response>' };
    };
    await world.call();
    await until(() => {
      expect(app.types().at(-1)).toBe('call.ended');
    });
    expect(asked).toEqual(['/control', '/next']);
    expect(app.types()[0]).toBe('hello');
    expect(app.types()).toContain('call.verb-started');
    expect(app.upgrades).toHaveLength(1);
    const [upgrade] = app.upgrades;
    const signature = String(upgrade!.headers['x-twilio-signature']);
    expect(twilio.validateRequest(TOKEN, signature, app.url, {})).toBe(true);
    expect(upgrade!.headers['sec-websocket-protocol']).toBe(CONTROL_SUBPROTOCOL);
    expect(channels.count).toBe(0);
    expect(told.map(({ url, body }) => [new URL(url).pathname, (body ?? '').slice(0, 10)])).toEqual([
      ['/control', '[{"verb":"'],
      ['/next', '<Response>'],
    ]);
    await until(() => {
      expect(app.sockets[0]!.readyState).toBe(3);
    });
  });

  it('commands act on the live call: run, play, hangup; each is answered', async () => {
    app.onRequest = () => ({ type: 'instructions', instructions: [{ verb: 'pause', length: 3600 }] });
    await world.call();
    await until(() => {
      expect(app.types()).toContain('call.verb-started');
    });
    world.autoPlay = false;
    app.send({
      type: 'run',
      id: '1',
      instructions: [
        { verb: 'say', text: 'now' },
        { verb: 'pause', length: 3600 },
      ],
    });
    await until(() => {
      expect(world.story().join('\n')).toContain('verb-started Say');
    });
    app.send({ type: 'play', id: '2', url: '/a.wav' });
    await until(() => {
      expect(world.story().join('\n')).toContain('verb-started Play');
    });
    app.send({ type: 'hangup', id: '3' });
    await until(() => {
      expect(app.types()).toContain('call.ended');
    });
    const results = app.frames.flatMap((frame) => (frame.type === 'result' ? [`${frame.id} ${frame.ok}`] : []));
    expect(results.slice(0, 2)).toEqual(['1 true', '2 true']);
  });

  it('a connection that is lost is opened again with the session’s cookies; what was asked is asked again', async () => {
    let requests = 0;
    app.onRequest = () => {
      requests += 1;
      if (requests > 1) return { type: 'instructions', instructions: [{ verb: 'hangup' }] };
      app.sockets[0]!.terminate();
      return undefined;
    };
    await world.call();
    await until(() => {
      expect(app.types().at(-1)).toBe('call.ended');
    });
    const hellos = app.frames.flatMap((frame) => (frame.type === 'hello' ? [frame.resumed] : []));
    expect(hellos).toEqual([false, true]);
    expect(app.upgrades.map(({ headers }) => headers.cookie)).toEqual([undefined, 'ws=1']);
  });

  it('an application that is not there, or declines: the fallback URL', async () => {
    const fallback = 'http://fallback.test/';
    world.application = { ...world.application!, fallback: { url: fallback, method: 'POST' } };
    world.twiml('<Reject/>', fallback);
    app.refuse = true;
    await world.call();
    await until(() => {
      expect(world.story().at(-1)).toContain('ended');
    });
    const [failed] = world.events.filter(({ type }) => type === 'call.instructions-failed');
    expect(failed!.data).toMatchObject({ code: 11_205, message: expect.stringContaining('403') as string });
    expect(world.requests.at(-1)).toMatchObject({ url: fallback });
    expect(channels.count).toBe(0);
  });

  it('frames that make no sense are told, and cost the call nothing', async () => {
    app.onRequest = () => ({ type: 'instructions', instructions: [{ verb: 'pause', length: 3600 }] });
    await world.call();
    await until(() => {
      expect(app.sockets).toHaveLength(1);
    });
    for (const text of ['{', '7', '{"type":"frobnicate"}', '{"type":"run"}', '{"type":"instructions","id":"r9"}']) {
      app.sockets[0]!.send(text);
    }
    app.send({ type: 'run', id: '1' });
    app.send({ type: 'play', id: '2', url: 'http://' });
    await until(() => {
      expect(app.types().filter((type) => type === 'problem')).toHaveLength(5);
      expect(app.types().filter((type) => type === 'result')).toHaveLength(2);
    });
    expect(world.router.liveLeg(CALL)).toBeDefined();
  });
});
