import { createSocket } from 'node:dgram';
import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { delay, systemClock, systemRandom } from '../../kernel/index.ts';
import { createSdpSession } from '../sdp/index.ts';
import { recordingLog } from '../testing/log.ts';
import { sampleSdp } from '../testing/sdp.ts';
import { runSipp, scenario } from '../testing/sipp.ts';
import type { SippResult } from '../testing/sipp.ts';
import { openUdpTransport } from '../transport/index.ts';
import type { Transport } from '../transport/index.ts';
import type { CallEnd, CallFailure, IncomingCall, UserAgent } from './api.ts';
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

describe('interoperability with sipp', () => {
  let transport: Transport;
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

  it('RFC 3261 section 9: a CANCEL of sipp is answered and the call is told', async () => {
    const reasons: unknown[] = [];
    incoming = (call) => {
      call.listen({ onCancelled: (reason) => reasons.push(reason) });
      call.ring();
    };
    const { result } = runSipp([
      '-sf',
      scenario('uac-cancel'),
      us(),
      '-i',
      '127.0.0.1',
      '-p',
      String(await freePort()),
      '-m',
      '5',
    ]);
    expectClean(await result);
    expect(reasons).toEqual(Array.from({ length: 5 }, () => ({ protocol: 'SIP', cause: 487, text: 'caller gave up' })));
    expect(agent.stats).toMatchObject({ calls: 0, dialogs: 0 });
  });

  it('RFC 3261 section 14: a re-INVITE of sipp puts the call on hold and takes it back', async () => {
    const directions: string[] = [];
    const acks: boolean[] = [];
    incoming = (call) => {
      const sdp = createSdpSession(local, systemRandom);
      call.listen({
        onAcked: ({ initial }) => acks.push(initial),
        onReinvite: (offer) => {
          const answered = sdp.answerOffer(offer ?? '');
          directions.push(`${answered.audio.direction} ${answered.audio.heldByPeer}`);
          return { sdp: answered.sdp };
        },
      });
      call.answer(sdp.answerOffer(call.remoteOffer ?? '').sdp);
    };
    const { result } = runSipp([
      '-sf',
      scenario('uac-reinvite'),
      us(),
      '-i',
      '127.0.0.1',
      '-p',
      String(await freePort()),
      '-m',
      '3',
    ]);
    expectClean(await result);
    expect(directions.sort()).toEqual([
      ...Array<string>(3).fill('recvonly true'),
      ...Array<string>(3).fill('sendrecv false'),
    ]);
    expect(acks.filter((initial) => initial)).toHaveLength(3);
    expect(acks.filter((initial) => !initial)).toHaveLength(6);
  });

  it('RFC 3261 sections 14 and 22: our digest is verified by sipp and our re-INVITE is taken', async () => {
    const port = await freePort();
    const run = runSipp([
      '-sf',
      scenario('uas-reinvite'),
      '-i',
      '127.0.0.1',
      '-p',
      String(port),
      '-m',
      '1',
      '-au',
      'alice',
      '-ap',
      'secret',
    ]);
    await bound(port);
    const sdp = createSdpSession(local, systemRandom);
    const held = await new Promise<string>((resolve, reject) => {
      const call = agent.invite(
        {
          target: `sip:service@127.0.0.1:${port}`,
          from: { uri: 'sip:alice@127.0.0.1' },
          sdp: sdp.createOffer(),
          credentials: { username: 'alice', password: 'secret' },
        },
        {
          onAnswered: (event) => {
            sdp.acceptAnswer(event.sdp ?? '');
            void call.reinvite(sdp.createOffer({ direction: 'sendonly' })).then((result) => {
              resolve(result.ok ? sdp.acceptAnswer(result.sdp ?? '').direction : `failed ${result.status}`);
              call.bye();
            });
          },
          onFailed: (failure) => {
            reject(new Error(JSON.stringify(failure)));
          },
        },
      );
    });
    expectClean(await run.result);
    expect(held).toBe('sendonly');
  });

  it('RFC 3261 section 9: our CANCEL ends a ringing call at sipp', async () => {
    const cancelPort = await freePort();
    const cancelRun = runSipp([
      '-sf',
      scenario('uas-cancelled'),
      '-i',
      '127.0.0.1',
      '-p',
      String(cancelPort),
      '-m',
      '1',
    ]);
    await bound(cancelPort);
    const failure = await new Promise<CallFailure>((resolve) => {
      const call = agent.invite(
        { target: `sip:service@127.0.0.1:${cancelPort}`, from: { uri: 'sip:bob@127.0.0.1' }, sdp: sampleSdp() },
        {
          onProvisional: () => {
            call.cancel();
          },
          onFailed: resolve,
        },
      );
    });
    expectClean(await cancelRun.result);
    expect(failure).toMatchObject({ status: 487, received: true });
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
