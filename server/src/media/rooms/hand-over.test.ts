import { describe, expect, it } from 'vitest';
import { FakeClock, settle } from '../../kernel/clock.fake.ts';
import { silentLog } from '../../kernel/index.ts';
import { Pacer } from '../playout/pacer.ts';
import type { PathReason } from '../ports.ts';
import { HandOverRunner } from './hand-over-runner.ts';
import type { LentPath } from './hand-over-runner.ts';
import { handOverMachine, initialHandOver } from './hand-over.ts';
import type { HandOverInput, HandOverState } from './hand-over.ts';
import { StrayAlert } from './stray-alert.ts';

const step = handOverMachine({ settleMs: 1000, calmMs: 5000 });
const settled: HandOverInput = { kind: 'timer', name: 'settle' };
const calm: HandOverInput = { kind: 'timer', name: 'calm' };
const fit: HandOverInput = { kind: 'fit' };
const unfit: HandOverInput = { kind: 'unfit', reason: 'playback' };
const prepared: HandOverInput = { kind: 'prepared' };
const switched: HandOverInput = { kind: 'switched' };
const failed: HandOverInput = { kind: 'failed' };
const returned: HandOverInput = { kind: 'returned' };
const close: HandOverInput = { kind: 'close' };

/** State and effects after these inputs, in short words; effects of the last one only. */
function run(...inputs: readonly HandOverInput[]): string {
  let state: HandOverState = initialHandOver;
  let last = '';
  for (const input of inputs) {
    const next = step(state, input);
    state = next.state;
    last = next.effects
      .map((effect) => {
        if (effect.kind === 'report') return `${effect.owner}:${effect.reason}`;
        if (effect.kind === 'start-timer') return `${effect.name} ${String(effect.delayMs)}`;
        return effect.kind === 'stop-timer' ? `stop ${effect.name}` : effect.kind;
      })
      .join(', ');
  }
  return `${state.phase} | ${last}`;
}

describe('hand-over machine', () => {
  const plain = [fit, settled, prepared, switched] as const;
  const short = [...plain, unfit, returned] as const;
  it.each([
    ['settles first', [fit], 'settling | settle 1000'],
    ['a need while settling starts it anew', [fit, unfit, fit], 'settling | settle 1000'],
    ['a repeated fit does not', [fit, fit], 'settling | '],
    ['prepares, then switches', [fit, settled], 'handing-over | prepare'],
    ['switches when all is there', [fit, settled, prepared], 'handing-over | switch'],
    ['tells when the worker has it', plain, 'plain | calm 5000, plain:bridged'],
    ['a need takes it back at once', [...plain, unfit], 'returning | take-back, stop calm, node:playback'],
    ['a need while preparing takes back what was made', [fit, settled, unfit], 'returning | take-back'],
    ['what is prepared too late is not used', [fit, settled, unfit, prepared], 'returning | '],
    ['a need while switching waits for its end', [fit, settled, prepared, unfit], 'handing-over | '],
    ['and then takes back', [fit, settled, prepared, unfit, switched], 'returning | take-back'],
    ['a need does not interrupt the return', [...plain, unfit, unfit], 'returning | '],
    ['rests in Node after it', [...plain, unfit, returned], 'node | '],
    ['a short stay doubles the settling', [...short, fit], 'settling | settle 2000'],
    ['another doubles it again', [...short, ...short, fit], 'settling | settle 4000'],
    ['a long one does not', [...short, ...plain, calm, unfit, returned, fit], 'settling | settle 1000'],
    ['fit again during the return: settles after it', [...plain, unfit, fit, returned], 'settling | settle 2000'],
    ['failing to prepare counts as short', [fit, settled, failed, returned], 'settling | settle 2000'],
    ['failing to switch too', [fit, settled, prepared, failed, returned], 'settling | settle 2000'],
    ['closing while settling', [fit, close], 'closed | stop settle'],
    ['closing while handing over', [fit, settled, close], 'closed | take-back'],
    ['closing with the worker', [...plain, close], 'closed | take-back, stop calm, node:closed'],
    ['nothing after closing', [...plain, close, fit, settled, prepared], 'closed | '],
  ])('%s', (_, inputs, expected) => {
    expect(run(...inputs)).toBe(expected);
  });

  it('settling takes 64 times as long at most', () => {
    const many = Array.from({ length: 20 }, () => short).flat();
    expect(run(...many, fit)).toBe('settling | settle 64000');
  });
});

describe('hand-over runner', () => {
  function world() {
    const clock = new FakeClock();
    const pacer = new Pacer(clock, (error) => {
      throw error as Error;
    });
    const log: string[] = [];
    const state = {
      obstacle: undefined as PathReason | undefined,
      health: undefined as PathReason | undefined,
      hasStrayed: false,
      prepare: () => Promise.resolve(),
    };
    const strays = new StrayAlert(clock);
    const path: LentPath = {
      switchOver: () => (log.push('switch'), Promise.resolve()),
      takeBack: () => (log.push('take back'), Promise.resolve()),
      examine: () => Promise.resolve(state.health),
      hasStrayed: () => Promise.resolve(state.hasStrayed),
    };
    const runner = new HandOverRunner(
      {
        obstacle: () => state.obstacle,
        prepare: () => (log.push('prepare'), state.prepare().then(() => path)),
        report: (owner, reason) => log.push(`${owner} ${reason}`),
        onStray: (look) => strays.on(look),
      },
      { clock, pacer, log: silentLog },
      {},
    );
    const pass = async (ms: number): Promise<void> => {
      for (let at = 0; at < ms; at += 20) {
        clock.advance(20);
        await settle();
      }
    };
    return { clock, log, state, strays, runner, pass };
  }

  it('hands over after a second, takes back in the turn in which it is needed, and leaves no timer', async () => {
    const { clock, log, state, runner, pass } = world();
    await pass(1000);
    expect(log).toEqual([]);
    await pass(200);
    expect(log).toEqual(['prepare', 'switch', 'plain bridged']);
    state.obstacle = 'sink';
    runner.check();
    expect(log.slice(3)).toEqual(['take back', 'node sink']);
    await pass(3000);
    expect(log).toHaveLength(5);
    runner.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it('what the worker reports wrong brings it back', async () => {
    const { clock, log, state, runner, pass } = world();
    await pass(1200);
    state.health = 'source-changed';
    await pass(1020);
    expect(log.slice(3)).toEqual(['take back', 'node source-changed']);
    runner.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it('RTP of an unknown source brings back the call that it belongs to, with its first packet, and no other', async () => {
    const { clock, log, state, strays, runner, pass } = world();
    strays.raise(1);
    await pass(1200);
    strays.raise(2);
    await settle();
    expect(log).toHaveLength(3);
    state.hasStrayed = true;
    strays.raise(3);
    await settle();
    expect(log.slice(3)).toEqual(['take back', 'node source-changed']);
    runner.close();
    await pass(3000);
    strays.raise(4);
    await settle();
    expect(log).toHaveLength(5);
    strays.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it('closed while it prepares: what was made is taken back, nothing is switched', async () => {
    const { clock, log, state, runner, pass } = world();
    const made = Promise.withResolvers<undefined>();
    state.prepare = () => made.promise;
    await pass(1200);
    runner.close();
    made.resolve(undefined);
    await settle();
    expect(log).toEqual(['prepare', 'take back']);
    expect(clock.pendingTimers).toBe(0);
  });

  it('a preparation that fails is tried again, later each time', async () => {
    const { log, state, runner, pass } = world();
    state.prepare = () => Promise.reject(new Error('no'));
    await pass(8000);
    expect(log.filter((word) => word === 'prepare')).toHaveLength(3);
    runner.close();
  });
});
