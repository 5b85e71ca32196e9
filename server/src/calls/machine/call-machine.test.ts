import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LegEvent } from '../ports.ts';
import type { ConferenceNews } from '../conferences/conference-io.ts';
import type { QueueNews } from '../queues/queue-io.ts';
import type { CallEffect } from './call-effect.ts';
import type { CallInput } from './call-input.ts';
import { stepCall } from './call-machine.ts';
import type { CallState } from './call-state.ts';
import { newCallState } from './call-state.ts';

const ROOT = `CA${'4'.repeat(32)}`;
const DOCUMENTS = [
  '<Dial answerOnBridge="true" action="/done"><Client>a</Client><Client>b</Client></Dial><Say>x</Say>',
  '<Dial sequential="true"><Client>a</Client><Number>+15550123</Number></Dial><Pause/>',
  '<Say>x</Say><Play digits="12"/><Redirect/>',
  '<Pause length="2"/><Reject/>',
  '<Dial><Client>a</Client></Dial><Dial answerOnBridge="true"><Client>b</Client></Dial>',
  '<Broken',
  '<Dial answerOnBridge="true" referUrl="/refer"><Client>a</Client></Dial><Say>x</Say>',
  '<Refer action="/done"><Sip>sip:desk@pbx.test</Sip></Refer>',
  '<Enqueue action="/done" waitUrl="/wait">help</Enqueue><Say>x</Say>',
  '<Dial action="/done"><Conference waitUrl="/wait">room</Conference></Dial><Pause/>',
  '<Dial><Queue url="/whisper">help</Queue></Dial><Say>x</Say>',
  '<Say>x</Say><Pause length="1"/><Leave/><Hangup/>',
];
const METHOD = 'POST' as const;
const QUEUE_NEWS: readonly QueueNews[] = [
  {
    kind: 'queued',
    queueSid: 'QU1',
    place: { position: 1, currentSize: 1, maxSize: 9, averageSeconds: 0 },
  },
  { kind: 'called', agent: { callSid: 'CA9', node: 'a' }, whisper: { url: 'http://app.test/whisper', method: METHOD } },
  { kind: 'called', agent: { callSid: 'CA9', node: 'a' }, whisper: undefined },
  { kind: 'requeued' },
  { kind: 'bridged', peerCallSid: 'CA9' },
  { kind: 'parted' },
  { kind: 'redirect', url: 'http://app.test/', method: METHOD },
  { kind: 'given', queueSid: 'QU1', member: { callSid: 'CA9', node: 'a' }, waitSeconds: 3 },
  { kind: 'taken-back' },
  { kind: 'refused', reason: 'queue-full', message: 'm' },
];
const CONFERENCE_NEWS: readonly ConferenceNews[] = [
  { kind: 'joined', conferenceSid: 'CF1', mixed: false, muted: false, startConferenceOnEnter: true },
  { kind: 'started' },
  { kind: 'held', url: 'http://app.test/hold', method: METHOD },
  { kind: 'held', url: undefined, method: METHOD },
  { kind: 'unheld' },
  { kind: 'announce', url: 'http://app.test/announce', method: METHOD },
  { kind: 'wait', url: '', method: METHOD },
  { kind: 'removed', reason: 'participant-kicked' },
];

function start(): CallState {
  return newCallState({
    callSid: ROOT,
    accountSid: 'AC1',
    from: '+15550177',
    to: '+15550100',
    direction: 'inbound',
    seed: 'seed',
    application: {
      applicationSid: 'AP1',
      voice: { url: 'http://app.test/', method: 'POST' },
      fallback: { url: 'http://app.test/fallback', method: 'POST' },
      statusCallback: { url: 'http://app.test/status', method: 'POST', events: ['initiated', 'completed'] },
    },
    extraParams: {},
    origin: {},
  });
}

/** One thing that may happen next; `leg`, `pick` and `other` choose among what there is. */
const happening = fc.record({
  what: fc.constantFrom(
    'answered',
    'ended',
    'ringing',
    'merged',
    'digit',
    'played',
    'fetched',
    'failed',
    'prompt',
    'timer',
    'update',
    'refer',
    'refer',
    'queue',
    'conference',
  ),
  leg: fc.nat(5),
  pick: fc.nat(20),
  good: fc.boolean(),
});
type Happening = typeof happening extends fc.Arbitrary<infer T> ? T : never;

/** Turns a happening into an input that the world could produce after these effects. */
function inputFor(
  { what, leg, pick, good }: Happening,
  state: CallState,
  effects: readonly CallEffect[],
): CallInput | undefined {
  const legs = [...state.legs.keys()];
  const callSid = legs[leg % legs.length]!;
  const peerCallSid = legs[pick % legs.length]!;
  const last = <K extends CallEffect['kind']>(kind: K): Extract<CallEffect, { kind: K }> | undefined => {
    const all = effects.filter((effect): effect is Extract<CallEffect, { kind: K }> => effect.kind === kind);
    return all[pick % Math.max(1, all.length)];
  };
  const event = (it: LegEvent): CallInput => ({ kind: 'leg', event: it });
  switch (what) {
    case 'answered':
      return event({ kind: 'leg-answered', callSid });
    case 'ended':
      return event({
        kind: 'leg-ended',
        callSid,
        cause: good ? 'no-answer' : 'media-worker-died',
        message: 'm',
        by: 'remote',
      });
    case 'ringing':
      return event({ kind: 'leg-ringing', callSid, earlyMedia: good });
    case 'merged':
      return event({ kind: 'merged', callSid, peerCallSid });
    case 'digit':
      return event({ kind: 'digit', callSid, digit: '*' });
    case 'played': {
      const plays = effects.flatMap((each) =>
        each.kind === 'leg' && each.command.do === 'play' ? [each.command.playId] : [],
      );
      const playId = plays[pick % Math.max(1, plays.length)];
      return playId === undefined
        ? undefined
        : event({ kind: 'play-ended', callSid: ROOT, playId, result: good ? 'finished' : 'failed' });
    }
    case 'fetched':
    case 'failed': {
      const fetchId = last('fetch')?.fetchId;
      if (fetchId === undefined) return undefined;
      const base = { url: 'http://app.test/', durationMs: 1 };
      const body = `<Response>${DOCUMENTS[pick % DOCUMENTS.length]}</Response>`;
      return what === 'failed'
        ? { kind: 'fetched', fetchId, response: { ...base, ok: false, code: 11_205, message: 'm', hint: 'h' } }
        : { kind: 'fetched', fetchId, response: { ...base, ok: true, status: 200, contentType: 'text/xml', body } };
    }
    case 'prompt': {
      const promptId = last('prompt')?.promptId;
      if (promptId === undefined) return undefined;
      const result = good
        ? ({ ok: true, wav: new Uint8Array(1) } as const)
        : ({ ok: false, code: 1, message: 'm' } as const);
      return { kind: 'prompt-ready', promptId, result };
    }
    case 'timer': {
      const name = last('start-timer')?.name;
      return name === undefined || name.startsWith('call:') ? undefined : { kind: 'timer', name };
    }
    case 'refer': {
      const way = good
        ? ({ kind: 'number', number: '+15550142' } as const)
        : ({ kind: 'leg', callSid: 'x', to: 'y' } as const);
      const referId = `refer ${String(effects.length)}`;
      if (pick % 4 === 0) return event({ kind: 'referred', callSid, outcome: { kind: 'done', sipStatus: 200 } });
      return event({ kind: 'refer-requested', callSid, referId, target: { uri: 'sip:x@y.test', way }, trusted: true });
    }
    case 'queue':
      return { kind: 'queue', callSid: ROOT, news: QUEUE_NEWS[pick % QUEUE_NEWS.length]! };
    case 'conference':
      return { kind: 'conference', callSid: ROOT, news: CONFERENCE_NEWS[pick % CONFERENCE_NEWS.length]! };
    case 'update':
      return pick % 10 > 0
        ? undefined
        : { kind: 'update', callSid, change: { kind: 'twiml', document: `<Response>${DOCUMENTS[leg]}</Response>` } };
  }
}

function plain(state: CallState): object {
  return { ...state, legs: [...state.legs], sides: [...state.sides] };
}

/** Whether the call is in a queue or a conference after the last of these effects. */
function stillIn(effects: readonly CallEffect[], news: readonly (CallInput & { at: number })[]): boolean {
  let inside = false;
  for (const [at, effect] of effects.entries()) {
    if (news.some((each) => each.at === at && isOut(each))) inside = false;
    if (effect.kind === 'queue' && effect.wish.do !== 'ready') inside = effect.wish.do !== 'leave';
    if (effect.kind === 'conference') inside = effect.command.do === 'join';
  }
  return inside && !news.some((each) => each.at === effects.length && isOut(each));
}

function isOut(input: CallInput): boolean {
  if (input.kind !== 'queue' && input.kind !== 'conference') return false;
  return ['parted', 'redirect', 'refused', 'removed'].includes(input.news.kind);
}

describe('the call machine', () => {
  it('EV-1 whatever happens: no throw, gapless sequences, one end a leg, everything released at the end', () => {
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 60 }), (happenings) => {
        const effects: CallEffect[] = [];
        let state = start();
        const open = new Set<string>();
        const news: (CallInput & { at: number })[] = [];
        let at = 0;
        const feed = (input: CallInput): void => {
          const frozen = JSON.stringify(plain(state));
          const next = stepCall(state, input, (at += 700));
          expect(JSON.stringify(plain(state))).toBe(frozen);
          expect(stepCall(state, input, at)).toEqual(next);
          if (input.kind === 'timer') open.delete(input.name);
          if (input.kind === 'queue' || input.kind === 'conference') news.push({ ...input, at: effects.length });
          for (const effect of next.effects) {
            if (effect.kind === 'start-timer') open.add(effect.name);
            if (effect.kind === 'stop-timer') open.delete(effect.name);
          }
          effects.push(...next.effects);
          state = next.state;
        };
        feed({ kind: 'start-incoming' });
        for (const each of happenings) {
          const input = inputFor(each, state, effects);
          if (input !== undefined) feed(input);
        }
        // At last the caller hangs up and the bridge reports every leg.
        for (const callSid of [ROOT, ...state.legs.keys()]) {
          feed({ kind: 'leg', event: { kind: 'leg-ended', callSid, cause: 'canceled', message: 'm', by: 'remote' } });
        }
        const events = effects.filter((effect) => effect.kind === 'emit');
        for (const callSid of state.legs.keys()) {
          const own = events.filter((event) => event.callSid === callSid);
          expect(own.map(({ sequence }) => sequence)).toEqual(own.map((_event, n) => n));
          expect(own.filter(({ type }) => type === 'call.ended')).toHaveLength(1);
          expect(own.at(-1)?.type).toBe('call.ended');
        }
        // Who asked for a transfer of a living leg hears of its outcome, once.
        const answers = effects.flatMap((effect) =>
          effect.kind === 'leg' && effect.command.do === 'answer-refer' ? [effect.command] : [],
        );
        for (const referId of new Set(answers.map((command) => command.referId))) {
          const words = answers.filter((command) => command.referId === referId).map(({ answer }) => answer);
          const final = words.filter(
            (word) => word.kind === 'refused' || (word.kind === 'progress' && word.sipStatus >= 200),
          );
          expect([words[0]?.kind === 'refused' || words[0]?.kind === 'accepted', final.length]).toEqual([true, 1]);
          expect(words.at(-1)).toBe(final[0]);
        }
        expect(effects.filter(({ kind }) => kind === 'closed')).toHaveLength(1);
        expect([...open]).toEqual([]);
        expect([...state.sides.keys()]).toEqual([]);
        // What is put into a queue or a conference is taken out of it again, or has heard that it is out.
        expect(stillIn(effects, news)).toEqual(false);
      }),
      { numRuns: 400 },
    );
  });
});
