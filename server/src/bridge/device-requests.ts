import { sidFromHex } from '@hookswitch/shared';
import type { HubErrorName, SoftphoneRequest } from '@hookswitch/shared';
import { describeError, randomHex } from '../kernel/index.ts';
import { BridgeCall } from './bridge-call.ts';
import { ClientDial } from './client-dial.ts';
import { ClientLeg } from './client-leg.ts';
import type { HostContext } from './host-context.ts';
import { LegCore } from './leg.ts';
import { BridgeRequestError, documentOf, paramsOf } from './requests/index.ts';
import { refusal } from './rpc-messages.ts';
import type { Caller, DeviceRequest, Reply } from './rpc-messages.ts';
import { SealedTokenError } from './sealed-token.ts';
import type { TokenBearer, TokenPurpose } from './sealed-token.ts';

type RequestOf<T extends SoftphoneRequest['type']> = Extract<SoftphoneRequest, { type: T }>;
type InCall = RequestOf<'connect-transport' | 'produce' | 'restart-ice' | 'hangup' | 'mute' | 'digits' | 'message'>;

/** A call that a client begins. */
interface CallToBegin {
  /** Undefined: the document is all its instructions. */
  readonly applicationSid: string | undefined;
  readonly to: string;
  readonly params: Readonly<Record<string, string>>;
  readonly document?: string;
  /** Decides, once the leg has its media, whether there is to be a call. Rejects when there is not. */
  readonly claim?: (callSid: string) => Promise<void>;
}

/** What a device is told of a bridge request that it cannot answer. */
const REFUSALS: Readonly<Record<BridgeRequestError['reason'], HubErrorName>> = {
  unknown: 'bridgeTokenInvalid',
  foreign: 'bridgeTokenInvalid',
  accepted: 'alreadyAnswered',
  expired: 'bridgeTokenExpired',
  canceled: 'bridgeTokenExpired',
  limit: 'limitExceeded',
  unavailable: 'unavailable',
};

/** Requests of devices, as fronts hand them over. Refusals are replies; a rejection is a fault of this node. */
export class DeviceRequests {
  readonly #context: HostContext;

  constructor(context: HostContext) {
    this.#context = context;
  }

  handle({ caller, request, outgoing }: DeviceRequest): Promise<Reply> | Reply {
    switch (request.type) {
      case 'accept':
        return this.#accept(caller, request);
      case 'reject':
        return this.#reject(caller, request);
      case 'connect':
        if (request.bridgeToken !== undefined) return this.#answerRequest(caller, request, request.bridgeToken);
        if (outgoing === undefined) return refusal('notPermitted', 'the token does not grant outgoing calls');
        return this.#connect(caller, request, outgoing);
      case 'reattach':
        return this.#reattach(caller, request);
      case 'register':
      case 'unregister':
      case 'presence':
        return refusal('unknownCommand');
      default:
        return this.#inCall(caller, request);
    }
  }

  /** The connection of a leg's device is gone. */
  detached(callSid: string, connection: string): void {
    const leg = this.#context.table.get(callSid);
    if (leg instanceof ClientLeg) leg.link.detached(connection);
  }

  async #accept(caller: Caller, request: RequestOf<'accept'>): Promise<Reply> {
    const { registration } = caller;
    if (registration === undefined) return refusal('notRegistered');
    const problem = this.#check('bridge', { ...caller, registration }, { ...request, sealed: request.token });
    if (problem !== undefined) return problem;
    const leg = this.#context.table.get(request.callSid);
    if (leg instanceof ClientDial) return leg.accept({ ...caller, registration }, request.rtpCapabilities);
    if (leg instanceof ClientLeg) {
      if (leg.owner.registration !== registration || leg.link.connection !== caller.connection) {
        return refusal('answeredElsewhere');
      }
      return this.#open(leg, request.rtpCapabilities);
    }
    return refusal(this.#context.table.wasAnsweredElsewhere(request.callSid) ? 'answeredElsewhere' : 'callGone');
  }

  #reject(caller: Caller, request: RequestOf<'reject'>): Reply {
    const { registration } = caller;
    if (registration === undefined) return refusal('notRegistered');
    const problem = this.#check('bridge', { ...caller, registration }, { ...request, sealed: request.token });
    if (problem !== undefined) return problem;
    const leg = this.#context.table.get(request.callSid);
    if (leg instanceof ClientDial) leg.reject(registration, request.reason);
    return { ok: true, result: {} };
  }

  /** The client's own call: its leg first, so that the browser sets its media up while the number is dialled. */
  async #connect(
    caller: Caller,
    request: RequestOf<'connect'>,
    { applicationSid, params: pinned }: NonNullable<DeviceRequest['outgoing']>,
  ): Promise<Reply> {
    // The token's parameters win: the backend that signed it may pin them.
    const params = { ...request.params, ...pinned };
    return await this.#begin(caller, request, { applicationSid, to: params['To'] ?? '', params });
  }

  /** What is no call is answered by a call of the client's, which the backend has said the other end of (BR-10). */
  async #answerRequest(caller: Caller, request: RequestOf<'connect'>, token: string): Promise<Reply> {
    const { requests } = this.#context;
    if (requests === undefined) return refusal('bridgeTokenInvalid', 'this node has no bridge requests');
    try {
      const held = await requests.open(caller, token);
      const { to, applicationSid } = held.request;
      return await this.#begin(caller, request, {
        applicationSid,
        to,
        params: { ...request.params, ...paramsOf(held.request) },
        ...(applicationSid === undefined ? { document: documentOf(held.request) } : {}),
        claim: (callSid) => requests.accept(held, { callSid, ...registrationOf(caller) }),
      });
    } catch (error) {
      if (!(error instanceof BridgeRequestError)) throw error;
      this.#context.log.info({ identity: caller.identity, reason: error.reason }, error.message);
      return refusal(REFUSALS[error.reason], error.message);
    }
  }

  /** @throws BridgeRequestError of `claim`: then there is no call */
  async #begin(caller: Caller, request: RequestOf<'connect'>, order: CallToBegin): Promise<Reply> {
    const context = this.#context;
    const { accountSid, identity } = caller;
    const { applicationSid, params, document, claim } = order;
    const callSid = sidFromHex('call', randomHex(context.random, 16));
    const call = new BridgeCall(context, { callSid, accountSid, applicationSid });
    const parties = { from: `client:${identity}`, to: order.to };
    const core = new LegCore(context, { callSid, call, parentCallSid: undefined, dialled: false, parties });
    call.add(core);
    const leg = new ClientLeg(core, { context, owner: ownerOf(caller), address: caller });
    context.table.set(leg);
    const reply = await this.#open(leg, request.rtpCapabilities);
    if (!reply.ok) return reply;
    if (claim !== undefined) await this.#claim(leg, claim);
    if (leg.core.isEnded) return refusal('callGone');
    leg.core.log.info({ accountSid, identity }, "a client's call");
    const origin = { kind: 'client', identity, params } as const;
    context.router.incoming({ callSid, accountSid, ...parties, origin, applicationSid, document });
    return { ok: true, result: { ...reply.result, hint: context.rpc.node } };
  }

  /** The media are there: only now is it used up. */
  async #claim(leg: ClientLeg, claim: NonNullable<CallToBegin['claim']>): Promise<void> {
    try {
      await claim(leg.core.callSid);
    } catch (error) {
      leg.core.finish({ cause: 'canceled', message: describeError(error), by: 'local' });
      throw error;
    }
  }

  #reattach(caller: Caller, request: RequestOf<'reattach'>): Reply {
    const bearer = { ...caller, registration: '' };
    const problem = this.#check('reconnect', bearer, { ...request, sealed: request.reconnectToken });
    if (problem !== undefined) return problem;
    const leg = this.#context.table.get(request.callSid);
    if (!(leg instanceof ClientLeg)) return refusal('callGone');
    leg.core.log.info({ connection: caller.connection }, 'the device of the leg is back');
    leg.link.attach(caller);
    return {
      ok: true,
      result: { callSid: request.callSid, state: leg.state, reconnectToken: leg.reconnectToken() },
    };
  }

  async #inCall(caller: Caller, request: InCall): Promise<Reply> {
    const leg = this.#context.table.get(request.callSid);
    if (!(leg instanceof ClientLeg) || leg.media === undefined || leg.link.connection !== caller.connection) {
      return refusal('noSuchCall');
    }
    if (leg.owner.accountSid !== caller.accountSid || leg.owner.identity !== caller.identity) {
      return refusal('noSuchCall');
    }
    const { media } = leg;
    try {
      switch (request.type) {
        case 'connect-transport':
          await media.connectTransport(request.transportId, request.dtlsParameters);
          return { ok: true, result: {} };
        case 'produce':
          return { ok: true, result: { ...(await media.produce(request.transportId, request.rtpParameters)) } };
        case 'restart-ice':
          return { ok: true, result: { iceParameters: await media.restartIce(request.transportId) } };
        case 'hangup':
          leg.hangup();
          return { ok: true, result: {} };
        case 'mute':
          leg.core.exempt('muted', request.muted);
          return { ok: true, result: {} };
        case 'digits':
          leg.dialled(request.digits);
          return { ok: true, result: {} };
        case 'message':
          return await this.#context.messages.fromClient(leg, request);
      }
    } catch (error) {
      leg.core.log.warn({ err: error, request: request.type }, `media refused: ${describeError(error)}`);
      return refusal('mediaFailed', describeError(error));
    }
  }

  async #open(leg: ClientLeg, rtpCapabilities: object): Promise<Reply> {
    try {
      const media = await leg.open(rtpCapabilities);
      return media === undefined ? refusal('callGone') : { ok: true, result: media };
    } catch (error) {
      const message = `media could not be set up: ${describeError(error)}`;
      leg.end({ cause: 'internal-error', message });
      return refusal('mediaFailed', message);
    }
  }

  #check(
    purpose: TokenPurpose,
    bearer: TokenBearer,
    request: { readonly callSid: string; readonly sealed: string },
  ): Reply | undefined {
    try {
      const content = this.#context.tokens.open(purpose, bearer, request.sealed);
      return content.callSid === request.callSid ? undefined : refusal('bridgeTokenInvalid');
    } catch (error) {
      if (!(error instanceof SealedTokenError)) throw error;
      this.#context.log.warn({ identity: bearer.identity, callSid: request.callSid }, error.message);
      return refusal(error.reason === 'expired' ? 'bridgeTokenExpired' : 'bridgeTokenInvalid');
    }
  }
}

function ownerOf(caller: Caller): { accountSid: string; identity: string; registration: string | undefined } {
  return { accountSid: caller.accountSid, identity: caller.identity, registration: caller.registration };
}

function registrationOf({ registration }: Caller): { registration?: string } {
  return registration === undefined ? {} : { registration };
}
