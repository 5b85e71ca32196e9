import { expect, it } from 'vitest';
import { settle } from '../kit/clock.fake.ts';
import type { BridgeRequest } from './bridge-request.ts';
import { OTHER, RESULTS, setUp } from './device-world.fake.ts';

it('BR-10 shows what may be answered by a call, answers it with its token, and forgets what is over', async () => {
  const t = await setUp();
  const shown: BridgeRequest[] = [];
  t.device.on('bridgeRequest', (request) => shown.push(request));
  const offer = (requestSid: string): object => ({
    ...{ requestSid, token: `token of ${requestSid}`, from: '+15550100', to: '+15550123' },
    ...{ data: { text: 'call me' }, expiresAt: t.clock.now() + 60_000 },
  });
  for (const sid of ['BR1', 'BR2', 'BR3', 'BR1']) t.hub.push({ type: 'bridge-request', ...offer(sid) });
  await settle();
  expect(shown.map(({ sid, to, data }) => [sid, to, data])).toEqual(
    ['BR1', 'BR2', 'BR3'].map((sid) => [sid, '+15550123', { text: 'call me' }]),
  );
  const [first, second, third] = shown;
  const closed: string[] = [];
  for (const request of shown) request.on('closed', (status) => closed.push(`${request.sid} ${status}`));
  const call = first!.accept();
  expect(() => second!.accept()).toThrow(expect.objectContaining({ name: 'invalidState' }));
  await settle();
  expect(call).toMatchObject({ direction: 'outgoing', callSid: OTHER, to: '+15550123', peer: '+15550123' });
  expect(t.requests.at(-1)).toEqual({
    type: 'connect',
    params: { To: '+15550123' },
    bridgeToken: 'token of BR1',
    rtpCapabilities: { codecs: [] },
  });
  t.hub.push({ type: 'bridge-request-closed', requestSid: 'BR1', status: 'accepted' });
  third!.ignore();
  await settle();
  expect(() => first!.accept()).toThrow(expect.objectContaining({ name: 'invalidState' }));
  expect(t.device.bridgeRequests).toEqual([second]);
  // Back from a lost connection: what is offered now is all there is.
  t.answers['register'] = { ...RESULTS['register'], bridgeRequests: [offer('BR3'), offer('BR4')] };
  await t.reconnect();
  expect(closed).toEqual(['BR1 accepted', 'BR3 ignored', 'BR2 expired']);
  expect(shown.map(({ sid }) => sid)).toEqual(['BR1', 'BR2', 'BR3', 'BR4']);
  await t.clock.advance(60_000);
  expect(t.device.bridgeRequests).toEqual([]);
  t.close();
});

it('BR-10 a request that somebody else was faster with fails as a call, by its error', async () => {
  const t = await setUp();
  t.answers['connect'] = { code: 209, name: 'alreadyAnswered', message: 'the bridge request was already answered' };
  const call = t.device.answerBridgeRequest('a token from elsewhere', { to: '+15550123' });
  const errors: string[] = [];
  call.on('error', ({ name, message }) => errors.push(`${name}: ${message}`));
  await settle();
  expect(errors).toEqual(['alreadyAnswered: the bridge request was already answered']);
  expect(call.status).toBe('closed');
  t.close();
});
