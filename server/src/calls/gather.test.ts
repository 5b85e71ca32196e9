import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expectGapless } from './testing/gapless.fake.ts';
import { APP_URL, CALL, CallWorld, settle } from './testing/call-world.fake.ts';

const DONE = 'http://app.test/done';

describe('Gather', () => {
  let world: CallWorld;
  beforeEach(() => {
    world = new CallWorld();
    world.twiml('<Hangup/>', DONE);
  });
  afterEach(() => {
    if (world.router.activeCalls().length > 0) world.legs.remoteEnd(CALL, 'hangup-caller');
    expect(world.router.activeCalls()).toEqual([]);
    expect(world.clock.pendingTimers).toBe(0);
    expectGapless(world);
  });
  const press = (...digits: string[]): void => {
    for (const digit of digits) world.router.legEvent({ kind: 'digit', callSid: CALL, digit });
  };
  const gather = async (attributes: string, nested = '', after = ''): Promise<void> => {
    await world.twiml(`<Gather action="/done" ${attributes}>${nested}</Gather>${after}`).call();
    await settle();
  };

  it('CR-1 the action gets the keys when finishOnKey follows them', async () => {
    await gather('');
    press('1', '2', '*', '#');
    await settle();
    expect(world.requests.at(-1)).toMatchObject({ url: DONE, method: 'POST' });
    expect(world.lastParams()).toMatchObject({ Digits: '12*', FinishedOnKey: '#' });
  });

  it('CR-1 numDigits ends it, a key of another kind does not', async () => {
    await gather('numDigits="3" finishOnKey="" method="GET"');
    press('#', '7');
    expect(world.requests).toHaveLength(1);
    press('9');
    await settle();
    expect(world.requests.at(-1)!.method).toBe('GET');
    expect(world.lastParams()).toMatchObject({ Digits: '#79', FinishedOnKey: '' });
  });

  it('CR-1 the time-out counts from the last key, and what was pressed until then is sent', async () => {
    await gather('timeout="3"');
    world.clock.advance(2900);
    press('4');
    world.clock.advance(2900);
    press('5');
    world.clock.advance(2999);
    await settle();
    expect(world.requests).toHaveLength(1);
    world.clock.advance(1);
    await settle();
    expect(world.lastParams()).toMatchObject({ Digits: '45', FinishedOnKey: '' });
  });

  it('CR-1 without a key the next verb runs; with actionOnEmptyResult the action is asked', async () => {
    await gather('timeout="2"', '', '<Pause length="9"/>');
    world.clock.advance(2000);
    expect(world.story()).toContain('caller 6 verb-ended Gather nothing');
    expect(world.story()).toContain('caller 7 verb-started Pause');
    world.legs.remoteEnd(CALL, 'hangup-caller');
    world = new CallWorld();
    world.twiml('<Hangup/>', DONE);
    await gather('timeout="2" actionOnEmptyResult="true"');
    world.clock.advance(2000);
    await settle();
    expect(world.lastParams()).toMatchObject({ Digits: '', FinishedOnKey: '' });
  });

  it('CR-1 without an action the document itself is asked again', async () => {
    await world.twiml('<Gather numDigits="1"/>').twiml('<Hangup/>').call();
    press('1');
    await settle();
    expect(world.requests.map(({ url }) => url)).toEqual([APP_URL, APP_URL]);
    expect(world.lastParams()['Digits']).toBe('1');
  });

  it('CR-1 the time-out begins when the last nested prompt is over', async () => {
    world.autoPlay = false;
    await gather('timeout="1"', '<Say>one</Say><Pause length="5"/><Play>two.wav</Play>');
    world.clock.advance(60_000);
    const ended = (): void => {
      const playId = '1:prompt';
      world.router.legEvent({ kind: 'play-ended', callSid: CALL, playId, result: 'finished' });
    };
    ended();
    world.clock.advance(5000);
    await settle();
    world.clock.advance(60_000);
    expect(world.legs.commands.filter((command) => command.startsWith('play'))).toHaveLength(2);
    ended();
    expect(world.clock.pendingTimers).toBe(1);
    world.clock.advance(1000);
    await settle();
    expect(world.story()).toContain('caller 6 verb-ended Gather nothing');
  });

  it('CR-1 a key stops the prompt at once (barge-in), but not with bargeIn="false"', async () => {
    world.autoPlay = false;
    await gather('', '<Say loop="0">press a key</Say><Play>never.wav</Play>');
    press('1');
    expect(world.legs.commands.slice(-1)).toEqual(['stop-play caller']);
    press('#');
    await settle();
    expect(world.lastParams()).toMatchObject({ Digits: '1' });
    world = new CallWorld();
    world.twiml('<Hangup/>', DONE);
    world.autoPlay = false;
    await gather('bargeIn="false" numDigits="2"', '<Say>a notice</Say>');
    press('1');
    expect(world.legs.commands).not.toContain('stop-play caller');
    press('2');
    await settle();
    expect(world.lastParams()).toMatchObject({ Digits: '12' });
  });

  it('CR-1 the finishing key alone stops the prompt and sends nothing', async () => {
    world.autoPlay = false;
    await gather('timeout="2"', '<Say>hello</Say>');
    press('#');
    expect(world.legs.commands.at(-1)).toBe('stop-play caller');
    await settle();
    expect(world.requests).toHaveLength(1);
    world.clock.advance(2000);
    expect(world.story()).toContain('caller 7 verb-ended Gather nothing');
  });

  it('CR-1 a prompt that cannot be had costs a warning', async () => {
    world.prompt = { ok: false, code: 11_200, message: 'not found' };
    await gather('timeout="2"', '<Play>gone.wav</Play>');
    expect(world.story()).toContain('caller 6 warning 11200');
    press('1', '#');
    await settle();
    expect(world.lastParams()['Digits']).toBe('1');
  });

  it('CR-1 a bad attribute is replaced by its default with its own code, a foreign child is left out', async () => {
    await gather('timeout="soon" numDigits="x" finishOnKey="12" input="smell"', '<Dial>1</Dial>');
    expect(
      world
        .story()
        .filter((line) => line.includes('warning'))
        .map((line) => line.split(' ').at(-1)),
    ).toEqual(['13320', '13313', '13314', '13310', '13326']);
  });

  it('CR-4 a live update takes the call out of Gather', async () => {
    world.autoPlay = false;
    await gather('input="dtmf speech"', '<Say>hello</Say>');
    world.router.update(CALL, { kind: 'twiml', document: '<Response><Hangup/></Response>' });
    await settle();
    expect(world.legs.commands).toContain('stop-listening caller');
    expect(world.legs.commands).toContain('stop-play caller');
  });

  describe('speech', () => {
    const listenId = '1:speech';
    const began = (): void => {
      world.router.legEvent({ kind: 'speech-began', callSid: CALL, listenId });
    };

    it('CR-1 the action gets what was said; speech stops the prompt', async () => {
      world.autoPlay = false;
      await gather('input="speech" hints="sales, support" speechTimeout="2" language="en-GB"', '<Say>well?</Say>');
      expect(world.legs.listening!.options).toEqual({
        language: 'en-GB',
        hints: ['sales', 'support'],
        endSilenceMs: 2000,
        maxMs: 60_000,
        partial: false,
      });
      began();
      expect(world.legs.commands.at(-1)).toBe('stop-play caller');
      world.router.legEvent({
        kind: 'speech-ended',
        callSid: CALL,
        listenId,
        result: { kind: 'recognised', text: 'sales', confidence: 0.9 },
      });
      await settle();
      expect(world.lastParams()).toMatchObject({ SpeechResult: 'sales', Confidence: '0.9000' });
      expect(world.lastParams()).not.toHaveProperty('Digits');
    });

    it('CR-1 nobody speaks: the time-out ends it and nobody listens any more', async () => {
      await gather('input="speech" timeout="4"', '', '<Pause length="9"/>');
      world.clock.advance(4000);
      expect(world.legs.commands.at(-1)).toBe('stop-listening caller');
      expect(world.story().at(-1)).toContain('verb-started Pause');
    });

    it('CR-1 somebody who speaks is not cut off by the time-out', async () => {
      await gather('input="speech" timeout="2"');
      began();
      world.clock.advance(30_000);
      expect(world.story().at(-1)).toContain('verb-started Gather');
    });

    it('CR-1 a key decides against speech, speech against keys', async () => {
      await gather('input="dtmf speech" numDigits="2"');
      press('1');
      expect(world.legs.listening).toBeUndefined();
      began();
      press('2');
      await settle();
      expect(world.lastParams()).toMatchObject({ Digits: '12' });
      world = new CallWorld();
      world.twiml('<Hangup/>', DONE);
      await gather('input="dtmf speech" numDigits="1"');
      began();
      press('1');
      await settle();
      expect(world.requests).toHaveLength(1);
    });

    it('CR-1 partial results are told in order', async () => {
      await gather('input="speech" partialResultCallback="/partial"');
      began();
      for (const text of ['I', 'I want']) {
        world.router.legEvent({ kind: 'speech-partial', callSid: CALL, listenId, text });
      }
      expect(world.callbacks.map(({ params }) => [params['SequenceNumber'], params['UnstableSpeechResult']])).toEqual([
        ['0', 'I'],
        ['1', 'I want'],
      ]);
    });

    it('CR-1 a recognizer that fails costs a warning, keys still count', async () => {
      await gather('input="dtmf speech" numDigits="1"');
      world.router.legEvent({
        kind: 'speech-ended',
        callSid: CALL,
        listenId,
        result: { kind: 'failed', message: 'x' },
      });
      expect(world.story().at(-1)).toContain('warning');
      press('3');
      await settle();
      expect(world.lastParams()).toMatchObject({ Digits: '3' });
    });
  });
});

describe('Echo', () => {
  it('CR-1 plays what the caller says, until the call ends', async () => {
    const world = new CallWorld();
    await world.twiml('<Echo/><Pause/>').call();
    expect(world.legs.media).toEqual([{ kind: 'echo' }]);
    world.clock.advance(3_600_000);
    expect(world.story().at(-1)).toContain('verb-started Echo');
    world.legs.remoteEnd(CALL, 'hangup-caller');
    expect(world.router.activeCalls()).toEqual([]);
  });
});
