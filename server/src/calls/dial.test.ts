import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expectGapless } from './testing/gapless.fake.ts';
import { APP_URL, CALL, CallWorld, settle } from './testing/call-world.fake.ts';

const DONE = 'http://app.test/done';

describe('Dial', () => {
  let world: CallWorld;
  beforeEach(() => {
    world = new CallWorld();
    world.twiml('<Hangup/>', DONE);
  });
  afterEach(() => {
    expect(world.router.activeCalls()).toEqual([]);
    expect(world.clock.pendingTimers).toBe(0);
    expectGapless(world);
  });
  const end = (): void => {
    world.legs.remoteEnd(CALL, 'hangup-caller');
  };
  const dial = async (attributes: string, nouns: string): Promise<void> => {
    await world.twiml(`<Dial action="/done" ${attributes}>${nouns}</Dial>`).call();
  };

  it('BR-5 the first answer wins, the others are ended as canceled, a late answer loses too', async () => {
    await dial('answerOnBridge="true"', '<Client>a</Client><Client>b</Client><Number>+15550123</Number>');
    expect(world.legs.placed.map(({ to }) => to)).toEqual(['client:a', 'client:b', '+15550123']);
    world.router.legEvent({ kind: 'leg-answered', callSid: world.party(1) });
    world.router.legEvent({ kind: 'leg-answered', callSid: world.party(0) });
    expect(world.legs.ends.map(({ callSid, request }) => `${world.name(callSid)} ${request.cause}`)).toEqual([
      'party0 canceled',
      'party2 canceled',
    ]);
    expect(world.legs.commands.filter((command) => command.startsWith('merge'))).toHaveLength(1);
    expect(world.story().filter((line) => line.includes('merged'))).toEqual(['caller 7 merged', 'party1 2 merged']);
    expect(world.story().filter((line) => line.includes('ended canceled'))).toEqual([
      'party0 1 ended canceled canceled',
      'party2 1 ended canceled canceled',
    ]);
    end();
  });

  it('BR-5 an answer that crosses the cancel is ended and never merged', async () => {
    world.legs.silentEnds = true;
    await dial('answerOnBridge="true"', '<Client>a</Client><Number>+15550123</Number>');
    world.router.legEvent({ kind: 'leg-answered', callSid: world.party(0) });
    world.router.legEvent({ kind: 'leg-answered', callSid: world.party(1) });
    expect(world.legs.commands.filter((command) => command.endsWith('party1')).slice(1)).toEqual([
      'end:canceled party1',
      'end:canceled party1',
    ]);
    expect(world.legs.commands.filter((command) => command.startsWith('merge'))).toHaveLength(1);
    world.legs.remoteEnd(world.party(1), 'canceled');
    end();
    world.legs.remoteEnd(world.party(0), 'hangup-caller');
  });

  it.each([
    ['all reject', ['rejected', 'busy'], 'busy', 'busy'],
    ['nobody answers', ['no-answer', 'no-answer'], 'no-answer', 'no-answer'],
    ['nobody is registered', ['not-registered', 'not-registered'], 'failed', 'unreachable'],
    ['one rejects, one lets it ring', ['rejected', 'no-answer'], 'no-answer', 'no-answer'],
    ['one rejects, one is not registered', ['rejected', 'not-registered'], 'busy', 'busy'],
  ] as const)('BR-6 %s', async (_name, causes, status, cause) => {
    await dial('answerOnBridge="true"', '<Client>a</Client><Client>b</Client>');
    world.legs.remoteEnd(world.party(0), causes[0]);
    expect(world.requests).toHaveLength(1);
    world.legs.remoteEnd(world.party(1), causes[1]);
    await settle();
    expect(world.requests.at(-1)).toMatchObject({ url: DONE, method: 'POST' });
    expect(world.lastParams()).toMatchObject({ DialCallStatus: status, DialBridged: 'false', CallStatus: 'ringing' });
    expect(world.story()).toContain(`caller 6 verb-ended Dial ${status}`);
    // Nothing answered it: the caller is turned away with the outcome of the Dial.
    expect(world.events.find(({ type, subject }) => type === 'call.ended' && subject === CALL)!.data).toMatchObject({
      status,
    });
    expect(world.legs.ends.at(-1)).toMatchObject({ callSid: CALL, request: { cause } });
    expect(world.legs.commands).not.toContain('answer caller');
  });

  it('CR-1 action gets status, sid and duration of the dialled call and its TwiML runs', async () => {
    await dial('method="GET"', '<Client>a</Client>');
    const party = world.party(0);
    world.router.legEvent({ kind: 'leg-answered', callSid: party });
    world.clock.advance(12_300);
    world.legs.remoteEnd(party, 'hangup-callee');
    await settle();
    expect(world.requests.at(-1)!.method).toBe('GET');
    expect(world.lastParams()).toMatchObject({
      DialCallStatus: 'completed',
      DialCallSid: party,
      DialCallDuration: '12',
      DialBridged: 'true',
      CallStatus: 'in-progress',
    });
    expect(world.story().slice(-3)).toEqual([
      'caller 11 verb-started Hangup',
      'caller 12 verb-ended Hangup finished',
      'caller 13 ended completed hangup-api',
    ]);
  });

  it('CR-1 without answerOnBridge the caller is answered first and hears a ringing tone until the answer', async () => {
    await dial('', '<Client>a</Client>');
    world.router.legEvent({ kind: 'leg-answered', callSid: world.party(0) });
    expect(world.legs.commands).toEqual([
      'ring caller',
      'answer caller',
      'play:ringback caller',
      'place:client:a party0',
      'stop-play caller',
      'merge caller',
    ]);
    end();
  });

  it('CR-1 sequential calls one after another', async () => {
    await dial(
      'answerOnBridge="true" sequential="true" timeout="10"',
      '<Client>a</Client><Client>b</Client><Client>c</Client>',
    );
    expect(world.legs.placed).toHaveLength(1);
    world.legs.remoteEnd(world.party(0), 'no-answer');
    world.legs.remoteEnd(world.party(1), 'rejected');
    expect(world.legs.placed.map(({ to, timeoutMs }) => `${to} ${timeoutMs}`)).toEqual([
      'client:a 10000',
      'client:b 10000',
      'client:c 10000',
    ]);
    world.router.legEvent({ kind: 'leg-answered', callSid: world.party(2) });
    expect(world.legs.commands).toContain('merge caller');
    end();
  });

  it('CR-1 hangupOnStar ends the party, not the caller', async () => {
    await dial('answerOnBridge="true" hangupOnStar="true"', '<Client>a</Client>');
    world.router.legEvent({ kind: 'digit', callSid: CALL, digit: '*' });
    expect(world.legs.ends).toEqual([]);
    world.router.legEvent({ kind: 'leg-answered', callSid: world.party(0) });
    world.router.legEvent({ kind: 'digit', callSid: CALL, digit: '1' });
    world.router.legEvent({ kind: 'digit', callSid: CALL, digit: '*' });
    await settle();
    expect(world.legs.ends[0]!.callSid).toBe(world.party(0));
    expect(world.lastParams()['DialCallStatus']).toBe('completed');
  });

  it('CR-1 timeLimit ends the conversation', async () => {
    await dial('answerOnBridge="true" timeLimit="60"', '<Client>a</Client>');
    world.router.legEvent({ kind: 'leg-answered', callSid: world.party(0) });
    world.clock.advance(59_999);
    expect(world.legs.ends).toEqual([]);
    world.clock.advance(1);
    expect(world.legs.ends[0]).toMatchObject({ callSid: world.party(0), request: { cause: 'time-limit' } });
    await settle();
    expect(world.lastParams()['DialCallStatus']).toBe('completed');
  });

  it('BR-6 a bridge that forgets the timeout does not hold the caller for ever', async () => {
    await dial('answerOnBridge="true" timeout="20"', '<Client>a</Client>');
    world.clock.advance(25_000);
    await settle();
    expect(world.lastParams()['DialCallStatus']).toBe('no-answer');
  });

  it('CR-1 callerId, SIP credentials and headers, client parameters and digits reach the legs', async () => {
    await dial(
      'answerOnBridge="true" callerId="+1 (555) 0-199"',
      `<Client><Identity>support/alice</Identity><Parameter name="order" value="17"/></Client>
       <Sip username="u" password="p">sip:bob@192.0.2.9;transport=tcp?X-Order=17%20b&amp;Evil=1</Sip>
       <Number sendDigits="ww12">0015550123</Number>`,
    );
    expect(world.legs.placed.map(({ from }) => from)).toEqual(['+15550199', '+15550199', '+15550199']);
    expect(world.legs.placed.map(({ target }) => target)).toEqual([
      { kind: 'client', identity: 'support/alice', parameters: { order: '17' } },
      {
        kind: 'sip',
        uri: 'sip:bob@192.0.2.9;transport=tcp',
        username: 'u',
        password: 'p',
        headers: [['X-Order', '17 b']],
      },
      { kind: 'number', number: '+15550123', sendDigits: 'ww12' },
    ]);
    expect(world.story().filter((line) => line.includes('warning'))).toHaveLength(1);
    world.router.legEvent({ kind: 'leg-answered', callSid: world.party(2) });
    expect(world.legs.commands).toContain('digits:ww12 party2');
    end();
  });

  it('CR-1 a client that dials a number without callerId gets a warning and the outcome failed', async () => {
    world.twiml('<Dial action="/done" answerOnBridge="true"><Number>+15550123</Number></Dial>');
    await world.call({
      from: 'client:alice',
      to: 'client',
      origin: { kind: 'client', identity: 'alice', params: { To: 'x', Order: '7', From: 'evil' } },
    });
    expect(world.requests[0]!.params).toMatchObject({
      From: 'client:alice',
      Order: '7',
      To: 'client',
      ApplicationSid: expect.any(String) as string,
    });
    expect(world.story()).toContain('caller 5 warning 13214');
    expect(world.lastParams()['DialCallStatus']).toBe('failed');
  });

  it('CR-3 status callbacks of a noun come in order with a sequence of their own', async () => {
    await dial(
      'answerOnBridge="true"',
      '<Client statusCallback="/status" statusCallbackEvent="initiated ringing answered completed">a</Client>',
    );
    const party = world.party(0);
    world.router.legEvent({ kind: 'leg-ringing', callSid: party, earlyMedia: false });
    world.router.legEvent({ kind: 'leg-answered', callSid: party });
    world.clock.advance(5000);
    world.legs.remoteEnd(party, 'hangup-callee');
    expect(
      world.callbacks.map(({ url, params }) => [
        url,
        params['CallStatus'],
        params['SequenceNumber'],
        params['CallSid'] === party,
      ]),
    ).toEqual(
      ['initiated', 'ringing', 'in-progress', 'completed'].map((status, n) => [
        'http://app.test/status',
        status,
        String(n),
        true,
      ]),
    );
    expect(world.callbacks.at(-1)!.params).toMatchObject({
      CallDuration: '5',
      ParentCallSid: CALL,
      Direction: 'outbound-dial',
      CallbackSource: 'call-progress-events',
      Timestamp: 'Tue, 01 Jan 2030 00:00:05 +0000',
    });
    await settle();
  });

  it('a party that answers and is gone before the merge ends the Dial', async () => {
    await dial('answerOnBridge="true"', '<Client>a</Client>');
    world.router.legEvent({ kind: 'leg-answered', callSid: world.party(0) });
    world.legs.remoteEnd(world.party(0), 'connection-lost');
    await settle();
    expect(world.lastParams()).toMatchObject({ DialCallStatus: 'completed', DialCallDuration: '0' });
  });

  it('a second Dial is not told of the parties of the first', async () => {
    world.legs.silentEnds = true;
    await world
      .twiml(
        '<Dial answerOnBridge="true"><Client>a</Client><Client>b</Client></Dial><Dial><Client>c</Client></Dial>',
        APP_URL,
      )
      .call();
    world.router.legEvent({ kind: 'leg-answered', callSid: world.party(0) });
    world.legs.remoteEnd(world.party(0), 'hangup-callee');
    expect(world.legs.placed).toHaveLength(3);
    world.router.legEvent({ kind: 'leg-answered', callSid: world.party(1) });
    expect(world.legs.commands.filter((command) => command.startsWith('merge'))).toHaveLength(1);
    world.legs.remoteEnd(world.party(1), 'canceled');
    end();
    world.legs.remoteEnd(world.party(2), 'hangup-caller');
  });
});
