import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fastify } from 'fastify';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../kernel/index.ts';
import { TraceRecorder } from '../../trace/index.ts';
import { traceRoutes } from '../../trace/http.fastify.ts';
import { selfSignedCertificate } from '../tls.ts';
import { runCli } from './index.ts';

const CALL = 'CA00000000000000000000000000000001';
const KEY = 'operator-key';

describe('hookswitch trace', () => {
  let dataDir: string;
  let app: FastifyInstance;
  let recorder: TraceRecorder;

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'hs-trace-'));
    recorder = new TraceRecorder({ clock: systemClock });
    const data = { callSid: CALL, direction: 'inbound', from: '+15550199', to: '+15550100' };
    recorder.event({ accountSid: 'AC1', type: 'call.initiated', data });
    recorder.link({ callSid: CALL, accountSid: 'AC1', sipCallId: 'x@y' });
    const address = { address: '127.0.0.1', port: 5060 };
    const bytes = Buffer.from('INVITE sip:a@b SIP/2.0\r\nCall-ID: x@y\r\nCSeq: 1 INVITE\r\n\r\n');
    recorder.sip({ direction: 'in', protocol: 'udp', local: address, remote: address, bytes, callId: 'x@y' });
    const tls = await selfSignedCertificate(dataDir, '127.0.0.1', systemClock);
    app = fastify({ https: tls });
    const scopeOf = (header?: string): Promise<'operator' | undefined> =>
      Promise.resolve(header === `Bearer ${KEY}` ? 'operator' : undefined);
    await app.register(traceRoutes({ traces: recorder, access: { scopeOf } }));
    const pageUrl = `${await app.listen({ host: '127.0.0.1', port: 0 })}/`;
    const state = {
      pid: process.pid,
      startedAt: '2030-01-01T00:00:00Z',
      node: 'n',
      dataDir,
      pageUrl,
      certificate: tls.cert,
      health: pageUrl,
      gateway: { ws: 'ws://127.0.0.1:1/', socketio: 'http://127.0.0.1:1/' },
      sip: { host: '127.0.0.1', port: 5060 },
      nats: { url: 'x', subscriberUrl: 'x' },
      database: { url: 'x' },
      operatorKey: KEY,
      account: 'AC1',
      numbers: [],
      children: { mediaWorkers: [] },
    };
    await writeFile(join(dataDir, 'run.json'), JSON.stringify(state));
  });
  afterAll(async () => {
    recorder.close();
    await app.close();
    await rm(dataDir, { recursive: true });
  });

  async function run(command: string, dir = dataDir): Promise<{ code: number; out: string; error: string }> {
    const out: string[] = [];
    const error: string[] = [];
    const code = await runCli(command.split(' '), {
      out: (line) => out.push(line),
      error: (line) => error.push(line),
      columns: 100,
      signal: new AbortController().signal,
      defaultDataDir: dir,
      env: {},
    });
    return { code, out: out.join('\n'), error: error.join('\n') };
  }

  it('lists calls, draws one, and writes a capture', async () => {
    const listed = await run('trace');
    expect(listed.error).toBe('');
    expect(listed.out).toMatch(/^STARTED +ID +WHAT +FROM +TO +LEGS +SECONDS +STATUS\n.*CA0+1 .*in-progress$/);
    for (const command of [`trace ${CALL}`, 'trace x@y', 'trace --last', 'trace --last 3', 'trace --last=1']) {
      const shown = await run(command);
      expect(shown.code, shown.error).toBe(0);
      expect(shown.out).toMatch(/\|-+ INVITE -+>\|/);
    }
    expect((await run(`trace ${CALL} --full`)).out).toContain('CSeq: 1 INVITE');
    expect(JSON.parse((await run(`trace ${CALL} --json`)).out)).toMatchObject({ id: CALL });
    const file = join(dataDir, 'call.pcap');
    expect((await run(`trace ${CALL} --pcap ${file}`)).code).toBe(0);
    expect((await readFile(file)).readUInt32LE(0)).toBe(0xa1b2c3d4);
    expect((await run('help')).out).toMatch(/^ {2}trace +shows/m);
  });

  it.each([
    ['trace CA1', 1, /No trace of this call/],
    ['trace --last 0', 2, /--last 0: expected a whole number[^]*usage: hookswitch trace/],
    ['trace --pcap x.pcap', 2, /--pcap needs a call/],
    ['trace CA1 --last', 2, /not both/],
    ['trace CA1 CA2', 2, /'CA2' is too much/],
    ['trace --nope', 2, /Unknown option '--nope'/],
    ['trace CA1 --width wide', 2, /--width wide/],
  ])('%s explains what is wrong', async (command, code, message) => {
    const { code: got, error, out } = await run(command);
    expect(error).toMatch(message);
    expect([got, out]).toEqual([code, '']);
  });

  it('says when no server runs', async () => {
    expect(await run('trace', '/nonexistent')).toMatchObject({
      code: 1,
      error: expect.stringContaining('no server runs') as string,
    });
  });
});
