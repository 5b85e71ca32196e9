import { WebSocket } from 'ws';
import { once } from 'node:events';

/** Looks into a running Node process through its inspector: nothing in the program has to be prepared for it. */
export class Inspector {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (result: unknown) => void>();
  #id = 1;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (text: Buffer) => {
      const { id, result } = JSON.parse(text.toString('utf8')) as { id?: number; result?: unknown };
      if (id === undefined) return;
      this.#waiting.get(id)?.(result);
      this.#waiting.delete(id);
    });
  }

  /** @param url `ws://...` as Node prints it when started with --inspect */
  static async open(url: string): Promise<Inspector> {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    await once(socket, 'open');
    return new Inspector(socket);
  }

  /** After two full collections: bytes of the heap, and what keeps the event loop busy, counted by kind. */
  async facts(): Promise<{ readonly heapBytes: number; readonly resources: Readonly<Record<string, number>> }> {
    await this.#call('HeapProfiler.collectGarbage');
    await this.#call('HeapProfiler.collectGarbage');
    const expression =
      'JSON.stringify({heapBytes: process.memoryUsage().heapUsed, list: process.getActiveResourcesInfo()})';
    const answer = (await this.#call('Runtime.evaluate', { expression })) as { result: { value: string } };
    const { heapBytes, list } = JSON.parse(answer.result.value) as { heapBytes: number; list: string[] };
    const resources: Record<string, number> = {};
    for (const kind of list) resources[kind] = (resources[kind] ?? 0) + 1;
    return { heapBytes, resources };
  }

  /** The process writes a snapshot of its heap: Chromium's developer tools open and compare them. */
  async snapshot(file: string): Promise<void> {
    const expression = `process.getBuiltinModule('node:v8').writeHeapSnapshot(${JSON.stringify(file)})`;
    await this.#call('Runtime.evaluate', { expression });
  }

  close(): void {
    this.#socket.close();
  }

  #call(method: string, params: object = {}): Promise<unknown> {
    const id = this.#id++;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }
}
