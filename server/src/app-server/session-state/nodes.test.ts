import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestNats } from '../../bus/testing/test-nats.ts';
import type { TestNats } from '../../bus/testing/test-nats.ts';

const SCRIPT = fileURLToPath(new URL('testing/session-node.ts', import.meta.url));

/** A process that holds calls, as far as their session state goes. */
class Node {
  readonly #child: ChildProcess & { stdin: Writable; stdout: Readable };
  readonly #lines: AsyncIterator<string>;

  constructor(natsUrl: string) {
    this.#child = spawn(process.execPath, [SCRIPT, natsUrl], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async line(): Promise<string> {
    const { value } = (await this.#lines.next()) as { value: string };
    return value;
  }

  ask(what: string): Promise<string> {
    this.#child.stdin.write(`${what}\n`);
    return this.line();
  }

  kill(): Promise<void> {
    return new Promise((resolve) => {
      this.#child.once('exit', () => {
        resolve();
      });
      this.#child.kill('SIGKILL');
    });
  }
}

let nats: TestNats;
beforeAll(async () => {
  nats = await startTestNats();
}, 30_000);
afterAll(async () => {
  await nats.close();
});

it('SS-2 call 1 on one node, kill -9, call 2 on another: the cookies are there', async () => {
  const [one, two] = [new Node(nats.nats.url), new Node(nats.nats.url)];
  expect(await Promise.all([one.line(), two.line()])).toEqual(['ready', 'ready']);
  expect(await two.ask('get')).toBe('none');
  expect(await one.ask('set sid=from-one; Path=/; HttpOnly')).toBe('kept');
  await one.kill();
  expect(await two.ask('get')).toBe('sid=from-one');
  expect(await two.ask('set cart=3; Path=/')).toBe('kept');
  await two.kill();
  const three = new Node(nats.nats.url);
  expect(await three.line()).toBe('ready');
  expect(new Set((await three.ask('get')).split('; '))).toEqual(new Set(['sid=from-one', 'cart=3']));
  await three.kill();
}, 60_000);
