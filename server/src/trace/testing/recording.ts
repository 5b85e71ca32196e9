import { FakeClock } from '../../kernel/clock.fake.ts';
import type { TraceLimits } from '../index.ts';
import { TraceRecorder } from '../index.ts';
import { sdp, sipMessage } from './messages.ts';
import type { MessageParts } from './messages.ts';

export const ACCOUNT = 'AC00000000000000000000000000000001';
export const OTHER_ACCOUNT = 'AC00000000000000000000000000000002';
export const ROOT = 'CA00000000000000000000000000000001';
export const LEG = 'CA00000000000000000000000000000002';

const LOCAL = { address: '127.0.0.1', port: 5060 };
const CALLER = { address: '192.0.2.1', port: 5060 };

/** A recorder on a fake clock, and short ways to tell it things. */
export class Recording {
  readonly clock = new FakeClock();
  readonly recorder: TraceRecorder;

  constructor(limits: Partial<TraceLimits> = {}, showDigits = false) {
    this.recorder = new TraceRecorder({ clock: this.clock, limits, showDigits });
  }

  sip(
    direction: 'in' | 'out',
    parts: MessageParts & { remote?: { address: string; port: number }; protocol?: 'udp' | 'tcp' | 'tls' },
  ): void {
    const { remote = CALLER, protocol = 'udp', callId = 'a@caller' } = parts;
    const bytes = Buffer.from(sipMessage(parts), 'latin1');
    this.recorder.sip({ direction, protocol, local: LOCAL, remote, bytes, callId });
  }

  event(type: string, data: object, accountSid = ACCOUNT): void {
    this.recorder.event({ accountSid, type, data });
  }

  initiated(callSid: string, more: object = {}, accountSid = ACCOUNT): void {
    this.event(
      'call.initiated',
      { callSid, direction: 'inbound', from: '+15550199', to: '+15550100', ...more },
      accountSid,
    );
  }

  ended(callSid: string, accountSid = ACCOUNT): void {
    this.event('call.ended', { callSid, status: 'completed', cause: 'hangup-caller', durationSeconds: 1 }, accountSid);
  }

  /** A call from a trunk that rings alice and is answered by her, as it is recorded. */
  wholeCall(): void {
    const leg = {
      callSid: LEG,
      parentCallSid: ROOT,
      direction: 'outbound-dial',
      from: '+15550199',
      to: 'client:alice',
    };
    const common = { callSid: ROOT, direction: 'inbound', from: '+15550199', to: '+15550100' };
    const at = (ms: number): void => {
      this.clock.advance(ms);
    };
    this.sip('in', { start: 'INVITE sip:+15550100@127.0.0.1 SIP/2.0', body: sdp() });
    at(2);
    this.sip('out', { start: 'SIP/2.0 100 Trying' });
    this.recorder.link({ callSid: ROOT, accountSid: ACCOUNT, sipCallId: 'a@caller' });
    this.event('call.initiated', { ...common, trunk: 'TK1', sipCallId: 'a@caller' });
    at(498);
    this.sip('in', { start: 'INVITE sip:+15550100@127.0.0.1 SIP/2.0', body: sdp() });
    at(1);
    this.sip('out', { start: 'SIP/2.0 100 Trying' });
    at(20);
    this.recorder.http({
      callSid: ROOT,
      method: 'POST',
      url: 'http://app.example:8081/voice?x=1',
      params: { CallSid: ROOT, CallStatus: 'ringing', Digits: '12' },
      durationMs: 18,
      status: 200,
      contentType: 'text/xml',
      body: '<Response><Say>hello</Say><Dial><Client>alice</Client></Dial></Response>',
    });
    this.event('call.initiated', leg);
    this.event('client.incoming', {
      identity: 'alice',
      callSid: LEG,
      token: 'sealed',
      from: '+15550199',
      to: 'client:alice',
    });
    at(3000);
    this.event('client.accepted', { identity: 'alice', callSid: LEG });
    this.sip('out', { start: 'SIP/2.0 200 OK', body: sdp(['a=sendrecv'], 40_000) });
    at(5);
    this.sip('in', { start: 'ACK sip:127.0.0.1 SIP/2.0' });
    this.recorder.media({ callSid: ROOT, title: 'flowing', summary: 'first audio after 12 ms' });
    this.recorder.digit(ROOT, '5');
    this.event('call.merged', { ...common, peerCallSid: LEG });
    at(2000.25);
    this.sip('in', { start: 'BYE sip:127.0.0.1 SIP/2.0', cseq: '2 BYE', headers: ['Reason: Q.850;cause=16'] });
    this.sip('out', { start: 'SIP/2.0 200 OK', cseq: '2 BYE' });
    this.ended(LEG);
    this.ended(ROOT);
    this.recorder.http({
      callSid: ROOT,
      method: 'POST',
      url: 'http://app.example:8081/status',
      params: { CallSid: ROOT, CallStatus: 'completed' },
      durationMs: 4,
      status: 500,
      problem: 'the application server answered 500',
    });
  }
}
