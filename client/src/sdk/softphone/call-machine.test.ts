import { describe, expect, it } from 'vitest';
import { clientError } from '../kit/index.ts';
import { stepCall } from './call-machine.ts';
import type { CallInput, CallState } from './call-machine.ts';

const error = clientError('microphoneRefused');
const pending: CallState = { status: 'pending' };
const accepting: CallState = { status: 'connecting', progress: { ready: false, answered: true } };
const calling: CallState = { status: 'connecting', progress: { ready: false, answered: false } };
const ready: CallState = { status: 'connecting', progress: { ready: true, answered: false } };
const ringing: CallState = { status: 'ringing', progress: { ready: true, answered: false }, earlyMedia: false };
const open: CallState = { status: 'open' };
const noSignal: CallState = { status: 'reconnecting', signalling: true, media: false };
const noMedia: CallState = { status: 'reconnecting', signalling: false, media: true };
const nothing: CallState = { status: 'reconnecting', signalling: true, media: true };
const closed: CallState = { status: 'closed', end: { cause: 'local-hangup', message: '' } };

const cancel: CallInput = { kind: 'cancel', reason: 'answered-elsewhere', by: 'desk' };
const ended: CallInput = { kind: 'ended', cause: 'hangup-caller', message: 'bye' };
const signalling = (up: boolean): CallInput => ({ kind: 'signalling', up });
const media = (up: boolean): CallInput => ({ kind: 'media', up });
const timer = (name: 'offer' | 'ice' | 'give-up'): CallInput => ({ kind: 'timer', name });

const RELEASE = ['release', 'emit'];
const rows: [string, CallState, CallInput, string, string[]][] = [
  ['accept', pending, { kind: 'accept' }, 'connecting', ['open-leg']],
  ['the microphone is refused: it rings on', accepting, { kind: 'accept-failed', error }, 'pending', ['emit-error']],
  ['the leg is up: open', accepting, { kind: 'leg-ready' }, 'open', ['emit']],
  ['reject', pending, { kind: 'reject' }, 'closed', ['send-reject', ...RELEASE]],
  ['ignore', pending, { kind: 'ignore' }, 'closed', RELEASE],
  ['hanging up what rings rejects it', pending, { kind: 'hangup' }, 'closed', ['send-reject', ...RELEASE]],
  ['BR-5 answered elsewhere', pending, cancel, 'closed', RELEASE],
  ['BR-5 answered elsewhere while accepting', accepting, cancel, 'closed', RELEASE],
  ['the offer runs out', pending, timer('offer'), 'closed', RELEASE],
  ['accepted in time', accepting, timer('offer'), 'connecting', []],
  ['the leg is up before the answer', calling, { kind: 'leg-ready' }, 'connecting', []],
  ['ringing there', ready, { kind: 'ringing', earlyMedia: true }, 'ringing', ['emit-ringing']],
  ['the answer before the leg', calling, { kind: 'answered' }, 'connecting', []],
  ['answered', ringing, { kind: 'answered' }, 'open', ['emit']],
  ['hang up while it rings', ringing, { kind: 'hangup' }, 'closed', ['send-hangup', ...RELEASE]],
  ['hang up', open, { kind: 'hangup' }, 'closed', ['send-hangup', ...RELEASE]],
  ['the other side hung up', open, ended, 'closed', RELEASE],
  ['the leg failed', accepting, { kind: 'failed', error }, 'closed', ['emit-error', 'send-hangup', ...RELEASE]],
  ['BR-8 signalling lost', open, signalling(false), 'reconnecting', ['emit-reconnecting']],
  ['BR-8 signalling back', noSignal, signalling(true), 'open', ['stop-timer', 'stop-timer', 'emit']],
  [
    'BR-8 audio lost',
    open,
    media(false),
    'reconnecting',
    ['emit-reconnecting', 'start-timer', 'restart-ice', 'start-timer'],
  ],
  ['BR-8 audio back', noMedia, media(true), 'open', ['stop-timer', 'stop-timer', 'emit']],
  ['BR-8 audio lost too', noSignal, media(false), 'reconnecting', ['start-timer', 'start-timer']],
  ['BR-8 signalling back: now ICE', nothing, signalling(true), 'reconnecting', ['restart-ice', 'start-timer']],
  ['BR-8 ICE again', noMedia, timer('ice'), 'reconnecting', ['restart-ice', 'start-timer']],
  ['BR-8 no ICE without signalling', nothing, timer('ice'), 'reconnecting', ['start-timer']],
  ['BR-8 given up', noMedia, timer('give-up'), 'closed', ['send-hangup', ...RELEASE]],
  ['audio is there: not given up', noSignal, timer('give-up'), 'reconnecting', []],
  ['ended while reconnecting', nothing, ended, 'closed', RELEASE],
];

describe('call machine', () => {
  it.each(rows)('%s', (...row) => {
    const [, state, input, status, effects] = row;
    const next = stepCall(state, input);
    expect(next.state.status).toBe(status);
    expect(next.effects.map(({ kind }) => kind)).toEqual(effects);
  });

  it('a closed call stays closed whatever comes', () => {
    for (const [, , input] of rows) expect(stepCall(closed, input)).toEqual({ state: closed, effects: [] });
  });

  it('inputs out of place change nothing', () => {
    const illegal: [CallState, CallInput][] = [
      [open, { kind: 'accept' }],
      [open, { kind: 'reject' }],
      [ringing, { kind: 'ignore' }],
      [open, { kind: 'ringing', earlyMedia: false }],
      [open, { kind: 'leg-ready' }],
      [open, media(true)],
      [open, signalling(true)],
      [noSignal, signalling(false)],
      [pending, signalling(false)],
      [accepting, media(false)],
      [pending, { kind: 'leg-ready' }],
      [open, { kind: 'accept-failed', error }],
    ];
    for (const [state, input] of illegal) expect(stepCall(state, input)).toEqual({ state, effects: [] });
  });

  it('says how it ended, by event and by cause', () => {
    const endOf = (state: CallState, input: CallInput): unknown => {
      const step = stepCall(state, input);
      const last = step.effects.at(-1);
      return [
        last?.kind === 'emit' ? last.event : undefined,
        step.state.status === 'closed' ? step.state.end : undefined,
      ];
    };
    expect(endOf(pending, cancel)).toEqual([
      'cancel',
      { cause: 'answered-elsewhere', message: 'answered on another device (desk)' },
    ]);
    expect(endOf(pending, { kind: 'reject' })).toMatchObject(['reject', { cause: 'local-reject' }]);
    expect(endOf(open, ended)).toEqual(['disconnect', { cause: 'hangup-caller', message: 'bye' }]);
  });
});
