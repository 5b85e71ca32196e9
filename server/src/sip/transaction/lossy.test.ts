import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../kernel/clock.fake.ts';
import { seededRandom, silentLog } from '../../kernel/index.ts';
import type { Random } from '../../kernel/index.ts';
import { createRequest } from '../message/index.ts';
import type { SipRequest } from '../message/index.ts';
import { BAD_NETWORK, lossyLink } from '../testing/lossy-link.ts';
import type { Faults, LossyTransport } from '../testing/lossy-link.ts';
import { TransactionLayer } from './index.ts';
import type { ServerTransaction } from './index.ts';

interface Plan {
  readonly seed: number;
  readonly method: string;
  /** Provisional responses and the final one, with the milliseconds before each. */
  readonly answers: readonly { readonly status: number; readonly afterMs: number }[];
  readonly faults: Faults;
  readonly reliable: boolean;
}

/** What both users were told, and what was left when everything was over. */
interface Outcome {
  /** Statuses the client's user heard, `timeout` and `transport-error` among them. */
  readonly heard: readonly (number | string)[];
  /** How often the server's user got the request. */
  readonly asked: number;
  /** Our 300-699 was never acknowledged. */
  readonly unacknowledged: number;
  readonly left: number;
  readonly pendingTimers: number;
  readonly messages: number;
}

function requestFor(method: string): SipRequest {
  return createRequest({ method, uri: 'sip:b@127.0.0.1' }, [
    ['Max-Forwards', '70'],
    ['From', '<sip:a@127.0.0.1>;tag=a'],
    ['To', '<sip:b@127.0.0.1>'],
    ['Call-ID', 'lossy'],
    ['CSeq', `1 ${method}`],
    ['Contact', '<sip:a@127.0.0.1>'],
  ]);
}

function layerOn(transport: LossyTransport, clock: FakeClock, random: Random): TransactionLayer {
  return new TransactionLayer({ transport, clock, random, log: silentLog });
}

/** One transaction over a network with faults. The client's user acknowledges every 2xx, as one of INVITE must. */
function play({ seed, method, answers, faults, reliable }: Plan): Outcome {
  const clock = new FakeClock();
  const random = seededRandom(seed);
  const [left, right] = lossyLink({ clock, random, faults, reliable });
  const client = layerOn(left, clock, random);
  const server = layerOn(right, clock, random);
  const heard: (number | string)[] = [];
  let asked = 0;
  let unacknowledged = 0;
  server.listen({
    onRequest: (transaction) => {
      asked++;
      transaction.user = { onTimeout: () => unacknowledged++ };
      answer(transaction, answers, clock);
    },
    onAck: () => undefined,
  });
  client.listen({ onRequest: () => undefined, onAck: () => undefined });
  const destination = { protocol: 'udp', address: '127.0.0.1', port: 5070 } as const;
  client.request(requestFor(method), destination, {
    onResponse: ({ status }) => {
      heard.push(status);
      if (method === 'INVITE' && status >= 200 && status < 300) client.sendAck(requestFor('ACK'), destination);
    },
    onTimeout: () => heard.push('timeout'),
    onTransportError: () => heard.push('transport-error'),
  });
  clock.advance(200_000);
  const pendingTimers = clock.pendingTimers;
  const leftOver = client.size + server.size;
  client.close();
  server.close();
  return { heard, asked, unacknowledged, left: leftOver, pendingTimers, messages: left.messages + right.messages };
}

function answer(transaction: ServerTransaction, answers: Plan['answers'], clock: FakeClock): void {
  let at = 0;
  for (const { status, afterMs } of answers) {
    at += afterMs;
    clock.setTimer(at, () => transaction.respond({ status, toTag: 'b' }));
  }
}

const finals = (heard: Outcome['heard']): Outcome['heard'] =>
  heard.filter((one) => typeof one === 'string' || one >= 200);

const planOf = (method: string, failure: boolean): fc.Arbitrary<Plan> =>
  fc.record({
    seed: fc.nat(),
    method: fc.constant(method),
    answers: fc
      .tuple(
        fc.array(fc.record({ status: fc.constantFrom(100, 180, 183), afterMs: fc.nat(3000) }), { maxLength: 3 }),
        fc.record({
          status: failure ? fc.constantFrom(302, 404, 486, 503, 603) : fc.constantFrom(200, 202, 404, 500),
          afterMs: fc.nat(6000),
        }),
      )
      .map(([provisional, final]) => [...provisional, final]),
    faults: fc.constant(BAD_NETWORK),
    reliable: fc.constant(false),
  });

describe('RFC 3261 section 17 over a network that loses, doubles, reorders and delays a fifth each', () => {
  it.each([
    ['OPTIONS', false],
    ['INVITE', true],
  ] as const)('%s: both sides end, the user is told once, no timer stays', (method, failure) => {
    let answered = 0;
    const runs = 400;
    fc.assert(
      fc.property(planOf(method, failure), (plan) => {
        const outcome = play(plan);
        expect(finals(outcome.heard)).toHaveLength(1);
        expect(outcome.heard.at(-1)).toBe(finals(outcome.heard)[0]);
        expect(outcome).toMatchObject({ left: 0, pendingTimers: 0 });
        expect(outcome.unacknowledged).toBeLessThanOrEqual(1);
        // A copy that comes after the server transaction has ended is a request of its own (section 17.2.3).
        expect(outcome.asked).toBeLessThanOrEqual(2);
        if (outcome.heard.at(-1) === plan.answers.at(-1)?.status) answered++;
      }),
      { numRuns: runs },
    );
    // Eleven or seven copies of the request make it through: nearly all are answered.
    expect(answered).toBeGreaterThan(runs * 0.97);
  });

  it('INVITE answered by 2xx: each copy of it reaches the user, none comes after timer M (RFC 6026)', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const outcome = play({
          seed,
          method: 'INVITE',
          answers: [180, 200, 200, 200, 200, 200, 200].map((status) => ({ status, afterMs: 700 })),
          faults: BAD_NETWORK,
          reliable: false,
        });
        expect(finals(outcome.heard).every((one) => one === 200)).toBe(true);
        expect(finals(outcome.heard).length).toBeGreaterThan(0);
        expect(outcome).toMatchObject({ left: 0, pendingTimers: 0, asked: 1 });
      }),
      { numRuns: 200 },
    );
  });

  it.each(['OPTIONS', 'INVITE'])('%s that nothing gets through for: one time-out after 64*T1', (method) => {
    const faults = { ...BAD_NETWORK, loss: 1 };
    const outcome = play({ seed: 1, method, answers: [], faults, reliable: false });
    expect(outcome).toMatchObject({ heard: ['timeout'], asked: 0, left: 0, pendingTimers: 0 });
    // Sections 17.1.2.2 and 17.1.1.2: E is capped at T2, A is not.
    expect(outcome.messages).toBe(method === 'INVITE' ? 7 : 11);
  });

  it('a request that its user never answers leaves nothing behind', () => {
    const faults = { loss: 0, duplication: 0, reordering: 0, delay: 0 };
    const outcome = play({ seed: 1, method: 'OPTIONS', answers: [], faults, reliable: false });
    expect(outcome).toMatchObject({ heard: ['timeout'], asked: 1, left: 0, pendingTimers: 0 });
  });

  it.each([
    ['OPTIONS', 200, 2],
    ['OPTIONS', 404, 2],
    ['INVITE', 486, 3],
  ])('%s with %i over a reliable transport: %i messages', (method, status, messages) => {
    const faults = { loss: 0, duplication: 0, reordering: 0, delay: 0 };
    const outcome = play({ seed: 1, method, answers: [{ status, afterMs: 100 }], faults, reliable: true });
    expect(outcome).toMatchObject({ heard: [status], asked: 1, left: 0, pendingTimers: 0, messages });
  });
});
