import { bench, describe } from 'vitest';
import { systemClock } from '../kernel/index.ts';
import { TraceRecorder } from './index.ts';
import { sipMessage } from './testing/messages.ts';

const local = { address: '127.0.0.1', port: 5060 };
const remote = { address: '192.0.2.1', port: 5060 };
const invite = Buffer.from(sipMessage({ start: 'INVITE sip:+15550100@127.0.0.1 SIP/2.0', padTo: 1024 }), 'latin1');
const ack = Buffer.from(sipMessage({ start: 'ACK sip:+15550100@127.0.0.1 SIP/2.0' }), 'latin1');

/** What a message costs the stack: to be kept below a few microseconds. Memory stays at its bound meanwhile. */
describe('call trace', () => {
  for (const [name, bytes] of [
    ['1 KB INVITE', invite],
    ['ACK', ack],
  ] as const) {
    const recorder = new TraceRecorder({ clock: systemClock });
    let calls = 0;
    bench(`records ${name}, ten messages a call`, () => {
      const callId = `call-${Math.floor(calls++ / 10)}`;
      recorder.sip({ direction: 'in', protocol: 'udp', local, remote, bytes, callId });
    });
  }
});
