import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Clock } from '../../kernel/index.ts';
import type { Endpoint } from './api.ts';
import { TransportError } from './errors.ts';

const WAIT_MS = 1_000;
const MAX_PROBES = 64;
const HARMLESS = Buffer.from('\r\n\r\n');

/**
 * Finds out whether a UDP port is closed. The socket that SIP uses is not connected, and Node does not tell such sockets
 * of ICMP errors; a connected one per peer on the same port would need SO_REUSEADDR, and with it any process could take
 * our packets. So a connected socket on a port of its own sends a keep-alive, which SIP servers ignore, and is closed
 * again; the system reports the ICMP error to it. One probe per destination at a time, 64 altogether: more are not made.
 */
export class UdpProbes {
  readonly #clock: Clock;
  readonly #running = new Map<string, { readonly refused: ((error: Error) => void)[]; readonly stop: () => void }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  probe(destination: Endpoint, refused: (error: Error) => void): void {
    const key = `${destination.address}|${destination.port}`;
    const running = this.#running.get(key);
    if (running !== undefined) running.refused.push(refused);
    else if (this.#running.size < MAX_PROBES) this.#start(key, destination, refused);
  }

  close(): void {
    for (const { stop } of [...this.#running.values()]) stop();
  }

  #start(key: string, { address, port }: Endpoint, first: (error: Error) => void): void {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    const refused = [first];
    const stop = (): void => {
      timer.cancel();
      if (this.#running.delete(key)) socket.close();
    };
    const timer = this.#clock.setTimer(WAIT_MS, stop);
    this.#running.set(key, { refused, stop });
    const fail = (error: Error): void => {
      if (!this.#running.has(key)) return;
      stop();
      const closed = new TransportError('unreachable', `nobody listens on UDP port ${port} of ${address}`, {
        cause: error,
      });
      for (const tell of refused) tell(closed);
    };
    socket.on('error', fail);
    try {
      socket.connect(port, address, () => {
        if (!this.#running.has(key)) return;
        socket.send(HARMLESS, () => undefined);
        socket.on('message', stop);
      });
    } catch {
      // A bad port number: sending says so too.
      stop();
    }
  }
}
