import { describe, expect, it } from 'vitest';
import type { Machine } from '../../kernel/index.ts';
import { offerAnswerMachine } from './offer-answer.ts';
import type { OfferAnswerInput, OfferAnswerState } from './offer-answer.ts';
import { referNotifierMachine } from './refer-notifier.ts';
import type { NotifierInput, NotifierState } from './refer-notifier.ts';
import { referSubscriberMachine } from './refer-subscriber.ts';
import type { SubscriberInput, SubscriberState } from './refer-subscriber.ts';
import {
  MAX_WAITING_PROVISIONALS,
  orderOf,
  parseRAck,
  parseRSeq,
  reliableProvisionalsMachine,
} from './reliable-provisionals.ts';
import type { ReliableInput, ReliableState } from './reliable-provisionals.ts';
import { sessionTimerMachine } from './session-timer.ts';
import type { SessionTimerInput, SessionTimerState } from './session-timer.ts';

/** The effects in short: their kind, and what tells two of a kind apart. */
function short(effect: object): string {
  const { kind, name, status, sequence, state, outcome } = effect as Record<string, string | number | undefined> & {
    readonly outcome?: { readonly kind: string };
  };
  const detail = name ?? status ?? sequence ?? state ?? outcome?.kind;
  return detail === undefined ? String(kind) : `${String(kind)} ${String(detail)}`;
}

function run<S extends { readonly name: string }, I, E extends object>(
  machine: Machine<S, I, E>,
  state: S,
  input: I,
): [string, string[]] {
  const step = machine(state, input);
  return [step.state.name, step.effects.map(short)];
}

describe('RFC 3264 and RFC 6337: one offer at a time', () => {
  const idle: OfferAnswerState = { name: 'idle' };
  const agreed: OfferAnswerState = { name: 'agreed' };
  const offered: OfferAnswerState = { name: 'offered', before: 'agreed' };
  const asked: OfferAnswerState = { name: 'asked', before: 'idle' };

  it.each<[OfferAnswerState, OfferAnswerInput['kind'], string, string[]]>([
    [idle, 'send-offer', 'offered', []],
    [idle, 'receive-offer', 'asked', []],
    [idle, 'send-answer', 'idle', ['unexpected']],
    [idle, 'receive-answer', 'idle', ['unexpected']],
    [idle, 'drop', 'idle', []],
    [agreed, 'send-offer', 'offered', []],
    [agreed, 'receive-offer', 'asked', []],
    [agreed, 'send-answer', 'agreed', ['unexpected']],
    [agreed, 'receive-answer', 'agreed', ['unexpected']],
    [agreed, 'drop', 'agreed', []],
    [offered, 'send-offer', 'offered', ['refused 491']],
    [offered, 'receive-offer', 'offered', ['refused 491']],
    [offered, 'send-answer', 'offered', ['unexpected']],
    [offered, 'receive-answer', 'agreed', []],
    [offered, 'drop', 'agreed', []],
    [asked, 'send-offer', 'asked', ['refused 500']],
    [asked, 'receive-offer', 'asked', ['refused 500']],
    [asked, 'send-answer', 'agreed', []],
    [asked, 'receive-answer', 'asked', ['unexpected']],
    [asked, 'drop', 'idle', []],
  ])('%o + %s', (state, kind, name, effects) => {
    expect(run(offerAnswerMachine, state, { kind })).toEqual([name, effects]);
  });
});

describe('RFC 3262 section 3: reliable provisional responses', () => {
  const machine = reliableProvisionalsMachine<string>(500);
  type State = ReliableState<string>;
  const clear: State = { name: 'clear', next: 7 };
  const one: State = { name: 'unacknowledged', sequence: 7, item: 'a', interval: 500, waiting: [] };
  const two: State = { ...one, waiting: ['b'] };
  const over: State = { name: 'given-up' };
  const stopped: State = { name: 'stopped', outstanding: 7 };
  const inputs = {
    send: { kind: 'send', item: 'x' },
    prack: { kind: 'prack', sequence: 7 },
    other: { kind: 'prack', sequence: 8 },
    stop: { kind: 'stop' },
    retransmit: { kind: 'timer', name: 'retransmit' },
    limit: { kind: 'timer', name: 'give-up' },
  } as const satisfies Record<string, ReliableInput<string>>;
  const start = (sequence: number): string[] => [
    `transmit ${String(sequence)}`,
    'start-timer retransmit',
    'start-timer give-up',
  ];
  const stop = ['stop-timer retransmit', 'stop-timer give-up'];

  it.each<[State, keyof typeof inputs, string, string[]]>([
    [clear, 'send', 'unacknowledged', start(7)],
    [clear, 'prack', 'clear', ['unmatched']],
    [clear, 'stop', 'stopped', []],
    [clear, 'retransmit', 'clear', []],
    [clear, 'limit', 'clear', []],
    [one, 'send', 'unacknowledged', []],
    [one, 'prack', 'clear', [...stop, 'acknowledged']],
    [one, 'other', 'unacknowledged', ['unmatched']],
    [one, 'stop', 'stopped', stop],
    [one, 'retransmit', 'unacknowledged', ['transmit 7', 'start-timer retransmit']],
    [one, 'limit', 'given-up', [...stop, 'given-up']],
    [two, 'prack', 'unacknowledged', [...stop, 'acknowledged', ...start(8)]],
    [over, 'send', 'given-up', []],
    [over, 'prack', 'given-up', ['unmatched']],
    [over, 'stop', 'given-up', []],
    [over, 'retransmit', 'given-up', []],
    [stopped, 'send', 'stopped', []],
    [stopped, 'prack', 'stopped', []],
    [stopped, 'other', 'stopped', ['unmatched']],
    [stopped, 'limit', 'stopped', []],
  ])('%o + %s', (state, input, name, effects) => {
    expect(run(machine, state, inputs[input])).toEqual([name, effects]);
  });

  it('doubles the interval from T1, and goes on counting', () => {
    expect(machine(one, inputs.retransmit).state).toMatchObject({ interval: 1000 });
    expect(machine(one, inputs.prack).state).toEqual({ name: 'clear', next: 8 });
  });

  it('bounds what waits: the oldest one that waits is left out', () => {
    let state: State = one;
    const left: string[] = [];
    for (let index = 0; index <= MAX_WAITING_PROVISIONALS; index++) {
      const step = machine(state, { kind: 'send', item: `w${String(index)}` });
      state = step.state;
      for (const effect of step.effects) if (effect.kind === 'left-out') left.push(effect.item);
    }
    expect(left).toEqual(['w0']);
    expect(state).toMatchObject({ waiting: { length: MAX_WAITING_PROVISIONALS } });
  });

  it('section 4: the client takes the next one only', () => {
    expect([orderOf(undefined, 900), orderOf(5, 6), orderOf(5, 5), orderOf(5, 4), orderOf(5, 7)]).toEqual([
      'next',
      'next',
      'copy',
      'copy',
      'early',
    ]);
  });

  it('section 7: RAck and RSeq', () => {
    expect(parseRAck('776656 1 INVITE')).toEqual({ sequence: 776656, cseq: 1, method: 'INVITE' });
    expect([parseRAck('1 INVITE'), parseRAck(undefined), parseRAck('a b c')]).toEqual(Array(3).fill(undefined));
    expect([parseRSeq(' 988789 '), parseRSeq('0'), parseRSeq('x'), parseRSeq('4294967296')]).toEqual([
      988_789,
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe('RFC 4028 section 10: the session timer', () => {
  const off: SessionTimerState = { name: 'off' };
  const ours: SessionTimerState = { name: 'running', interval: 1800, refresher: 'self' };
  const theirs: SessionTimerState = { name: 'running', interval: 90, refresher: 'peer' };
  const expired: SessionTimerState = { name: 'expired' };
  const stop = ['stop-timer refresh', 'stop-timer expire'];
  const inputs = {
    ours: { kind: 'agreed', interval: 1800, refresher: 'self' },
    theirs: { kind: 'agreed', interval: 90, refresher: 'peer' },
    none: { kind: 'none' },
    failed: { kind: 'failed' },
    refresh: { kind: 'timer', name: 'refresh' },
    expire: { kind: 'timer', name: 'expire' },
  } as const satisfies Record<string, SessionTimerInput>;

  it.each<[SessionTimerState, keyof typeof inputs, string, string[]]>([
    [off, 'ours', 'running', [...stop, 'start-timer expire', 'start-timer refresh']],
    [off, 'theirs', 'running', [...stop, 'start-timer expire']],
    [off, 'none', 'off', stop],
    [off, 'failed', 'off', []],
    [off, 'refresh', 'off', []],
    [off, 'expire', 'off', []],
    [ours, 'theirs', 'running', [...stop, 'start-timer expire']],
    [ours, 'none', 'off', stop],
    [ours, 'failed', 'running', ['start-timer refresh']],
    [ours, 'refresh', 'running', ['refresh']],
    [ours, 'expire', 'expired', [...stop, 'expired']],
    [theirs, 'failed', 'running', []],
    [theirs, 'expire', 'expired', [...stop, 'expired']],
    [expired, 'ours', 'expired', []],
    [expired, 'none', 'expired', []],
    [expired, 'refresh', 'expired', []],
  ])('%o + %s', (state, input, name, effects) => {
    expect(run(sessionTimerMachine, state, inputs[input])).toEqual([name, effects]);
  });

  it('refreshes at half of the interval and ends 32 s, or a third of a short interval, before its end', () => {
    const delays = (input: SessionTimerInput): unknown[] =>
      sessionTimerMachine(off, input).effects.flatMap((effect) =>
        effect.kind === 'start-timer' ? [[effect.name, effect.delayMs]] : [],
      );
    expect(delays(inputs.ours)).toEqual([
      ['expire', 1_768_000],
      ['refresh', 900_000],
    ]);
    expect(delays(inputs.theirs)).toEqual([['expire', 60_000]]);
  });
});

describe('RFC 3515 section 2.4.4: reports on a REFER of the peer', () => {
  const machine = referNotifierMachine(180_000);
  const trying = { status: 100, reason: 'Trying' };
  const initial: NotifierState = { name: 'initial' };
  const busy: NotifierState = { name: 'active', last: trying, busy: true, next: undefined };
  const free: NotifierState = { name: 'active', last: trying, busy: false, next: undefined };
  const waiting: NotifierState = { ...busy, next: { status: 180, reason: 'Ringing' } };
  const decided: NotifierState = { ...busy, next: { status: 200, reason: 'OK' } };
  const ending: NotifierState = { name: 'ending' };
  const terminated: NotifierState = { name: 'terminated' };
  const inputs = {
    accept: { kind: 'accept' },
    ringing: { kind: 'report', status: 180, reason: 'Ringing' },
    ok: { kind: 'report', status: 200, reason: 'OK' },
    answered: { kind: 'answered', gone: false },
    gone: { kind: 'answered', gone: true },
    unsubscribe: { kind: 'unsubscribe' },
    close: { kind: 'close' },
    expire: { kind: 'timer', name: 'expire' },
  } as const satisfies Record<string, NotifierInput>;
  const over = ['stop-timer expire', 'terminated'];
  const last = ['stop-timer expire', 'notify terminated'];

  it.each<[NotifierState, keyof typeof inputs, string, string[]]>([
    [initial, 'accept', 'active', ['start-timer expire', 'notify 100']],
    [initial, 'ok', 'initial', []],
    [initial, 'close', 'terminated', over],
    [busy, 'accept', 'active', []],
    [busy, 'ringing', 'active', []],
    [busy, 'answered', 'active', []],
    [busy, 'gone', 'terminated', over],
    [busy, 'expire', 'ending', last],
    [busy, 'unsubscribe', 'ending', last],
    [busy, 'close', 'terminated', over],
    [free, 'ringing', 'active', ['notify 180']],
    [free, 'ok', 'ending', last],
    [waiting, 'answered', 'active', ['notify 180']],
    [waiting, 'ok', 'active', []],
    [decided, 'ringing', 'active', []],
    [decided, 'answered', 'ending', last],
    [ending, 'ok', 'ending', []],
    [ending, 'answered', 'terminated', over],
    [ending, 'gone', 'terminated', over],
    [ending, 'close', 'terminated', over],
    [terminated, 'accept', 'terminated', []],
    [terminated, 'close', 'terminated', []],
  ])('%o + %s', (state, input, name, effects) => {
    const [next, done] = run(machine, state, inputs[input]);
    // Of a NOTIFY the state of the subscription is told by its end, else its report.
    const step = machine(state, inputs[input]);
    const told = step.effects.map((effect, index) =>
      effect.kind === 'notify'
        ? `notify ${effect.state === 'terminated' ? 'terminated' : String(effect.report.status)}`
        : (done[index] ?? ''),
    );
    expect([next, told]).toEqual([name, effects]);
  });

  it('a result that waits is not replaced; it is what the last report says', () => {
    const step = machine(decided, inputs.ringing);
    expect(machine(step.state, inputs.answered).effects.at(-1)).toMatchObject({
      report: { status: 200 },
      cause: 'noresource',
    });
  });
});

describe('RFC 3515: a REFER of ours', () => {
  const machine = referSubscriberMachine(300_000);
  const waiting: SubscriberState = { name: 'waiting', told: false };
  const subscribed: SubscriberState = { name: 'subscribed', told: false };
  const told: SubscriberState = { name: 'subscribed', told: true };
  const over: SubscriberState = { name: 'over' };
  const notify = (status: number | undefined, terminated: boolean): SubscriberInput => ({
    kind: 'notify',
    report: status === undefined ? undefined : { status, reason: '' },
    terminated,
    lifetimeMs: terminated ? undefined : 60_000,
  });
  const response = (status: number, yes: boolean): SubscriberInput => ({
    kind: 'response',
    status,
    reason: '',
    subscribed: yes,
  });
  const end = (outcome: string): string[] => ['stop-timer limit', `outcome ${outcome}`, 'over'];

  it.each<[string, SubscriberState, SubscriberInput, [string, ...string[]]]>([
    ['202', waiting, response(202, true), ['subscribed', 'start-timer limit']],
    ['202 without reports', waiting, response(202, false), ['over', ...end('unknown')]],
    ['603', waiting, response(603, true), ['over', ...end('refused')]],
    ['a NOTIFY before the 202', waiting, notify(100, false), ['waiting', 'start-timer limit', 'progress']],
    ['the last NOTIFY before the 202', waiting, notify(200, true), ['over', ...end('done')]],
    ['a NOTIFY', subscribed, notify(180, false), ['subscribed', 'start-timer limit', 'progress']],
    ['a result without end', subscribed, notify(200, false), ['subscribed', 'start-timer limit', 'outcome done']],
    ['a result', subscribed, notify(486, true), ['over', ...end('done')]],
    ['an end without result', subscribed, notify(180, true), ['over', ...end('unknown')]],
    ['an unreadable end', subscribed, notify(undefined, true), ['over', ...end('unknown')]],
    ['a second 202', subscribed, response(202, true), ['subscribed']],
    ['the dialog is lost', subscribed, { kind: 'lost' }, ['over', ...end('unknown')]],
    ['time', subscribed, { kind: 'timer', name: 'limit' }, ['over', ...end('unknown')]],
    ['the end after the result', told, notify(200, true), ['over', 'stop-timer limit', 'over']],
    ['a report after the result', told, notify(180, false), ['subscribed', 'start-timer limit']],
    ['anything', over, notify(200, true), ['over']],
  ])('%s', (_what, state, input, expected) => {
    const step = machine(state, input);
    const done = step.effects.map((effect) => (effect.kind === 'progress' ? 'progress' : short(effect)));
    expect([step.state.name, ...done]).toEqual(expected);
  });
});
