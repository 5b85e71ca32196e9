import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { TransportProtocol } from '../../transport/index.ts';
import type { IncomingCall, InviteOptions, OutgoingCall, OutgoingCallListener } from '../../user-agent/api.ts';
import { createAuthority } from '../certificates.ts';
import type { Authority } from '../certificates.ts';
import { sampleSdp } from '../sdp.ts';
import { KAMAILIO_PASSWORD, startKamailio } from './kamailio.ts';
import type { Kamailio } from './kamailio.ts';
import { openPeer } from './peer.ts';
import type { Peer } from './peer.ts';

/** Transports of the caller and of the callee. */
const SIDES: readonly (readonly [TransportProtocol, TransportProtocol])[] = [
  ['udp', 'tcp'],
  ['tcp', 'udp'],
  ['udp', 'tls'],
  ['tls', 'udp'],
  ['tcp', 'tls'],
];

describe('through Kamailio, which records its route and changes the transport', () => {
  let authority: Authority;
  let kamailio: Kamailio;
  const peers: Peer[] = [];

  beforeAll(async () => {
    authority = await createAuthority();
    kamailio = await startKamailio({ authority });
  });
  afterAll(async () => {
    await Promise.all(peers.map((peer) => peer.expectNoTransactions()));
    await Promise.all(peers.map((peer) => peer.close()));
    const complaints = kamailio.errors();
    await kamailio.stop();
    expect(complaints).toEqual([]);
  });

  async function open(protocol: TransportProtocol): Promise<Peer> {
    const peer = await openPeer({ protocol, address: '127.0.0.1' }, authority);
    peers.push(peer);
    return peer;
  }

  function uriOf(peer: Peer, user = 'bob'): string {
    const { port } = peer.transport.advertisedFor(peer.wire.protocol);
    return `sip:${user}@127.0.0.1:${String(port)};transport=${peer.wire.protocol}`;
  }

  /** Calls by way of Kamailio. */
  function through(
    from: Peer,
    to: Peer,
    listener: OutgoingCallListener,
    options: Partial<InviteOptions> = {},
  ): OutgoingCall {
    return from.call(uriOf(to), listener, { nextHop: kamailio.uri(from.wire.protocol), ...options });
  }

  /** Both ends of an answered call. */
  async function connect(caller: Peer, callee: Peer): Promise<{ out: OutgoingCall; incoming: IncomingCall }> {
    const changes = { onReinvite: () => ({ sdp: sampleSdp({ version: 2 }) }) };
    const acked = Promise.withResolvers<IncomingCall>();
    callee.onCall((call) => {
      callee.listen(call, {
        ...changes,
        onInfo: () => undefined,
        onAcked: ({ initial }) => {
          if (initial) acked.resolve(call);
        },
      });
      call.ring();
      call.answer(sampleSdp());
    });
    const options = { nextHop: kamailio.uri(caller.wire.protocol) };
    const out = await caller.answeredCall(uriOf(callee), { ...changes, onInfo: () => undefined }, options);
    return { out, incoming: await acked.promise };
  }

  async function nothingLeft(...ends: readonly Peer[]): Promise<void> {
    for (const peer of ends) await peer.expectNothingLeft();
  }

  /** Requests that came, each with its Route or Record-Route headers. */
  function arrivals(peer: Peer, method: string, header: string): string[][] {
    return peer.tapped
      .filter(({ direction, bytes }) => direction === 'in' && bytes.toString().startsWith(`${method} `))
      .map(({ bytes }) =>
        [...bytes.toString().matchAll(new RegExp(`^${header}: (.*)$`, 'gm'))].map(([, v = '']) => v.trim()),
      );
  }

  describe.each(SIDES)('from %s to %s', (from, to) => {
    it.each(['caller', 'callee'])(
      'RFC 5658: INVITE, ACK, re-INVITE, UPDATE and INFO both ways, BYE of the %s, over two recorded routes',
      async (who) => {
        const [caller, callee] = [await open(from), await open(to)];
        const { out, incoming } = await connect(caller, callee);
        for (const side of [out, incoming]) {
          await expect(side.reinvite(sampleSdp({ version: 2 }))).resolves.toMatchObject({ ok: true });
          await expect(side.update(sampleSdp({ version: 3 }))).resolves.toMatchObject({ ok: true });
          await expect(side.info('application/dtmf-relay', 'Signal=1\r\n')).resolves.toBe(200);
        }
        (who === 'caller' ? out : incoming).bye();
        await nothingLeft(caller, callee);
        const [mine, others] = who === 'caller' ? [caller, callee] : [callee, caller];
        expect([mine.ends, others.ends]).toEqual([['local bye'], ['remote bye']]);
        const [recorded] = arrivals(callee, 'INVITE', 'Record-Route');
        expect(recorded).toHaveLength(2);
        expect(recorded?.every((value) => value.includes(';r2=on'))).toBe(true);
        // Both routes were taken off on the way: nothing of them reaches the other end.
        for (const peer of [caller, callee])
          for (const method of ['BYE', 'UPDATE', 'INFO', 'ACK'])
            expect(arrivals(peer, method, 'Route').flat()).toEqual([]);
      },
    );

    it('RFC 3262: a reliable 183 and its PRACK, then the answer', async () => {
      const [caller, callee] = [await open(from), await open(to)];
      callee.onCall((call) => {
        callee.listen(call, {
          onProgressed: () => {
            call.answer('');
          },
        });
        call.progress(sampleSdp());
      });
      const early: (boolean | undefined)[] = [];
      const call = await caller.answeredCall(
        uriOf(callee),
        { onProvisional: ({ sdp }) => early.push(sdp?.includes('m=audio')) },
        { nextHop: kamailio.uri(from) },
      );
      call.bye();
      await nothingLeft(caller, callee);
      expect(early).toEqual([true]);
      expect(callee.messages()).toContain('in PRACK');
    });

    it('RFC 3261 section 9: CANCEL while it rings', async () => {
      const [caller, callee] = [await open(from), await open(to)];
      callee.onCall((call) => {
        callee.listen(call);
        call.ring();
      });
      const call = through(caller, callee, {
        onProvisional: ({ status }) => {
          if (status === 180) call.cancel();
        },
      });
      await nothingLeft(caller, callee);
      expect(caller.failures).toMatchObject([{ status: 487, received: true }]);
      expect(callee.ends).toEqual(['cancelled']);
    });

    it('RFC 3261 section 17: a refusal, acknowledged hop by hop', async () => {
      const [caller, callee] = [await open(from), await open(to)];
      callee.onCall((call) => {
        call.reject(486);
      });
      through(caller, callee, {});
      await vi.waitFor(() => {
        expect(caller.failures).toMatchObject([{ status: 486, received: true }]);
      });
      await nothingLeft(caller, callee);
    });
  });

  it('RFC 3261 section 16.7: two forks ring over different transports, one answers, the other hears CANCEL', async () => {
    const [caller, first, second] = [await open('udp'), await open('tcp'), await open('tls')];
    first.onCall((call) => {
      first.listen(call);
      call.ring();
    });
    second.onCall((call) => {
      second.listen(call);
      call.ring();
      // When both have rung.
      void vi
        .waitFor(() => {
          expect(forks.size).toBe(2);
        })
        .then(() => {
          call.answer(sampleSdp());
        });
    });
    const forks = new Set<string>();
    const call = await caller.answeredCall(
      uriOf(first),
      { onProvisional: ({ earlyDialog }) => forks.add(earlyDialog) },
      { nextHop: kamailio.uri('udp'), headers: [{ name: 'X-Fork', value: uriOf(second) }] },
    );
    call.bye();
    await nothingLeft(caller, first, second);
    expect([first.ends, second.ends, caller.ends]).toEqual([['cancelled'], ['remote bye'], ['local bye']]);
  });

  it('RFC 3261 section 11: OPTIONS passes it, and comes back over the recorded Via', async () => {
    const [caller, callee] = [await open('udp'), await open('tcp')];
    const options = { method: 'OPTIONS', target: uriOf(callee), nextHop: kamailio.uri('udp') };
    await expect(caller.agent.request(options)).resolves.toMatchObject({ status: 200 });
    expect(arrivals(callee, 'OPTIONS', 'Via').map(({ length }) => length)).toEqual([2]);
  });
});

describe.each(['MD5', 'SHA-256'] as const)('authentication by Kamailio with %s', (algorithm) => {
  let authority: Authority;
  let kamailio: Kamailio;

  beforeAll(async () => {
    authority = await createAuthority();
    kamailio = await startKamailio({ authority, algorithm });
  });
  afterAll(async () => {
    await kamailio.stop();
  });

  it('RFC 7616: its 407 is answered, a wrong password is not repeated', async () => {
    const wire = { protocol: 'udp', address: '127.0.0.1' } as const;
    const [caller, callee] = [await openPeer(wire, authority), await openPeer(wire, authority)];
    callee.onCall((call) => {
      callee.listen(call);
      call.answer(sampleSdp());
    });
    const target = `sip:guarded@127.0.0.1:${String(callee.transport.advertisedFor('udp').port)}`;
    const options = { nextHop: kamailio.uri('udp') };
    const credentials = { username: 'alice', password: KAMAILIO_PASSWORD };
    const call = await caller.answeredCall(target, {}, { ...options, credentials });
    call.bye();
    await callee.expectNothingLeft();
    caller.call(target, {}, { ...options, credentials: { ...credentials, password: 'wrong' } });
    await vi.waitFor(() => {
      expect(caller.failures).toMatchObject([{ status: 407, received: true }]);
    });
    await caller.expectNothingLeft();
    const sent = caller.tapped.filter(({ direction }) => direction === 'out').map(({ bytes }) => bytes.toString());
    const branches = sent.filter((text) => text.startsWith('INVITE')).map((text) => /branch=(\w+)/.exec(text)?.[1]);
    expect(new Set(branches).size).toBe(4);
    expect(sent.some((text) => text.includes(`algorithm=${algorithm}`))).toBe(true);
    await Promise.all([caller.close(), callee.close()]);
  });
});
