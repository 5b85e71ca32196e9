import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../kernel/index.ts';
import type { Random } from '../../kernel/index.ts';
import { BAD_NETWORK } from '../testing/lossy-link.ts';
import { FakeNetwork, NOTHING_LEFT } from '../testing/network.fake.ts';
import { sampleSdp } from '../testing/sdp.ts';
import type { CallControl, CallListener, IncomingCall, OutgoingCall } from './api.ts';

/** What one side of the call heard, in order; the last one is its end. */
interface Heard {
  readonly caller: string[];
  readonly callee: string[];
}

const answerOffers: CallListener = {
  onUpdate: () => ({ sdp: sampleSdp() }),
  onReinvite: () => ({ sdp: sampleSdp() }),
  onInfo: () => undefined,
  onRefer: (refer) => {
    refer.accept();
    refer.progress(180);
    refer.progress(200);
  },
};

/** Runs a call through whatever the seed says, on a network that loses, copies, delays and reorders 20 % each. */
async function live(
  seed: number,
  reliable: 'off' | 'supported' | 'required',
): Promise<Heard & { network: FakeNetwork; results: Promise<unknown>[] }> {
  const script = seededRandom(seed * 7919);
  const heard: Heard = { caller: [], callee: [] };
  const results: Promise<unknown>[] = [];
  const network = new FakeNetwork({
    seed,
    faults: BAD_NETWORK,
    caller: { reliableProvisionals: reliable, sessionTimer: { interval: 90 } },
    callee: {
      handlers: {
        onInvite: (call) => {
          call.listen({
            ...answerOffers,
            onCancelled: () => heard.callee.push('cancelled'),
            onEnded: ({ by, cause }) => heard.callee.push(`ended ${by} ${cause}`),
          });
          answerBy(script, network, call, heard);
        },
      },
    },
  });
  const placed: OutgoingCall = network.place(
    {
      ...answerOffers,
      onAnswered: () => {
        heard.caller.push('answered');
        talk(script, network, placed, results);
      },
      onFailed: ({ status, received }) =>
        heard.caller.push(`failed ${String(status)} ${received ? 'received' : 'here'}`),
      onEnded: ({ by, cause }) => heard.caller.push(`ended ${by} ${cause}`),
    },
    { timeoutMs: 40_000 },
  );
  if (script.int(4) === 0)
    network.clock.setTimer(script.int(15_000), () => {
      placed.cancel();
    });
  await network.pass(900_000);
  return { ...heard, network, results };
}

function answerBy(script: Random, network: FakeNetwork, call: IncomingCall, heard: Heard): void {
  const later = (ms: number, run: () => void): void => {
    network.clock.setTimer(ms, run);
  };
  if (script.int(2) === 0) call.ring();
  if (script.int(2) === 0) call.progress(sampleSdp());
  const fate = script.int(6);
  const at = script.int(12_000);
  if (fate === 0)
    later(at, () => {
      heard.callee.push('rejected');
      call.reject(486);
    });
  // Fate 1: never answered.
  if (fate < 2) return;
  later(at, () => {
    call.answer(sampleSdp());
    if (script.int(3) === 0)
      later(script.int(60_000), () => {
        call.bye();
      });
  });
}

function talk(script: Random, network: FakeNetwork, call: CallControl, results: Promise<unknown>[]): void {
  const deeds: (() => Promise<unknown>)[] = [
    () => call.reinvite(sampleSdp()),
    () => call.update(sampleSdp()),
    () => call.info('application/dtmf-relay', 'Signal=1'),
    () => call.refer('sip:carol@127.0.0.1'),
  ];
  for (const deed of deeds)
    if (script.int(2) === 0)
      network.clock.setTimer(script.int(40_000), () => {
        results.push(deed());
      });
  network.clock.setTimer(30_000 + script.int(200_000), () => {
    call.bye();
  });
}

const seeds = Array.from({ length: 100 }, (_, index) => index + 1);

describe('RFC 3261 over a network that loses, copies, delays and reorders 20 % each', () => {
  it.each(['off', 'supported', 'required'] as const)(
    '100rel %s: every call ends once on each side, and leaves nothing behind',
    async (reliable) => {
      let answered = 0;
      for (const seed of seeds) {
        const { caller, callee, network, results } = await live(seed, reliable);
        const story = `seed ${String(seed)}: caller ${caller.join(', ')}; callee ${callee.join(', ')}`;
        expect(network.residue(), story).toEqual(NOTHING_LEFT);
        const ends = caller.filter((event) => event !== 'answered');
        expect(ends, story).toHaveLength(1);
        expect(caller.at(-1), story).toBe(ends[0]);
        // A call that no INVITE of reached the callee has no end there.
        if (network.callee.sent.some((line) => /^(18\d|[2-6]\d\d) \| 1 INVITE/.test(line)))
          expect(callee.length, story).toBeLessThanOrEqual(1);
        if (caller.includes('answered')) {
          answered++;
          expect(callee, story).toEqual([expect.stringMatching(/^ended /)]);
        }
        // Whatever was asked for in the call has a result.
        await Promise.all(results);
      }
      expect(answered).toBeGreaterThan(30);
    },
    60_000,
  );
});
