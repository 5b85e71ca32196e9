import { describe, expect, it } from 'vitest';
import { RINGING_START, ringingMachine } from './client-ringing.ts';
import type { RingingEffect, RingingInput, RingingState } from './client-ringing.ts';

const devices = (...names: string[]) => names.map((name) => ({ registration: name, identity: `support/${name}` }));
const start = (...names: string[]): RingingInput => ({ kind: 'start', devices: devices(...names), timeoutMs: 20_000 });
const accept = (registration: string): RingingInput => ({ kind: 'accept', registration });
const reject = (registration: string): RingingInput => ({ kind: 'reject', registration, reason: 'rejected' });
const gone = (registration: string): RingingInput => ({ kind: 'unregistered', registration });
const back = (name: string): RingingInput => ({
  kind: 'registered',
  device: { registration: name, identity: `support/${name}` },
});
const timeout: RingingInput = { kind: 'timer', name: 'no-answer' };
const hangUp: RingingInput = { kind: 'stop', cause: 'canceled', reason: 'caller-hung-up' };

function run(inputs: readonly RingingInput[]): { state: RingingState; effects: RingingEffect[] } {
  let state = RINGING_START;
  const effects: RingingEffect[] = [];
  for (const input of inputs) {
    const step = ringingMachine(state, input);
    state = step.state;
    effects.push(...step.effects);
  }
  return { state, effects };
}

/** Effects as short words. */
function words(effects: readonly RingingEffect[]): string[] {
  return effects.map((effect) => {
    switch (effect.kind) {
      case 'cancel':
        return `cancel ${effect.device.registration} ${effect.reason}${effect.by === undefined ? '' : ` by ${effect.by}`}`;
      case 'ended':
        return `ended ${effect.cause}`;
      case 'start-timer':
        return `timer ${String(effect.delayMs)}`;
      case 'stop-timer':
        return 'stop';
      default:
        return `${effect.kind} ${effect.device.registration}`;
    }
  });
}

describe('ringing a client target', () => {
  it.each<[string, RingingInput[], string[]]>([
    ['BR-6 nobody is registered', [start()], ['ended not-registered']],
    ['BR-2 one device rings', [start('a')], ['timer 20000', 'notify a']],
    ['BR-2 every device rings', [start('a', 'b')], ['timer 20000', 'notify a', 'notify b']],
    [
      'BR-5 the first accept wins, the other is told by whom',
      [start('a', 'b'), accept('b')],
      ['timer 20000', 'notify a', 'notify b', 'stop', 'accepted b', 'cancel a answered-elsewhere by support/b'],
    ],
    [
      'BR-5 a later accept, reject or time-out changes nothing',
      [start('a', 'b'), accept('b'), accept('a'), reject('a'), timeout, hangUp, gone('b'), back('a')],
      ['timer 20000', 'notify a', 'notify b', 'stop', 'accepted b', 'cancel a answered-elsewhere by support/b'],
    ],
    [
      'BR-6 a reject from one device keeps the others ringing',
      [start('a', 'b'), reject('a')],
      ['timer 20000', 'notify a', 'notify b', 'rejected a'],
    ],
    [
      'BR-6 one rejects, the other accepts: the one that rejected is not cancelled',
      [start('a', 'b'), reject('a'), accept('b')],
      ['timer 20000', 'notify a', 'notify b', 'rejected a', 'stop', 'accepted b'],
    ],
    [
      'BR-6 all reject: busy',
      [start('a', 'b'), reject('a'), reject('a'), reject('b')],
      ['timer 20000', 'notify a', 'notify b', 'rejected a', 'rejected b', 'stop', 'ended busy'],
    ],
    [
      'BR-6 time-out: no-answer',
      [start('a', 'b'), reject('a'), timeout],
      ['timer 20000', 'notify a', 'notify b', 'rejected a', 'stop', 'cancel b timeout', 'ended no-answer'],
    ],
    [
      'BR-6 the caller hangs up: every ringing device is told',
      [start('a', 'b'), hangUp],
      [
        'timer 20000',
        'notify a',
        'notify b',
        'stop',
        'cancel a caller-hung-up',
        'cancel b caller-hung-up',
        'ended canceled',
      ],
    ],
    ['BR-6 the caller hangs up before the devices are known', [hangUp, start('a')], ['ended canceled']],
    [
      'BR-6 the last device is lost: connection-lost',
      [start('a', 'b'), gone('a'), gone('b')],
      ['timer 20000', 'notify a', 'notify b', 'stop', 'ended connection-lost'],
    ],
    [
      'BR-6 one rejects, the other is lost: busy',
      [start('a', 'b'), reject('b'), gone('a')],
      ['timer 20000', 'notify a', 'notify b', 'rejected b', 'stop', 'ended busy'],
    ],
    [
      'BR-8 a device that comes back while it rings is told again, and can accept',
      [start('a'), back('a'), accept('a')],
      ['timer 20000', 'notify a', 'notify a', 'stop', 'accepted a'],
    ],
    [
      'BR-8 a device that rejected stays quiet when it comes back',
      [start('a', 'b'), reject('a'), back('a')],
      ['timer 20000', 'notify a', 'notify b', 'rejected a'],
    ],
    [
      'BR-8 a device that registers meanwhile rings too',
      [start('a'), back('c'), accept('c')],
      ['timer 20000', 'notify a', 'notify c', 'stop', 'accepted c', 'cancel a answered-elsewhere by support/c'],
    ],
    [
      'BR-5 a device that was never rung cannot accept or reject',
      [start('a'), accept('x'), reject('x'), gone('x')],
      ['timer 20000', 'notify a'],
    ],
    ['accepts, rejects and time-outs before the start do nothing', [accept('a'), reject('a'), timeout, back('a')], []],
  ])('%s', (_name, inputs, expected) => {
    expect(words(run(inputs).effects)).toEqual(expected);
  });

  it('BR-5 of 50 accepts at the same moment exactly one wins', () => {
    const names = Array.from({ length: 50 }, (_, index) => `d${String(index)}`);
    for (let first = 0; first < 50; first += 7) {
      const order = [...names.slice(first), ...names.slice(0, first)];
      const { state, effects } = run([start(...names), ...order.map(accept)]);
      expect(effects.filter((effect) => effect.kind === 'accepted')).toHaveLength(1);
      expect(effects.filter((effect) => effect.kind === 'cancel')).toHaveLength(49);
      expect(state).toMatchObject({ phase: 'accepted', winner: { registration: order[0] } });
    }
  });

  it('BR-6 ends exactly once, whatever comes in whatever order', () => {
    const inputs = [start('a', 'b'), reject('a'), accept('b'), timeout, hangUp, gone('b'), back('a')];
    for (let seed = 0; seed < 500; seed++) {
      const picked = Array.from(
        { length: 12 },
        (_, at) => inputs[(seed * 31 + at * at * 7 + at * seed) % inputs.length]!,
      );
      const finals = run(picked).effects.filter(({ kind }) => kind === 'ended' || kind === 'accepted');
      expect(finals.length).toBeLessThanOrEqual(1);
    }
  });
});
