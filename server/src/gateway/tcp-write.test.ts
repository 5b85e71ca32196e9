import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { writeTcp } from './tcp-write.ts';

/** Both ends of a TCP connection. */
async function pair(): Promise<{ near: Socket; far: Socket; [Symbol.asyncDispose](): Promise<void> }> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [far] = (await once(server, 'connection')) as [Socket];
  await once(near, 'connect');
  near.on('error', () => undefined);
  return {
    near,
    far,
    async [Symbol.asyncDispose]() {
      near.destroy();
      far.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

const block = (n: number): Buffer => Buffer.alloc(50_000 + n, n % 251);

describe('writing past the stream', () => {
  it('keeps every byte and their order, whatever the system takes at once and whoever else writes', async () => {
    await using ends = await pair();
    const { near, far } = ends;
    far.pause();
    const sent: Buffer[] = [];
    let waited = 0;
    // Much more than the system takes for a reader that stands still.
    for (let n = 0; n < 300; n++) {
      sent.push(block(n));
      if (n % 7 === 3) near.write(block(n));
      else writeTcp(near, block(n));
      if (near.writableLength > 0) waited += 1;
    }
    expect(waited).toBeGreaterThan(10);
    const got: Buffer[] = [];
    far.on('data', (chunk) => got.push(chunk));
    far.resume();
    await once(near, 'drain');
    writeTcp(near, Buffer.from('the end'));
    near.end();
    await once(far, 'end');
    expect(Buffer.concat(got).equals(Buffer.concat([...sent, Buffer.from('the end')]))).toBe(true);
  });

  it('leaves an error to the stream, and never writes to the descriptor of a connection that is gone', async () => {
    await using ends = await pair();
    const { near, far } = ends;
    const closed = new Promise((resolve) => near.on('close', resolve));
    far.resetAndDestroy();
    await closed;
    expect(() => {
      writeTcp(near, Buffer.from('x'));
    }).not.toThrow();
  });

  it('is not for TLS: what is written there is not what the descriptor gets', () => {
    const written: Buffer[] = [];
    const tls = { encrypted: true, _handle: { fd: 1 }, writable: true, writableLength: 0 };
    writeTcp(
      Object.assign(tls, { write: (bytes: Buffer) => written.push(bytes) }) as unknown as Socket,
      Buffer.from('x'),
    );
    expect(written).toHaveLength(1);
  });
});
