import { clientFrameSchema } from '@hookswitch/shared';
import type { ClientFrame, HookswitchEvent, ServerFrame } from '@hookswitch/shared';
import { settle } from '../kit/clock.fake.ts';
import type { Transport, TransportHandlers } from './transport.ts';

/** One connection as the server sees it. Frames of the client are checked against the shared schema. */
export class FakeLink {
  readonly url: string;
  readonly sent: ClientFrame[] = [];
  closedWith: { code: number; reason: string } | undefined;
  readonly #handlers: TransportHandlers;
  #read = 0;

  constructor(url: string, handlers: TransportHandlers) {
    this.url = url;
    this.#handlers = handlers;
  }

  open(): void {
    this.#handlers.opened();
  }

  /** Frames since the last call. */
  take(): ClientFrame[] {
    const frames = this.sent.slice(this.#read);
    this.#read = this.sent.length;
    return frames;
  }

  text(text: string): void {
    if (this.closedWith === undefined) this.#handlers.text(text);
  }

  send(frame: ServerFrame): void {
    this.text(JSON.stringify(frame));
  }

  /** The server, or the network, ends it. */
  drop(code = 1006, reason = ''): void {
    if (this.closedWith === undefined) this.#handlers.closed(code, reason);
  }
}

/** A hub without a network: answers what tests do not answer themselves. */
export class FakeHub {
  readonly links: FakeLink[] = [];
  expiresAt: number;
  heartbeatMs = 15_000;
  /** Commands that get no answer by themselves. */
  manual = new Set<ClientFrame['type']>();
  /** Result bodies of extension requests. */
  onExtension: (body: Record<string, unknown>) => unknown = () => ({});
  head = 0;
  /** Of any topic. */
  members: { connection: string; since: number }[] = [];

  constructor(expiresAt = 4_000_000_000_000) {
    this.expiresAt = expiresAt;
  }

  get transport(): Transport {
    return (url, handlers) => {
      const link = new FakeLink(url, handlers);
      this.links.push(link);
      return {
        send: (text) => {
          const frame = clientFrameSchema.parse(JSON.parse(text));
          link.sent.push(frame);
          queueMicrotask(() => {
            this.#answer(link, frame);
          });
        },
        close: (code, reason) => {
          link.closedWith = { code, reason };
        },
      };
    };
  }

  get last(): FakeLink {
    const link = this.links.at(-1);
    if (link === undefined) throw new Error('nothing has connected');
    return link;
  }

  /** Lets the newest connection open and authenticate. */
  async accept(): Promise<FakeLink> {
    await settle();
    this.last.open();
    await settle();
    return this.last;
  }

  event(topic: string, seq: number, more: Partial<HookswitchEvent> & { epoch?: string } = {}): void {
    const { epoch = 'e1', ...envelope } = more;
    this.last.send({
      type: 'event',
      topic,
      position: { epoch, seq },
      event: {
        specversion: '1.0',
        id: `id-${seq}`,
        source: 'n1',
        type: 'app.message',
        time: '2026-01-01T00:00:00Z',
        datacontenttype: 'application/json',
        accountsid: 'AC',
        data: { seq },
        ...envelope,
      },
    });
  }

  push(body: unknown): void {
    this.last.send({ type: 'extension', extension: 'softphone', body });
  }

  #answer(link: FakeLink, frame: ClientFrame): void {
    if (this.manual.has(frame.type) || link.closedWith !== undefined) return;
    const position = { epoch: 'e1', seq: this.head };
    switch (frame.type) {
      case 'connect':
        link.send({
          type: 'connected',
          id: frame.id,
          connection: `c${this.links.length}`,
          node: 'n1',
          accountSid: 'AC',
          identity: 'alice',
          heartbeatMs: this.heartbeatMs,
          expiresAt: this.expiresAt,
        });
        return;
      case 'refresh':
        link.send({ type: 'refreshed', id: frame.id, expiresAt: this.expiresAt });
        return;
      case 'subscribe':
        link.send({ type: 'subscribed', id: frame.id, topic: frame.topic, position, recovered: true });
        return;
      case 'unsubscribe':
        link.send({ type: 'unsubscribed', id: frame.id, topic: frame.topic });
        return;
      case 'publish':
        link.send({ type: 'published', id: frame.id, eventId: frame.eventId ?? 'made', position });
        return;
      case 'ping':
        link.send({ type: 'pong', id: frame.id });
        return;
      case 'presence':
        link.send({
          type: 'presence',
          id: frame.id,
          topic: frame.topic,
          members: this.members,
          occupancy: 7,
          next: 'n',
        });
        return;
      case 'extension':
        this.#extension(link, frame);
        return;
      case 'pong':
    }
  }

  #extension(link: FakeLink, frame: Extract<ClientFrame, { type: 'extension' }>): void {
    const answer = this.onExtension(frame.body as Record<string, unknown>);
    if (answer === undefined) return;
    if (typeof answer === 'object' && answer !== null && 'code' in answer) {
      link.send({
        type: 'error',
        id: frame.id,
        name: 'x',
        message: 'refused',
        temporary: false,
        ...answer,
      } as ServerFrame);
    } else link.send({ type: 'result', id: frame.id, extension: frame.extension, body: answer });
  }
}
