import type {
  CallControl,
  HeaderField,
  IncomingCall,
  IncomingCallListener,
  InviteOptions,
  OutgoingCall,
  OutgoingCallListener,
  Party,
  ReferResult,
  ReinviteResult,
  RequestResult,
  SipReason,
  UserAgent,
} from '../../sip/index.ts';
import type { SipContext } from '../sip-ingress.ts';

export const SDP = [
  'v=0',
  'o=- 1 1 IN IP4 192.0.2.10',
  's=-',
  'c=IN IP4 192.0.2.10',
  't=0 0',
  'm=audio 40000 RTP/AVP 0 101',
  'a=rtpmap:0 PCMU/8000',
  'a=rtpmap:101 telephone-event/8000',
  'a=sendrecv',
  '',
].join('\r\n');

function party(user: string): Party {
  return { uri: `sip:${user}@192.0.2.1`, displayName: '', user, host: '192.0.2.1' };
}

/** Both kinds of call: what is asked of the far end works. */
class FakeCall {
  readonly dialogId = undefined;
  readonly remoteTarget = undefined;
  readonly did: string[] = [];

  reinvite(): Promise<{ ok: true; sdp: undefined }> {
    return Promise.resolve({ ok: true, sdp: undefined });
  }
  update(): Promise<ReinviteResult> {
    return Promise.resolve({ ok: true, sdp: undefined });
  }
  refer(): Promise<ReferResult> {
    return Promise.resolve({ kind: 'done', status: 200, reason: 'OK' });
  }
}

/** An INVITE as the user agent hands it over; `did` notes what was done with it. */
export class FakeIncoming extends FakeCall implements IncomingCall<SipContext> {
  readonly method = 'INVITE';
  readonly callId = 'call-1@192.0.2.1';
  readonly from = party('+15551234');
  readonly to = party('+15550100');
  readonly requestUri = party('+15550100');
  readonly source = { protocol: 'udp', address: '192.0.2.1', port: 5060 } as const;
  readonly replaces: CallControl | undefined = undefined;
  readonly maxForwards: number | undefined = undefined;
  reliable = false;
  readonly context: SipContext;
  readonly remoteOffer: string | undefined;
  listener: IncomingCallListener = {};
  lastSdp = '';
  lastReason: SipReason | undefined;
  readonly #headers: readonly HeaderField[];

  constructor(context: SipContext, offer: string | undefined = SDP, headers: readonly HeaderField[] = []) {
    super();
    this.context = context;
    this.remoteOffer = offer;
    this.#headers = headers;
  }
  header(name: string): string | undefined {
    return this.#headers.find((field) => field.name.toLowerCase() === name.toLowerCase())?.value;
  }
  headers(): readonly HeaderField[] {
    return this.#headers;
  }
  listen(listener: IncomingCallListener): void {
    this.listener = listener;
  }
  ring(): void {
    this.did.push('180');
  }
  progress(sdp: string): void {
    this.lastSdp = sdp;
    this.did.push('183');
  }
  answer(sdp: string): void {
    this.lastSdp = sdp;
    this.did.push('200');
  }
  reject(status: number, options: { sipReason?: SipReason } = {}): void {
    this.lastReason = options.sipReason;
    this.did.push(String(status));
  }
  redirect(): void {
    this.did.push('302');
  }
  bye(reason?: SipReason): void {
    this.lastReason = reason;
    this.did.push('BYE');
    this.listener.onEnded?.({ by: 'local', cause: 'bye' });
  }
  info(): Promise<number> {
    this.did.push('INFO');
    return Promise.resolve(200);
  }
}

export class FakeOutgoing extends FakeCall implements OutgoingCall {
  readonly callId = 'out-1@192.0.2.1';
  readonly options: InviteOptions;
  readonly listener: OutgoingCallListener;
  readonly infos: string[] = [];

  constructor(options: InviteOptions, listener: OutgoingCallListener) {
    super();
    this.options = options;
    this.listener = listener;
  }
  provisional(status: number, sdp?: string): void {
    this.listener.onProvisional?.({ status, reason: '', sdp, earlyDialog: 'a' });
  }
  answered(sdp: string | undefined = SDP): void {
    this.listener.onAnswered?.({ status: 200, sdp });
  }
  failed(status: number, received = true): void {
    this.listener.onFailed?.({ status, reason: 'no', received, contacts: [] });
  }
  cancel(): void {
    this.did.push('CANCEL');
  }
  bye(): void {
    this.did.push('BYE');
    this.listener.onEnded?.({ by: 'local', cause: 'bye' });
  }
  dropFork(): void {}
  info(_type: string, body: string): Promise<number> {
    this.infos.push(body);
    return Promise.resolve(200);
  }
}

export class FakeUserAgent implements UserAgent {
  readonly stats = { refused: 0, transactions: 0, retransmissions: 0, dialogs: 0, calls: 0 };
  readonly calls: FakeOutgoing[] = [];

  invite(options: InviteOptions, listener: OutgoingCallListener): OutgoingCall {
    const call = new FakeOutgoing(options, listener);
    this.calls.push(call);
    return call;
  }
  get last(): FakeOutgoing {
    const call = this.calls.at(-1);
    if (call === undefined) throw new Error('no call was placed');
    return call;
  }
  request(): Promise<RequestResult> {
    return Promise.resolve({ status: 200, reason: 'OK', received: true, headers: [], body: Buffer.alloc(0) });
  }
  keepAlive(): () => void {
    return () => undefined;
  }

  ping(): Promise<number> {
    return Promise.resolve(200);
  }
  drain(): void {}
  close(): void {}
  end(): Promise<void> {
    return Promise.resolve();
  }
}
