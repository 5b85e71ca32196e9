import { describe, expect, it } from 'vitest';
import { parseMessage, serialize } from '../message/index.ts';
import type { SipRequest, SipResponse } from '../message/index.ts';
import { requestText, responseText } from '../testing/messages.ts';
import { headerOf } from '../testing/transport.fake.ts';
import { Dialog, dialogKeyOfRequest, retransmit2xxMachine } from './index.ts';
import type { Retransmit2xxState } from './index.ts';

function request(text: string): SipRequest {
  const parsed = parseMessage(Buffer.from(text));
  if (parsed?.kind !== 'request') throw new Error('no request');
  return parsed.message;
}

function response(text: string): SipResponse {
  const parsed = parseMessage(Buffer.from(text));
  if (parsed?.kind !== 'response') throw new Error('no response');
  return parsed.message;
}

const self = { localTag: 'local', contact: 'sip:127.0.0.1:5060' };
const record = ['Record-Route: <sip:p1;lr>', 'Record-Route: <sip:p2;lr>, <sip:p3;lr>'];

describe('Dialog', () => {
  it('RFC 3261 section 12.1.1: the route set of the UAS keeps the order', () => {
    const dialog = Dialog.ofRequest(request(requestText({ extra: record })), self);
    const bye = serialize(dialog!.createRequest('BYE')).toString();
    expect(bye.split('\r\n').slice(0, 8)).toEqual([
      'BYE sip:alice@127.0.0.1:5070 SIP/2.0',
      'Route: <sip:p1;lr>',
      'Route: <sip:p2;lr>',
      'Route: <sip:p3;lr>',
      'Max-Forwards: 70',
      'From: <sip:+15550100@127.0.0.1>;tag=local',
      'To: "Alice" <sip:alice@127.0.0.1>;tag=alice-tag',
      'Call-ID: call-1@127.0.0.1',
    ]);
    expect(headerOf(bye, 'CSeq')).toBe('1 BYE');
    expect(dialog!.nextHop).toMatchObject({ host: 'p1' });
  });

  it('RFC 3261 section 12.1.2: the route set of the UAC is reversed, its CSeq goes on', () => {
    const invite = requestText({ sequence: 41, from: 'From: <sip:me@h>;tag=local' });
    const dialog = Dialog.ofResponse(
      request(invite),
      response(responseText(invite, '200 OK', { toTag: 'r', extra: record })),
      self,
    );
    const bye = serialize(dialog!.createRequest('BYE')).toString();
    expect(bye).toMatch(
      /^BYE sip:peer@127.0.0.1:5070 SIP\/2.0\r\nRoute: <sip:p3;lr>\r\nRoute: <sip:p2;lr>\r\nRoute: <sip:p1;lr>\r\n/,
    );
    expect(headerOf(bye, 'CSeq')).toBe('42 BYE');
    expect(headerOf(serialize(dialog!.createRequest('ACK', { sequence: 41 })).toString(), 'CSeq')).toBe('41 ACK');
  });

  it('RFC 3261 section 12.2.1.1: a strict router becomes the Request-URI and the target the last route', () => {
    const extra = ['Record-Route: <sip:strict@p1>, <sip:p2;lr>'];
    const dialog = Dialog.ofRequest(request(requestText({ extra })), self);
    expect(serialize(dialog!.createRequest('BYE')).toString()).toMatch(
      /^BYE sip:strict@p1 SIP\/2.0\r\nRoute: <sip:p2;lr>\r\nRoute: <sip:alice@127.0.0.1:5070>\r\n/,
    );
    expect(dialog!.nextHop).toMatchObject({ host: 'p1' });
  });

  it('RFC 3261 section 12.2.2: sequence numbers only grow', () => {
    const dialog = Dialog.ofRequest(request(requestText({ sequence: 5 })), self);
    const accepts = [5, 4, 6, 6, 100].map((sequence) => dialog!.acceptSequence(request(requestText({ sequence }))));
    expect(accepts).toEqual([false, false, true, false, true]);
  });

  it('RFC 3261 section 12: is found by Call-ID and both tags, and needs a Contact', () => {
    const dialog = Dialog.ofRequest(request(requestText()), self);
    expect(dialogKeyOfRequest(request(requestText({ method: 'BYE', to: 'To: <sip:x@y>;tag=local' })))).toBe(
      dialog!.key,
    );
    expect(Dialog.ofRequest(request(requestText().replace(/Contact:.*\r\n/, '')), self)).toBeUndefined();
    expect(Dialog.ofRequest(request(requestText({ extra: ['Record-Route: nonsense'] })), self)).toBeUndefined();
  });

  it('RFC 3261 section 12.2.1.2: a target refresh moves the target, not to schemes that cannot be called', () => {
    const dialog = Dialog.ofRequest(request(requestText()), self);
    dialog!.refreshTarget(request(requestText().replace('<sip:alice@127.0.0.1:5070>', '<sip:new@h>')).contact);
    dialog!.refreshTarget(request(requestText().replace('<sip:alice@127.0.0.1:5070>', '<urn:x:y>')).contact);
    expect(dialog!.remoteTarget).toMatchObject({ user: 'new' });
  });
});

describe('RFC 3261 section 13.3.1.4: retransmission of a 2xx', () => {
  const machine = retransmit2xxMachine({ t1: 500, t2: 4000 });
  const waiting: Retransmit2xxState = { name: 'waiting', interval: 500 };
  const late: Retransmit2xxState = { name: 'waiting', interval: 4000 };
  const inputs = {
    start: { kind: 'start' },
    ack: { kind: 'ack' },
    abandon: { kind: 'abandon' },
    retransmit: { kind: 'timer', name: 'retransmit' },
    'give-up': { kind: 'timer', name: 'give-up' },
  } as const;

  it.each<[Retransmit2xxState, keyof typeof inputs, string, number]>([
    [{ name: 'initial' }, 'start', 'waiting', 3],
    [{ name: 'initial' }, 'ack', 'initial', 0],
    [waiting, 'start', 'waiting', 0],
    [waiting, 'retransmit', 'waiting', 2],
    [late, 'retransmit', 'waiting', 2],
    [waiting, 'ack', 'acknowledged', 3],
    [waiting, 'abandon', 'acknowledged', 2],
    [waiting, 'give-up', 'given-up', 3],
    [{ name: 'acknowledged' }, 'retransmit', 'acknowledged', 0],
    [{ name: 'acknowledged' }, 'ack', 'acknowledged', 0],
    [{ name: 'given-up' }, 'ack', 'given-up', 0],
  ])('%o + %s', (state, input, next, effects) => {
    const step = machine(state, inputs[input]);
    expect([step.state.name, step.effects.length]).toEqual([next, effects]);
  });

  it('doubles to T2 and stays there', () => {
    expect(machine(late, inputs.retransmit).state).toEqual({ name: 'waiting', interval: 4000 });
    expect(machine(waiting, inputs.retransmit).state).toEqual({ name: 'waiting', interval: 1000 });
  });
});
