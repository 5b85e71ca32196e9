import type { Endpoint, PacketHandler, Transport, TransportProtocol } from '../transport/api.ts';

/** A transport without a network: keeps what is sent, and delivers what a test says. */
export class FakeTransport implements Transport {
  readonly protocol: TransportProtocol = 'udp';
  readonly reliable: boolean;
  readonly local: Endpoint = { protocol: 'udp', address: '127.0.0.1', port: 5060 };
  readonly advertised = this.local;
  readonly stats = { received: 0, sent: 0, keepAlives: 0, garbage: 0, oversized: 0, sendErrors: 0 };
  /** Everything sent and not yet taken. */
  readonly sent: { readonly text: string; readonly destination: Endpoint }[] = [];
  /** What the next sends fail with. */
  failure: Error | undefined;
  #handler: PacketHandler | undefined;

  constructor(options: { reliable?: boolean } = {}) {
    this.reliable = options.reliable ?? false;
  }

  onPacket(handler: PacketHandler): void {
    this.#handler = handler;
  }

  send(bytes: Buffer, destination: Endpoint, failed?: (error: Error) => void): void {
    const { failure } = this;
    if (failure !== undefined) queueMicrotask(() => failed?.(failure));
    else this.sent.push({ text: bytes.toString(), destination });
  }

  deliver(text: string, source: Partial<Endpoint> = {}): void {
    this.#handler?.(Buffer.from(text), { protocol: 'udp', address: '127.0.0.1', port: 5070, ...source });
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
