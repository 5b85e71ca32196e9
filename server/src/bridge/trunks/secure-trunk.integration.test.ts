import { afterEach, beforeEach, expect, it } from 'vitest';
import { silentLog, systemClock, systemRandom } from '../../kernel/index.ts';
import { createMediaEngine } from '../../media/engine.mediasoup.ts';
import type { MediaEngine } from '../../media/ports.ts';
import { requireWorkerBin } from '../../media/testing/worker-bin.ts';
import { createUserAgent, openSipTransports } from '../../sip/index.ts';
import type { SipTransportsOptions, TappedMessage, TransportSet, UserAgent } from '../../sip/index.ts';
import { createAuthority } from '../../sip/testing/certificates.ts';
import { Waiting } from '../../testing/waiting.ts';
import { createBridgeHost } from '../bridge-host.ts';
import type { BridgeHost } from '../bridge-host.ts';
import { MemoryRpcNetwork } from '../node-rpc.memory.ts';
import { MemoryRegistrations } from '../registrations.memory.ts';
import { FakeTrunks, aGateway, aTrunk } from '../testing/trunks.fake.ts';
import { ACCOUNT, FakeBus, FakeRouter } from '../testing/world.fake.ts';

const parts = { clock: systemClock, random: systemRandom, log: silentLog };

/** A whole call node: bridge, user agent and transports; the call router is a script. */
class CallNode {
  readonly trunks = new FakeTrunks();
  readonly router = new FakeRouter();
  readonly messages: string[] = [];
  readonly transports: TransportSet;
  readonly host: BridgeHost;
  readonly agent: UserAgent;

  constructor(media: MediaEngine, transports: TransportSet, waiting: Waiting) {
    this.transports = transports;
    this.host = createBridgeHost({
      ...parts,
      media,
      events: new FakeBus(undefined as never),
      registrations: new MemoryRegistrations(),
      rpc: new MemoryRpcNetwork(silentLog).node('node-a'),
      trunks: this.trunks,
      sipAddress: '127.0.0.1',
    });
    const tap = ({ remote, bytes }: TappedMessage): void => {
      this.messages.push(`${remote.protocol} ${bytes.toString('latin1')}`);
    };
    this.agent = createUserAgent({ ...parts, transport: transports, handlers: this.host.sipHandlers, tap });
    this.router.onEvent = () => {
      waiting.wake();
    };
    const incoming = this.router.incoming.bind(this.router);
    this.router.incoming = (call) => {
      incoming(call);
      this.host.legs.answer(call.callSid);
    };
    this.host.start({ router: this.router, userAgent: this.agent });
  }

  async close(): Promise<object> {
    this.host.close();
    await this.agent.end({ timeoutMs: 1000 });
    await this.transports.close();
    return { legs: this.host.residue, calls: this.agent.stats.calls };
  }
}

const waiting = new Waiting();
let media: MediaEngine;
let [caller, callee]: [CallNode | undefined, CallNode | undefined] = [undefined, undefined];

async function open(options: Pick<SipTransportsOptions, 'listen' | 'tlsClient'>): Promise<CallNode> {
  return new CallNode(media, await openSipTransports({ ...parts, ...options }), waiting);
}

beforeEach(async () => {
  media = await createMediaEngine({ log: silentLog, workers: 1, workerBin: requireWorkerBin() });
});
afterEach(async () => {
  for (const node of [caller, callee]) expect(await node?.close()).toEqual({ legs: 0, calls: 0 });
  await media.close();
});

it('MT-6 RFC 4568: a call over TLS and SRTP from a server without a TLS port of its own: digits are heard both ways, and both may hang up', async () => {
  const authority = await createAuthority();
  const certificate = await authority.issue(['IP:127.0.0.1']);
  caller = await open({ listen: { udp: { port: 0 } }, tlsClient: { authorities: authority.cert } });
  callee = await open({ listen: { tls: { port: 0, certificate } } });
  const { port } = callee.transports.advertisedFor('tls');
  const gateways = [aGateway('127.0.0.1', { port, transport: 'tls' })];
  caller.trunks.set(aTrunk({ srtp: 'required', gateways }));
  callee.trunks.set(aTrunk({ srtp: 'required', allow: ['127.0.0.0/8'], gateways: [] }));

  // As the checks of a trunk do: from then on there is a connection to come back over.
  expect(await caller.agent.ping(`sip:127.0.0.1:${String(port)};transport=tls`)).toBe(200);
  for (const [round, ends] of ([caller, callee] as const).entries()) {
    const callSid = `CA${String(round + 1).padStart(32, '0')}`;
    const target = { kind: 'number', number: '+15550100', sendDigits: undefined } as const;
    const common = { accountSid: ACCOUNT, from: '+15551234', to: target.number, timeoutMs: 10_000 };
    caller.host.legs.place({ callSid, parentCallSid: callSid, target, ...common });
    const words = (node: CallNode, sid: string): string[] => node.router.words(sid);
    await waiting.until(() => words(caller as CallNode, callSid).length > 0);
    expect(words(caller, callSid)).toEqual(['answered']);
    const answeredSid = callee.router.calls[round]?.callSid ?? '';
    await waiting.until(() => words(callee as CallNode, answeredSid).includes('answered'));
    caller.host.legs.sendDigits(callSid, '5');
    callee.host.legs.sendDigits(answeredSid, '7');
    await waiting.until(
      () =>
        words(callee as CallNode, answeredSid).includes('digit 5') &&
        words(caller as CallNode, callSid).includes('digit 7'),
    );
    // The callee's BYE comes back over the connection that the caller opened.
    ends.host.legs.end(ends === caller ? callSid : answeredSid, { cause: 'hangup-api', message: 'over' });
    await waiting.until(
      () =>
        words(caller as CallNode, callSid)
          .at(-1)
          ?.startsWith('ended') === true &&
        words(callee as CallNode, answeredSid)
          .at(-1)
          ?.startsWith('ended') === true,
    );
  }
  expect(caller.transports.stats.connections).toBe(1);
  expect(new Set(caller.messages.map((text) => text.split(' ', 1)[0]))).toEqual(new Set(['tls']));
  for (const { messages } of [caller, callee]) {
    const described = messages.filter((text) => text.includes('m=audio'));
    expect(described).toHaveLength(4);
    for (const text of described) expect(text).toMatch(/m=audio \d+ RTP\/SAVP [^]*a=crypto:1 AES_CM_128_HMAC_SHA1_80 /);
  }
});
