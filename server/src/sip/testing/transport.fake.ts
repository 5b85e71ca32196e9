import { FlowClosedError } from '../transport/index.ts';
import type { Endpoint, PacketHandler, SingleTransport, TransportProtocol } from '../transport/api.ts';

/** A transport without a network: keeps what is sent, and delivers what a test says. */
export class FakeTransport implements SingleTransport {
  readonly protocol: TransportProtocol = 'udp';
  readonly protocols: readonly TransportProtocol[];
  readonly local: Endpoint = { protocol: 'udp', address: '127.0.0.1', port: 5060 };
  readonly advertised = this.local;
  readonly stats = {
    received: 0,
    sent: 0,
    keepAlives: 0,
    garbage: 0,
    oversized: 0,
    sendErrors: 0,
    refused: 0,
    connections: 0,
  };
  /** Everything sent and not yet taken. */
  readonly sent: { readonly text: string; readonly destination: Endpoint }[] = [];
  /** What the next sends fail with. */
  failure: Error | undefined;
  /** What sends to a destination fail with. */
  failFor: ((destination: Endpoint) => Error | undefined) | undefined;
  readonly #reliable: boolean;
  #handler: PacketHandler | undefined;
  #flowClosed: ((flow: string, error: Error) => void) | undefined;

  /** @param options.reliable every protocol counts as reliable; default: tcp and tls do */
  constructor(options: { reliable?: boolean | undefined; protocols?: readonly TransportProtocol[] | undefined } = {}) {
    this.#reliable = options.reliable ?? false;
    this.protocols = options.protocols ?? ['udp'];
  }

  isReliable(protocol: TransportProtocol): boolean {
    return this.#reliable || protocol !== 'udp';
  }

  advertisedFor(protocol: TransportProtocol): Endpoint {
    return { ...this.advertised, protocol };
  }

  localFor(remote: Endpoint): Endpoint {
    return { ...this.local, protocol: remote.protocol };
  }

  /** Flows that are open: a test adds them, and `closeFlow` ends them. */
  readonly flows = new Map<string, Endpoint>();

  flow(flow: string): Endpoint | undefined {
    return this.flows.get(flow);
  }

  onPacket(handler: PacketHandler): void {
    this.#handler = handler;
  }

  onFlowClosed(handler: (flow: string, error: Error) => void): void {
    this.#flowClosed = handler;
  }

  closeFlow(flow: string): void {
    this.flows.delete(flow);
    this.#flowClosed?.(flow, new FlowClosedError('closed-by-peer', 'a test closed it'));
  }

  /** Ports that `probe` reports as closed. */
  readonly closedPorts = new Set<number>();

  probe(destination: Endpoint, refused: (error: Error) => void): void {
    if (this.closedPorts.has(destination.port))
      queueMicrotask(() => {
        refused(new Error('closed port'));
      });
  }

  /** Whose way is kept open now, as `address:port`. */
  readonly keptAlive = new Set<string>();

  keepAlive({ address, port }: Endpoint): () => void {
    const peer = `${address}:${port}`;
    this.keptAlive.add(peer);
    return () => this.keptAlive.delete(peer);
  }

  send(bytes: Buffer, destination: Endpoint, failed?: (error: Error) => void): string | undefined {
    const failure = this.failure ?? this.failFor?.(destination);
    if (failure !== undefined) queueMicrotask(() => failed?.(failure));
    else this.sent.push({ text: bytes.toString(), destination });
    return destination.flow;
  }

  deliver(message: string | Buffer, source: Partial<Endpoint> = {}): void {
    const bytes = typeof message === 'string' ? Buffer.from(message) : message;
    this.#handler?.(bytes, { protocol: 'udp', address: '127.0.0.1', port: 5070, ...source });
  }

  /** Takes everything sent so far. */
  take(): string[] {
    return this.sent.splice(0).map(({ text }) => text);
  }

  /** Takes everything sent so far, first lines with CSeq: `SIP/2.0 200 OK | 1 INVITE`. */
  takeLines(): string[] {
    return this.take().map(
      (text) => `${text.split('\r\n', 1)[0] ?? ''} | ${/^CSeq: (.*)$/m.exec(text)?.[1]?.trim() ?? ''}`,
    );
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** One header of a message as text; empty when it is missing. */
export function headerOf(text: string, name: string): string {
  return new RegExp(`^${name}: (.*)$`, 'mi').exec(text)?.[1]?.trim() ?? '';
}
