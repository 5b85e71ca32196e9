import { createSocket } from 'node:dgram';
import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { delay, systemClock, systemRandom } from '../../kernel/index.ts';
import { createSdpSession } from '../sdp/index.ts';
import { recordingLog } from '../testing/log.ts';
import { runSipp } from '../testing/sipp.ts';
import type { SippResult } from '../testing/sipp.ts';
import { openUdpTransport } from '../transport/index.ts';
import type { SingleTransport } from '../transport/index.ts';
import type { CallEnd, IncomingCall, UserAgent } from './api.ts';
import { createUserAgent } from './user-agent.ts';

async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) =>
    socket.close(() => {
      resolve();
    }),
  );
  return port;
}

function expectClean(result: SippResult): void {
  expect({ code: result.code, errors: result.errors }, result.output).toEqual({ code: 0, errors: '' });
}

/** Many calls at once by scenarios that sipp brings along; every other way a call can go: `../testing/peers/`. */
describe('interoperability with sipp', () => {
  let transport: SingleTransport;
  let agent: UserAgent;
  let incoming: (call: IncomingCall) => void;

  let errors: unknown[];

  beforeEach(async () => {
    const recording = recordingLog();
    errors = recording.errors;
    transport = await openUdpTransport({ log: recording.log });
    agent = createUserAgent({
      transport,
      clock: systemClock,
      random: systemRandom,
      log: recording.log,
      timers: { t1: 200, t4: 100, d: 200 },
      handlers: {
        authorize: () => ({ allow: true, context: undefined }),
        onInvite: (call) => {
          incoming(call);
        },
      },
    });
  });
  afterEach(async () => {
    agent.close();
    await transport.close();
    expect(errors).toEqual([]);
  });

  const us = (): string => `127.0.0.1:${transport.local.port}`;
  const local = { address: '127.0.0.1', port: 40_002, codecs: ['PCMU', 'PCMA'] } as const;

  it('RFC 3261 section 13: answers 50 calls of `sipp -sn uac`', async () => {
    const ends: CallEnd[] = [];
    incoming = (call) => {
      call.listen({ onEnded: (end) => ends.push(end) });
      call.ring();
      call.answer(createSdpSession(local, systemRandom).answerOffer(call.remoteOffer ?? '').sdp);
    };
    const { result } = runSipp([
      '-sn',
      'uac',
      us(),
      '-i',
      '127.0.0.1',
      '-p',
      String(await freePort()),
      '-m',
      '50',
      '-r',
      '50',
      '-d',
      '100',
    ]);
    expectClean(await result);
    expect(ends).toHaveLength(50);
    expect(new Set(ends.map((end) => `${end.by} ${end.cause}`))).toEqual(new Set(['remote bye']));
    expect(agent.stats).toMatchObject({ calls: 0, dialogs: 0 });
  });

  it('RFC 3261 section 13: places 20 calls to `sipp -sn uas`', async () => {
    const port = await freePort();
    const run = runSipp(['-sn', 'uas', '-i', '127.0.0.1', '-p', String(port), '-m', '20']);
    await bound(port);
    const calls = Array.from({ length: 20 }, () => {
      const sdp = createSdpSession(local, systemRandom);
      return new Promise<string>((resolve, reject) => {
        const call = agent.invite(
          { target: `sip:service@127.0.0.1:${port}`, from: { uri: 'sip:+15550100@127.0.0.1' }, sdp: sdp.createOffer() },
          {
            onAnswered: (event) => {
              expect(sdp.acceptAnswer(event.sdp ?? '').codec).toBe('PCMU');
              call.bye({ protocol: 'Q.850', cause: 16 });
            },
            onFailed: (failure) => {
              reject(new Error(JSON.stringify(failure)));
            },
            onEnded: (end) => {
              resolve(end.cause);
            },
          },
        );
      });
    });
    expect(new Set(await Promise.all(calls))).toEqual(new Set(['bye']));
    expectClean(await run.result);
  });
});

/** Waits until somebody is bound to the port, by the kernel's table: probing it would take it away from sipp. */
async function bound(port: number): Promise<void> {
  const entry = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  for (let tries = 0; tries < 400; tries++) {
    if ((await readFile('/proc/net/udp', 'utf8')).includes(entry)) return;
    await delay(systemClock, 10);
  }
  throw new Error(`sipp did not bind port ${port}`);
}
