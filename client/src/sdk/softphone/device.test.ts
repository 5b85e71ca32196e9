import { describe, expect, it } from 'vitest';
import { settle } from '../kit/clock.fake.ts';
import { clientError } from '../kit/index.ts';
import type { Call } from './call.ts';
import { OTHER, RESULTS, SID, consumer, setUp } from './device-world.fake.ts';

/** Events of a call, in order. */
function record(call: Call): string[] {
  const seen: string[] = [];
  for (const event of [
    'accept',
    'ringing',
    'audio',
    'cancel',
    'reject',
    'disconnect',
    'reconnecting',
    'reconnected',
  ] as const) {
    call.on(event, () => seen.push(event));
  }
  return seen;
}

describe('device', () => {
  it('BR-4 rings, is answered, hears, and hangs up', async () => {
    const t = await setUp();
    expect(t.device.state).toBe('registered');
    expect(t.device.identity).toBe('alice');
    const call = await t.offer();
    const seen = record(call);
    expect(call).toMatchObject({ status: 'pending', direction: 'incoming', callSid: SID, peer: '+15550199' });
    call.accept();
    await settle();
    expect(call.status).toBe('open');
    expect(t.device.activeCall).toBe(call);
    expect(t.requests[1]).toEqual({
      type: 'accept',
      callSid: SID,
      token: 'sealed-1',
      hint: 'node-1',
      rtpCapabilities: { codecs: [] },
    });
    t.hub.push({ type: 'merged', callSid: SID });
    let level = 0;
    call.on('volume', ({ input }) => (level = input));
    await t.clock.advance(200);
    expect(level).toBe(0.5);
    call.disconnect();
    await settle();
    expect(t.types()).toEqual(['register', 'accept', 'hangup']);
    expect(seen).toEqual(['audio', 'accept', 'disconnect']);
    expect(t.device.calls).toEqual([]);
    t.close();
  });

  it('EV-7 sends messages into the call, hears the answers, and messages of the application', async () => {
    const t = await setUp();
    const call = await t.offer();
    await expect(call.sendMessage(1)).rejects.toMatchObject({ name: 'invalidState' });
    call.accept();
    await settle();
    t.answers['message'] = { messageSid: 'KX1' };
    const heard: unknown[] = [];
    call.on('message', (message) => heard.push(message));
    t.hub.push({ type: 'message', callSid: SID, messageSid: 'KX0', content: { screen: 7 } });
    expect(heard).toEqual([{ messageSid: 'KX0', content: { screen: 7 } }]);

    const answered = call.sendMessage({ ask: 'balance' });
    await settle();
    const request = t.requests.at(-1)!;
    expect(request).toMatchObject({ type: 'message', callSid: SID, content: { ask: 'balance' } });
    const answer = { type: 'message-answer', callSid: SID, messageId: request['messageId'], messageSid: 'KX1' };
    t.hub.push({ ...answer, answer: 12 });
    expect(await answered).toEqual({ messageSid: 'KX1', answer: 12 });

    const failed = call.sendMessage(2, { messageId: 'mine' });
    t.hub.push({ ...answer, messageId: 'mine', problem: 'it answered 500' });
    await expect(failed).rejects.toMatchObject({ name: 'messageNotAnswered', message: 'it answered 500' });
    const hungUp = expect(call.sendMessage(4)).rejects.toMatchObject({ name: 'callGone' });
    await settle();
    call.disconnect();
    await hungUp;
    await settle();
    t.close();
  });

  it('BR-7 is set away and back', async () => {
    const t = await setUp();
    t.answers['presence'] = { state: 'away' };
    await t.device.setAway(true);
    await t.device.setAway(false);
    expect(t.requests.slice(1).map(({ state }) => state)).toEqual(['away', 'available']);
    t.close();
  });

  it('the microphone is opened while the server is asked when it may be used already', async () => {
    const t = await setUp();
    const call = await t.offer();
    t.answers['accept'] = undefined;
    call.accept();
    await settle();
    expect(t.platform.tracks).toHaveLength(1);
    expect(t.types()).toContain('accept');
    call.disconnect();
    t.hub.last.drop();
    await settle();
    t.close();
  });

  it('when the browser has to ask first, the server hears of it only after the answer', async () => {
    const t = await setUp();
    t.platform.permission = 'prompt';
    t.platform.microphoneError = clientError('microphoneRefused');
    const call = await t.offer();
    const errors: string[] = [];
    call.on('error', ({ name }) => errors.push(name));
    call.accept();
    await settle();
    expect(errors).toEqual(['microphoneRefused']);
    expect(call.status).toBe('pending');
    expect(t.types()).toEqual(['register']);
    t.platform.microphoneError = undefined;
    call.accept();
    await settle();
    expect(call.status).toBe('open');
    t.close();
  });

  it('BR-5 answered on another device: it stops ringing and says where', async () => {
    const t = await setUp();
    const call = await t.offer();
    const seen = record(call);
    t.hub.push({ type: 'cancel', callSid: SID, reason: 'answered-elsewhere', by: 'RG2' });
    expect(seen).toEqual(['cancel']);
    expect(call.end).toEqual({ cause: 'answered-elsewhere', message: 'answered on another device (RG2)' });
    t.close();
  });

  it('BR-5 the slower of two accepts is told so and leaves nothing open', async () => {
    const t = await setUp();
    t.answers['accept'] = { code: 203, name: 'answeredElsewhere', message: 'another device answered first' };
    const call = await t.offer();
    const errors: string[] = [];
    call.on('error', ({ name }) => errors.push(name));
    call.accept();
    await settle();
    expect(errors).toEqual(['answeredElsewhere']);
    expect(call.status).toBe('closed');
    t.close();
  });

  it('BR-6 rejects, ignores, and lets an offer run out', async () => {
    const t = await setUp();
    (await t.offer()).reject();
    const ignored = await t.offer(OTHER);
    ignored.ignore();
    await settle();
    expect(t.requests.map(({ type }) => type)).toEqual(['register', 'reject']);
    expect(t.requests[1]).toMatchObject({ callSid: SID, token: 'sealed-1', reason: 'rejected' });
    const late = await t.offer();
    await t.clock.advance(30_000);
    expect(late.end?.cause).toBe('timeout');
    t.close();
  });

  it('a second call during one is declined as busy unless it is wanted', async () => {
    const t = await setUp();
    const call = await t.offer();
    call.accept();
    await settle();
    await t.offer(OTHER);
    expect(t.incoming).toHaveLength(1);
    expect(t.requests.at(-1)).toMatchObject({ type: 'reject', callSid: OTHER, reason: 'busy' });
    t.device.updateOptions({ allowIncomingWhileBusy: true });
    await t.offer(OTHER);
    expect(t.incoming).toHaveLength(2);
    expect(t.device.activeCall).toBe(call);
    t.close();
  });

  it('BR-4 calls out: rings, is answered; messages that overtake the answer to connect are kept', async () => {
    const t = await setUp();
    t.answers['connect'] = undefined;
    const call = t.device.connect({ params: { To: '+15550123' } });
    const seen = record(call);
    await settle();
    const id = t.hub.last.take().at(-1);
    t.hub.push({ type: 'ringing', callSid: OTHER, earlyMedia: false });
    if (id?.type !== 'extension') throw new Error('no connect request');
    t.hub.last.send({ type: 'result', id: id.id, extension: 'softphone', body: RESULTS['connect'] });
    await settle();
    expect(call).toMatchObject({ status: 'ringing', callSid: OTHER, to: '+15550123', direction: 'outgoing' });
    t.hub.push({ type: 'answered', callSid: OTHER });
    expect(call.status).toBe('open');
    expect(seen).toEqual(['ringing', 'audio', 'accept']);
    expect(() => t.device.connect({ params: {} })).toThrow(/there is a call already/);
    t.hub.push({ type: 'ended', callSid: OTHER, cause: 'hangup-callee', message: 'the other side hung up' });
    expect(call.end).toEqual({ cause: 'hangup-callee', message: 'the other side hung up' });
    t.close();
  });

  it('a call that is hung up before the server has named it is hung up when it does', async () => {
    const t = await setUp();
    t.answers['connect'] = undefined;
    const call = t.device.connect({ params: { To: 'client:bob' } });
    await settle();
    const request = t.hub.last.take().at(-1);
    call.disconnect();
    expect(call.status).toBe('closed');
    if (request?.type !== 'extension') throw new Error('no connect request');
    t.hub.last.send({ type: 'result', id: request.id, extension: 'softphone', body: RESULTS['connect'] });
    await settle();
    expect(t.requests.at(-1)).toEqual({ type: 'hangup', callSid: OTHER });
    t.close();
  });

  it('digits, mute, keys of the other side, codec and consumer', async () => {
    const t = await setUp();
    const call = await t.offer();
    await expect(call.sendDigits('1')).rejects.toMatchObject({ name: 'invalidState' });
    let release = (): void => undefined;
    t.platform.legGate = new Promise<void>((resolve) => (release = resolve));
    call.accept();
    await settle();
    t.hub.push({ type: 'codec', callSid: SID, codec: 'opus' });
    t.hub.push({ type: 'consumer', callSid: SID, consumer: { ...consumer, id: 'co2' } });
    call.mute();
    release();
    await settle();
    const [leg] = t.platform.legs;
    expect(leg?.log).toEqual(['muted true', 'produce opus', 'consumer co2']);
    expect(call.isMuted).toBe(true);
    await call.sendDigits('12#w3');
    await expect(call.sendDigits('x')).rejects.toMatchObject({ name: 'badDigits' });
    expect(t.types().slice(2)).toEqual(['mute', 'digits']);
    let received = '';
    call.on('digit', (digit) => (received += digit));
    t.hub.push({ type: 'digit', callSid: SID, digit: '7' });
    let warned = '';
    call.on('warning', ({ silent }) => (warned = silent));
    t.hub.push({ type: 'one-way-audio', callSid: SID, silent: 'client' });
    expect([received, warned]).toEqual(['7', 'client']);
    t.close();
  });

  it('a codec that the application left out is not produced', async () => {
    const t = await setUp({ codecPreferences: ['PCMU'] });
    const call = await t.offer();
    call.accept();
    await settle();
    t.hub.push({ type: 'codec', callSid: SID, codec: 'opus' });
    t.hub.push({ type: 'codec', callSid: SID, codec: 'PCMU' });
    await settle();
    expect(t.platform.legs[0]?.log).toEqual(['muted false', 'produce PCMU']);
    t.close();
  });

  it('BR-8 a device that loses its connection while ringing takes its registration up and goes on ringing', async () => {
    const t = await setUp();
    const online: string[] = [];
    t.device.on('offline', () => online.push('offline'));
    t.device.on('online', () => online.push('online'));
    const call = await t.offer();
    await t.reconnect();
    expect(t.requests.filter(({ type }) => type === 'register').at(-1)).toMatchObject({
      registration: 'RG1',
      device: 'desk',
    });
    await t.offer(SID, 'sealed-2');
    expect(t.incoming).toHaveLength(1);
    expect(online).toEqual(['offline', 'online']);
    call.accept();
    await settle();
    expect(t.requests.at(-1)).toMatchObject({ type: 'accept', token: 'sealed-2' });
    t.close();
  });

  it('BR-8 a call that loses its connection goes on, re-attaches, and restarts ICE when its audio was lost too', async () => {
    const t = await setUp();
    const call = await t.offer();
    call.accept();
    await settle();
    const seen = record(call);
    await t.reconnect();
    expect(call.status).toBe('open');
    expect(t.types()).toEqual(['register', 'accept', 'register', 'reattach']);
    const [leg] = t.platform.legs;
    t.hub.last.drop();
    leg?.options.on.connected(false);
    expect(call.status).toBe('reconnecting');
    await t.clock.advance(600);
    await t.hub.accept();
    await settle();
    expect(leg?.log.filter((line) => line === 'restart-ice')).toHaveLength(1);
    expect(t.requests.find(({ type }) => type === 'reattach')).toMatchObject({
      hint: 'node-1',
      reconnectToken: 'rt-2',
    });
    leg?.options.on.connected(true);
    expect(call.status).toBe('open');
    expect(seen).toEqual(['reconnecting', 'reconnected', 'reconnecting', 'reconnected']);
    t.close();
  });

  it('BR-8 a call that is gone when the connection is back has a definite end', async () => {
    const t = await setUp();
    const call = await t.offer();
    call.accept();
    await settle();
    t.answers['reattach'] = { code: 204, name: 'callGone', message: 'the call has ended' };
    await t.reconnect();
    expect(call.end).toMatchObject({ cause: 'connection-lost' });
    t.close();
  });

  it('BR-8 a node that does not answer yet is asked again', async () => {
    const t = await setUp();
    const call = await t.offer();
    call.accept();
    await settle();
    t.answers['reattach'] = { code: 207, name: 'nodeUnreachable', message: 'not yet', temporary: true };
    await t.reconnect();
    expect(call.status).toBe('reconnecting');
    t.answers['reattach'] = RESULTS['reattach'];
    await t.clock.advance(500);
    expect(call.status).toBe('open');
    t.close();
  });

  it('a hang-up without a connection is made up for when there is one', async () => {
    const t = await setUp();
    const call = await t.offer();
    call.accept();
    await settle();
    t.hub.last.drop();
    call.disconnect();
    expect(call.status).toBe('closed');
    t.types();
    await t.clock.advance(200);
    await t.hub.accept();
    await settle();
    expect(t.types()).toEqual(['register', 'reattach', 'hangup']);
    await t.reconnect();
    expect(t.types()).toEqual(['register']);
    t.close();
  });

  it('audio that never came up is reported as lost once the call is open', async () => {
    const t = await setUp();
    const call = t.device.connect({ params: { To: '1' } });
    await settle();
    t.platform.legs[0]?.options.on.connected(false);
    expect(call.status).toBe('connecting');
    t.hub.push({ type: 'answered', callSid: OTHER });
    expect(call.status).toBe('reconnecting');
    await t.clock.advance(60_000);
    expect(call.end).toMatchObject({ cause: 'connection-lost' });
    t.close();
  });

  it('a refused registration is told; a temporary refusal is tried again', async () => {
    const t = await setUp();
    await t.device.unregister();
    t.answers['register'] = { code: 150, name: 'unavailable', message: 'later', temporary: true };
    const again = t.device.register();
    await settle();
    t.answers['register'] = RESULTS['register'];
    await t.clock.advance(2000);
    await again;
    expect(t.device.state).toBe('registered');
    await t.device.unregister();
    t.answers['register'] = { code: 120, name: 'notPermitted', message: 'no incoming calls' };
    await expect(t.device.register()).rejects.toMatchObject({ name: 'notPermitted' });
    expect(t.device.state).toBe('unregistered');
    expect(t.errors).toEqual(['unavailable', 'notPermitted']);
    t.close();
  });

  it('leaving the page hangs up and unregisters; with closeProtection the browser asks first', async () => {
    const t = await setUp({ closeProtection: true });
    expect(t.platform.fire('beforeunload').defaultPrevented).toBe(false);
    const call = await t.offer();
    call.accept();
    await settle();
    expect(t.platform.fire('beforeunload').defaultPrevented).toBe(true);
    t.types();
    t.platform.fire('pagehide');
    expect(call.status).toBe('closed');
    await settle();
    expect(t.types()).toEqual(['hangup', 'unregister']);
    // Shown again by the browser: its socket is gone, the next one registers.
    await t.reconnect();
    expect(t.types()).toEqual(['register']);
    expect(t.device.state).toBe('registered');
    t.close();
  });

  it('another microphone takes effect in the call; one that cannot be opened leaves the earlier one', async () => {
    const t = await setUp();
    const call = await t.offer();
    call.accept();
    await settle();
    await t.device.audio.setInputDevice('usb');
    expect(t.platform.legs[0]?.log).toContain('microphone');
    t.platform.tracks.at(-1)?.stop();
    t.platform.microphoneError = clientError('microphoneMissing');
    await expect(t.device.audio.setInputDevice('gone')).rejects.toMatchObject({ name: 'microphoneMissing' });
    await expect(t.device.audio.setOutputDevice('x')).rejects.toMatchObject({ name: 'outputUnsupported' });
    expect(t.platform.chosenInput).toBeUndefined();
    t.close();
  });

  it('destroy ends calls, registration and connection', async () => {
    const t = await setUp();
    const call = await t.offer();
    call.accept();
    await settle();
    let destroyed = 0;
    t.device.on('destroyed', () => destroyed++);
    t.device.destroy();
    t.device.destroy();
    expect([destroyed, call.status, t.device.state]).toEqual([1, 'closed', 'destroyed']);
    await expect(t.device.register()).rejects.toMatchObject({ name: 'closed' });
    t.close();
  });
});
