import { once } from 'node:events';
import { chmod, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { eventually } from '../../bus/testing/eventually.ts';
import { silentLog, systemClock } from '../../kernel/index.ts';
import { CommandProvisioner } from './command.child.ts';
import { KubernetesProvisioner } from './kubernetes.undici.ts';
import { LocalProcesses } from './local-processes.child.ts';
import { WebhookProvisioner } from './webhook.undici.ts';

const NODE = { node: 'n1', roles: ['call'], addresses: { pod: 'call-7f', sip: '10.0.0.1:5060' } };

let dir: string;
let close: (() => Promise<unknown>)[];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'hs-provision-'));
  close = [];
});
afterEach(async () => {
  for (const end of close.reverse()) await end();
  await rm(dir, { recursive: true, force: true });
});

interface Seen {
  readonly line: string;
  readonly type: string | undefined;
  readonly authorization: string | undefined;
  readonly body: unknown;
}

/** An HTTP server that answers as it is told, and remembers what it was asked. */
async function serve(
  answer: (seen: Seen) => { status: number; body?: object },
): Promise<{ url: string; seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      const { authorization, 'content-type': type } = request.headers;
      const line = `${request.method ?? ''} ${request.url ?? ''}`;
      const one: Seen = { line, type, authorization, body: text === '' ? undefined : (JSON.parse(text) as unknown) };
      seen.push(one);
      const { status, body = {} } = answer(one);
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  close.push(() => new Promise((resolve) => server.close(resolve)));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

it('MT-3 local: a node is started, told to drain, and ends with its owner; one that does not start is said to', async () => {
  const program = join(dir, 'node.mjs');
  await writeFile(
    program,
    `import { mkdirSync } from 'node:fs';
     const dir = process.argv[process.argv.indexOf('--data-dir') + 1];
     mkdirSync(dir, { recursive: true });
     if (process.argv.includes('--broken')) { console.error('no port is free'); process.exit(3); }
     console.log('Hookswitch is ready.', process.env.HOOKSWITCH_PROVISIONER, process.env.SECRET);
     process.on('SIGINT', () => process.exit(0));
     process.stdin.resume().on('end', () => process.exit(0));`,
  );
  const drained: string[] = [];
  const options = {
    ...{ env: { ...process.env, SECRET: 'x' }, directory: join(dir, 'nodes'), clock: systemClock, log: silentLog },
    drain: (node: string) => {
      drained.push(node);
      return Promise.resolve();
    },
    nodeOf: () => undefined,
    ready: /is ready\. local x/,
  };
  const local = new LocalProcesses({ ...options, command: [process.execPath, program] });
  await Promise.all([local.start(), local.start()]);
  expect(local.size).toBe(2);
  await local.stop(NODE);
  expect(drained).toEqual(['n1']);
  await local.close();
  expect(local.size).toBe(0);
  await expect(local.start()).rejects.toMatchObject({ reason: 'closed' });
  await eventually(async () => {
    expect(await readdir(join(dir, 'nodes'))).toEqual([]);
  });
  const broken = new LocalProcesses({ ...options, command: [process.execPath, program, '--broken'] });
  await expect(broken.start()).rejects.toThrow(/ended with 3\s+no port is free/);
  const missing = new LocalProcesses({ ...options, command: [join(dir, 'nothing')] });
  await expect(missing.start()).rejects.toMatchObject({ reason: 'failed' });
  expect([broken.size, missing.size]).toEqual([0, 0]);
});

it('MT-4 local: when their owner finishes its calls, so do its nodes; none is started any more', async () => {
  const program = join(dir, 'node.mjs');
  await writeFile(
    program,
    `console.log('Hookswitch is ready.');
     process.on('SIGTERM', () => process.argv.includes('--stays') || process.exit(0));
     process.stdin.resume().on('end', () => process.exit(0));`,
  );
  const asked: unknown[] = [];
  const options = {
    ...{
      env: { ...process.env },
      directory: join(dir, 'nodes'),
      clock: systemClock,
      log: silentLog,
      ready: /is ready/,
    },
    drain: (node: string, deadlineMs: number) => {
      asked.push([node, deadlineMs]);
      return node === 'n1' ? Promise.resolve() : Promise.reject(new Error('not reached'));
    },
    nodeOf: () => undefined,
  };
  const command = [process.execPath, program] as const;
  const starting = new LocalProcesses({ ...options, command, ready: /never/ });
  const start = starting.start();
  await Promise.all([starting.finish(60_000), expect(start).rejects.toMatchObject({ reason: 'closed' })]);
  const silent = new LocalProcesses({ ...options, command, nodeOf: () => 'n2' });
  await Promise.all([silent.start(), silent.start()]);
  await silent.finish(60_000);
  expect(silent.size).toBe(0);
  await expect(silent.start()).rejects.toMatchObject({ reason: 'closed' });
  const busy = new LocalProcesses({ ...options, command: [...command, '--stays'], nodeOf: () => 'n1' });
  await busy.start();
  await busy.finish(20);
  expect(busy.size).toBe(1);
  await busy.close();
  expect(busy.size).toBe(0);
  expect(asked).toEqual([
    ['n2', 60_000],
    ['n2', 60_000],
    ['n1', 20],
  ]);
});

it('MT-3 command: told to start and stop, with what is known of the node; what it says when it fails is passed on', async () => {
  const command = join(dir, 'provision');
  const log = join(dir, 'log');
  await writeFile(
    command,
    `#!/bin/sh\necho "$* $HOOKSWITCH_NODE" >> ${log}\n[ "$2" = call ] || { echo "no $2" >&2; exit 1; }\n`,
  );
  await chmod(command, 0o755);
  const provisioner = new CommandProvisioner({ command, role: 'call' });
  await provisioner.start();
  await provisioner.stop(NODE);
  expect(await readFile(log, 'utf8')).toBe(`start call \nstop call n1 ${JSON.stringify(NODE)}\n`);
  await expect(new CommandProvisioner({ command, role: 'media' }).start()).rejects.toThrow(/start media: no media/);
  await provisioner.close();
});

it('MT-3 webhook: told to start and stop; a refusal and silence are told apart', async () => {
  const { url, seen } = await serve(({ body }) => ({
    status: (body as { action: string }).action === 'start' ? 202 : 409,
  }));
  const provisioner = new WebhookProvisioner({ url: `${url}/nodes`, role: 'call', token: 'secret' });
  await provisioner.start();
  await expect(provisioner.stop(NODE)).rejects.toMatchObject({ reason: 'refused' });
  expect(seen.map(({ line, authorization, body }) => ({ line, authorization, body }))).toEqual([
    { line: 'POST /nodes', authorization: 'Bearer secret', body: { action: 'start', role: 'call' } },
    { line: 'POST /nodes', authorization: 'Bearer secret', body: { action: 'stop', role: 'call', node: NODE } },
  ]);
  await provisioner.close();
  const nobody = new WebhookProvisioner({ url: 'http://127.0.0.1:1/', role: 'call' });
  await expect(nobody.start()).rejects.toMatchObject({ reason: 'unreachable' });
  await nobody.close();
});

it('MT-3 Kubernetes: replicas of a Deployment, changed one at a time; the pod that goes is named first', async () => {
  let replicas = 2;
  const { url, seen } = await serve(({ line, body }) => {
    if (line.endsWith('/scale')) {
      const wanted = (body as { spec: { replicas: number } } | undefined)?.spec.replicas;
      replicas = wanted ?? replicas;
      return { status: 200, body: { kind: 'Scale', spec: { replicas } } };
    }
    if (line.endsWith('/pods/call-7f')) return { status: 200, body: { kind: 'Pod' } };
    return { status: 404, body: { kind: 'Status', message: 'pods "other" not found' } };
  });
  let token = 'first';
  const provisioner = new KubernetesProvisioner({
    url,
    token: () => token,
    namespace: 'phone',
    deployment: 'call',
    most: 4,
  });
  await Promise.all([provisioner.start(), provisioner.start()]);
  expect(replicas).toBe(4);
  await expect(provisioner.start(), 'pods that wait for a machine are replicas too').rejects.toThrow(/4 at most/);
  expect(replicas).toBe(4);
  token = 'second';
  await provisioner.stop(NODE);
  expect(replicas).toBe(3);
  const [pod, get, patch] = seen.slice(-3);
  expect(pod).toEqual({
    line: 'PATCH /api/v1/namespaces/phone/pods/call-7f',
    type: 'application/merge-patch+json',
    authorization: 'Bearer second',
    body: { metadata: { annotations: { 'controller.kubernetes.io/pod-deletion-cost': '-1000' } } },
  });
  const scale = '/apis/apps/v1/namespaces/phone/deployments/call/scale';
  expect([get?.line, patch?.line]).toEqual([`GET ${scale}`, `PATCH ${scale}`]);
  await expect(provisioner.stop({ ...NODE, addresses: { pod: 'other' } })).rejects.toThrow(
    /404 pods "other" not found/,
  );
  await expect(provisioner.stop({ ...NODE, addresses: {} })).rejects.toThrow(/HOOKSWITCH_POD/);
  expect(replicas).toBe(3);
  await provisioner.close();
  await expect(provisioner.start()).rejects.toMatchObject({ reason: 'unreachable' });
});
