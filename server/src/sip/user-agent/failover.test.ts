import { describe, expect, it } from 'vitest';
import { testAgent } from '../testing/agent.ts';
import { headerOf } from '../testing/transport.fake.ts';
import type { FakeTransport } from '../testing/transport.fake.ts';
import { responseText } from '../testing/messages.ts';
import type { TestAgent } from '../testing/agent.ts';
import type { Endpoint, TransportProtocol } from '../transport/index.ts';
import { FlowClosedError, TransportError } from '../transport/index.ts';
import type { CallFailure } from './api.ts';

const T1 = 500;
const at = (port: number, protocol: TransportProtocol = 'udp'): Endpoint => ({ protocol, address: '192.0.2.1', port });
const FROM = { uri: 'sip:us@127.0.0.1' };

/** The ports that requests went to, and what went there. */
function taken(transport: FakeTransport): { protocol: string; port: number; text: string }[] {
  return transport.sent.splice(0).map(({ text, destination: { protocol, port } }) => ({ protocol, port, text }));
}

function agentWith(endpoints: readonly Endpoint[], protocols: readonly TransportProtocol[] = ['udp']): TestAgent {
  return testAgent({}, { resolver: () => endpoints, protocols });
}

function call({ agent }: TestAgent, extra: { sdp?: string } = {}): CallFailure[] {
  const failures: CallFailure[] = [];
  const listener = { onFailed: (failure: CallFailure) => failures.push(failure) };
  agent.invite({ target: 'sip:bob@gateway.test', from: FROM, sdp: 'v=0', ...extra }, listener);
  return failures;
}

const flush = async (): Promise<void> => {
  for (let at = 0; at < 5; at++) await Promise.resolve();
};

describe('RFC 3263 section 4.3: requests go to the next address', () => {
  it('after a 503, with a branch of its own and the same Call-ID and CSeq; the 503 is acknowledged and not told', () => {
    const test = agentWith([at(1), at(2)]);
    const failures = call(test);
    const [first] = taken(test.transport);
    expect(first).toMatchObject({ port: 1 });
    test.transport.deliver(responseText(first?.text ?? '', '503 Service Unavailable', { toTag: 'x' }));
    const [ack, second] = taken(test.transport);
    expect([ack?.port, ack?.text.split(' ')[0], second?.port]).toEqual([1, 'ACK', 2]);
    for (const name of ['Call-ID', 'CSeq', 'From', 'To'])
      expect(headerOf(second?.text ?? '', name)).toBe(headerOf(first?.text ?? '', name));
    expect(headerOf(second?.text ?? '', 'Via')).not.toBe(headerOf(first?.text ?? '', 'Via'));
    expect(second?.text.match(/^Via:/gm)).toHaveLength(1);
    // Whatever else it answers is the answer.
    test.transport.deliver(responseText(second?.text ?? '', '486 Busy Here', { toTag: 'y' }));
    expect(failures).toMatchObject([{ status: 486, received: true }]);
  });

  it('after a time-out and a transport error; when the last one fails too, that is told', async () => {
    const test = agentWith([at(1), at(2), at(3)]);
    test.transport.failFor = ({ port }) => (port === 2 ? new Error('unreachable') : undefined);
    const failures = call(test);
    test.clock.advance(64 * T1);
    await flush();
    expect(new Set(taken(test.transport).map(({ port }) => port))).toEqual(new Set([1, 3]));
    expect(failures).toEqual([]);
    test.clock.advance(64 * T1);
    await flush();
    expect(failures).toMatchObject([{ status: 408, received: false }]);
  });

  it('who did not answer is asked last for a while, and first again after that', async () => {
    const test = agentWith([at(1), at(2)]);
    test.transport.failFor = ({ port }) => (port === 1 ? new Error('unreachable') : undefined);
    call(test);
    await flush();
    expect(taken(test.transport).map(({ port }) => port)).toEqual([2]);
    test.transport.failFor = undefined;
    call(test);
    expect(taken(test.transport).map(({ port }) => port)).toEqual([2]);
    test.clock.advance(30_000);
    taken(test.transport);
    call(test);
    expect(taken(test.transport).map(({ port }) => port)).toEqual([1]);
  });

  it('RFC 3261 section 21.5.4: Retry-After of a 503 says how long', () => {
    const test = agentWith([at(1), at(2)]);
    call(test);
    const [first] = taken(test.transport);
    test.transport.deliver(responseText(first?.text ?? '', '503 Full', { toTag: 'x', extra: ['Retry-After: 120'] }));
    taken(test.transport);
    test.clock.advance(119_000);
    taken(test.transport);
    call(test);
    expect(taken(test.transport)[0]?.port).toBe(2);
  });

  it('a cancelled call tries nobody else', () => {
    const test = agentWith([at(1), at(2)]);
    const failures: CallFailure[] = [];
    const listener = { onFailed: (failure: CallFailure) => failures.push(failure) };
    const outgoing = test.agent.invite({ target: 'sip:bob@gateway.test', from: FROM, sdp: 'v=0' }, listener);
    const [invite] = taken(test.transport);
    test.transport.deliver(responseText(invite?.text ?? '', '180 Ringing', { toTag: 'x' }));
    outgoing.cancel();
    test.transport.deliver(responseText(invite?.text ?? '', '503 Service Unavailable', { toTag: 'x' }));
    expect(taken(test.transport).map(({ port }) => port)).toEqual([1, 1]);
    expect(failures).toHaveLength(1);
  });

  it('a closed UDP port is found out after the first retransmission, not after 64*T1', async () => {
    const test = agentWith([at(1), at(2)]);
    test.transport.closedPorts.add(1);
    call(test);
    test.clock.advance(T1);
    await flush();
    expect(taken(test.transport).map(({ port }) => port)).toEqual([1, 1, 2]);
    expect(test.agent.stats.retransmissions).toBe(1);
  });

  it('a connection that is found closed is tried once more by a fresh one', async () => {
    const test = agentWith([at(1, 'tcp')], ['tcp']);
    let failures = 1;
    test.transport.failFor = () => (failures-- > 0 ? new FlowClosedError('gone', 'gone') : undefined);
    call(test);
    await flush();
    expect(taken(test.transport)).toMatchObject([{ protocol: 'tcp', port: 1 }]);
  });

  it('RFC 3261 section 18.4: a connection that closes before an answer is a transport error at once', async () => {
    const test = agentWith([{ ...at(1, 'tcp'), flow: 'tcp-1' }, at(2, 'tcp')], ['tcp']);
    call(test);
    test.transport.closeFlow('tcp-1');
    await flush();
    expect(taken(test.transport).map(({ port }) => port)).toEqual([1, 2]);
  });
});

describe('RFC 3261 section 18.1.1: requests larger than 1 300 bytes', () => {
  const sdp = 'v=0\r\n'.padEnd(1_300, 'x');

  it('go by TCP, which the Via says', () => {
    const test = agentWith([at(1)], ['udp', 'tcp']);
    call(test, { sdp });
    const [sent] = taken(test.transport);
    expect(sent).toMatchObject({ protocol: 'tcp', port: 1 });
    expect(headerOf(sent?.text ?? '', 'Via')).toMatch(/^SIP\/2\.0\/TCP /);
    expect(test.clock.pendingTimers).toBe(2);
  });

  it('go back to UDP where TCP is refused, and directly there the next time', async () => {
    const test = agentWith([at(1)], ['udp', 'tcp']);
    test.transport.failFor = ({ protocol }) => (protocol === 'tcp' ? new Error('ECONNREFUSED') : undefined);
    call(test, { sdp });
    await flush();
    const [sent] = taken(test.transport);
    expect(headerOf(sent?.text ?? '', 'Via')).toMatch(/^SIP\/2\.0\/UDP /);
    call(test, { sdp });
    expect(taken(test.transport)).toMatchObject([{ protocol: 'udp' }]);
  });

  it('small ones, and those of an agent without TCP, stay on UDP', () => {
    const both = agentWith([at(1)], ['udp', 'tcp']);
    call(both);
    expect(taken(both.transport)).toMatchObject([{ protocol: 'udp' }]);
    const udpAlone = agentWith([at(1)]);
    call(udpAlone, { sdp });
    expect(taken(udpAlone.transport)).toMatchObject([{ protocol: 'udp' }]);
  });

  it('what is wrong on our side does not make a peer count as dead', async () => {
    const test = agentWith([at(1), at(2)], ['udp', 'tcp']);
    test.transport.failFor = ({ port }) => (port === 1 ? new TransportError('limit', 'too many') : undefined);
    call(test);
    await flush();
    test.transport.failFor = undefined;
    taken(test.transport);
    call(test);
    expect(taken(test.transport)[0]?.port).toBe(1);
  });
});
