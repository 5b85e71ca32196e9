import { SOFTPHONE_EXTENSION, softphoneRequestSchema } from '@hookswitch/shared';
import type { BridgeOffer, SoftphoneRequest } from '@hookswitch/shared';
import { z } from 'zod';
import type { EventSink } from '../calls/ports.ts';
import type { ExtensionConnection, ExtensionRefusal, MessageExtension } from '../gateway/ports.ts';
import { describeError, SingleFlight } from '../kernel/index.ts';
import type { Clock, Log, Random, Unsubscribe } from '../kernel/index.ts';
import { DeviceConnection } from './device-connections.ts';
import { DeviceRegistrations } from './device-registrations.ts';
import { isNodeName } from './node-rpc-error.ts';
import type { NodeRpc, Notifications, Registrations } from './ports.ts';
import { OfferPushes } from './requests/index.ts';
import type { BridgeRequests } from './requests/index.ts';
import { capabilitiesSchema, pushSchema, replySchema, RPC } from './rpc-messages.ts';
import type { Caller, DeviceRequest, Reply } from './rpc-messages.ts';

export interface SoftphoneExtensionOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly rpc: NodeRpc;
  readonly registrations: Registrations;
  readonly notifications: Notifications;
  readonly events: EventSink;
  /** What devices are told that they may answer by a call of theirs (default: nothing). */
  readonly requests?: BridgeRequests | undefined;
  /** Call node that takes a client's own call (default: this node). */
  readonly pickHost?: () => string;
  /** How long a registration outlives its connection, milliseconds (default 30 000). */
  readonly graceMs?: number;
}

/** The softphone messages of a gateway. Close it with the gateway: every registration it holds is removed. */
export interface SoftphoneExtension extends MessageExtension {
  /** Connections and registrations held, for leak checks. */
  readonly size: number;
  close(): Promise<void>;
}

type Answer = { readonly result: unknown } | ExtensionRefusal;
const GRACE_MS = 30_000;

/** The gateway's side of the bridge: registers devices, tells them of calls, routes their requests to call nodes. */
export function createSoftphoneExtension(options: SoftphoneExtensionOptions): SoftphoneExtension {
  return new Front(options);
}

class Front implements SoftphoneExtension {
  readonly name = SOFTPHONE_EXTENSION;
  readonly #options: SoftphoneExtensionOptions;
  readonly #devices: DeviceRegistrations;
  readonly #connections = new Map<string, DeviceConnection>();
  readonly #offers: OfferPushes | undefined;
  readonly #registering = new SingleFlight<string, string>();
  readonly #unserve: Unsubscribe;

  constructor(options: SoftphoneExtensionOptions) {
    this.#options = options;
    this.#devices = new DeviceRegistrations({
      ...options,
      node: options.rpc.node,
      graceMs: options.graceMs ?? GRACE_MS,
    });
    this.#offers = options.requests === undefined ? undefined : new OfferPushes(options.requests);
    this.#unserve = options.rpc.serve(RPC.push, (payload) => {
      const { connection, push } = pushSchema.parse(payload);
      const known = this.#connections.get(connection);
      known?.push(push);
      return Promise.resolve({ delivered: known !== undefined });
    });
  }

  get size(): number {
    return this.#connections.size + this.#devices.size;
  }

  async handle(connection: ExtensionConnection, body: unknown): Promise<Answer> {
    const parsed = softphoneRequestSchema.safeParse(body);
    if (!parsed.success) return { error: 'badFrame', message: `softphone: ${z.prettifyError(parsed.error)}` };
    const { identity } = connection.grants;
    if (identity === undefined) return { error: 'notPermitted', message: 'the token names no identity' };
    let device = this.#connections.get(connection.id);
    if (device === undefined) {
      device = new DeviceConnection(connection, this.#options.clock, ({ state }) => {
        this.#devices.setState(connection, state);
      });
      this.#connections.set(connection.id, device);
    }
    return this.#handle(device, identity, parsed.data);
  }

  connectionClosed(connection: ExtensionConnection): void {
    const device = this.#connections.get(connection.id);
    this.#connections.delete(connection.id);
    this.#offers?.remove(connection);
    this.#devices.connectionClosed(connection);
    for (const [callSid, node] of device?.close() ?? []) this.#tellDetached(node, callSid, connection.id);
  }

  async close(): Promise<void> {
    this.#unserve();
    this.#offers?.close();
    await this.#devices.close();
    for (const device of this.#connections.values()) device.close();
    this.#connections.clear();
  }

  #handle(device: DeviceConnection, identity: string, request: SoftphoneRequest): Promise<Answer> | Answer {
    switch (request.type) {
      case 'register':
        return this.#register(device, identity, request);
      case 'unregister':
        return this.#unregister(device.connection);
      case 'presence':
        return this.#presence(device, request.state);
      case 'accept':
      case 'reject':
        return this.#answerCall(device, identity, request);
      case 'connect':
        return this.#connect(device, identity, request);
      case 'reattach':
        return this.#route(device, request.hint, { caller: this.#caller(device, identity), request });
      default: {
        const node = device.nodeOf(request.callSid);
        if (node === undefined) return { error: 'noSuchCall' };
        return this.#route(device, node, { caller: this.#caller(device, identity), request });
      }
    }
  }

  async #register(
    device: DeviceConnection,
    identity: string,
    request: Extract<SoftphoneRequest, { type: 'register' }>,
  ): Promise<Answer> {
    const { connection } = device;
    if (!connection.grants.voice.incoming) {
      return { error: 'notPermitted', message: 'the token does not grant incoming calls' };
    }
    try {
      const registration = await this.#registering.run(connection.id, () =>
        this.#devices.register(connection, identity, {
          device: request.device,
          registration: request.registration,
          state: device.state,
        }),
      );
      // Away it stays over a reconnect, until its user says otherwise.
      if (this.#devices.stateOf(connection) === 'away') device.setAway(true);
      // Closed while it was registered: nobody else would start its grace period.
      if (device.isClosed) this.#devices.connectionClosed(connection);
      const capabilities = capabilitiesSchema.parse(
        await this.#options.rpc.request(this.#pickHost(), RPC.capabilities, {}),
      );
      return { result: { registration, identity, ...capabilities, ...this.#offered(device, identity) } };
    } catch (error) {
      this.#options.log.warn({ err: error, identity }, `a device cannot be registered: ${describeError(error)}`);
      return { error: 'unavailable', message: 'the device cannot be registered now; try again' };
    }
  }

  #offered({ connection, isClosed }: DeviceConnection, identity: string): { bridgeRequests?: readonly BridgeOffer[] } {
    const offers = isClosed ? [] : (this.#offers?.add(connection, identity) ?? []);
    return offers.length === 0 ? {} : { bridgeRequests: offers };
  }

  async #unregister(connection: ExtensionConnection): Promise<Answer> {
    this.#offers?.remove(connection);
    await this.#devices.unregister(connection);
    return { result: {} };
  }

  #presence(device: DeviceConnection, state: 'available' | 'away'): Answer {
    if (this.#devices.of(device.connection) === undefined) return { error: 'notRegistered' };
    device.setAway(state === 'away');
    return { result: { state: device.state } };
  }

  #answerCall(
    device: DeviceConnection,
    identity: string,
    request: Extract<SoftphoneRequest, { type: 'accept' | 'reject' }>,
  ): Promise<Answer> | Answer {
    if (!device.connection.grants.voice.incoming) {
      return { error: 'notPermitted', message: 'the token does not grant incoming calls' };
    }
    const caller = this.#caller(device, identity);
    if (caller.registration === undefined) return { error: 'notRegistered' };
    return this.#route(device, request.hint, { caller, request });
  }

  #connect(
    device: DeviceConnection,
    identity: string,
    request: Extract<SoftphoneRequest, { type: 'connect' }>,
  ): Promise<Answer> | Answer {
    const { outgoing, incoming } = device.connection.grants.voice;
    if (request.bridgeToken !== undefined) {
      if (!incoming) return { error: 'notPermitted', message: 'the token does not grant incoming calls' };
      return this.#route(device, this.#pickHost(), { caller: this.#caller(device, identity), request });
    }
    if (outgoing === undefined) return { error: 'notPermitted', message: 'the token does not grant outgoing calls' };
    const { applicationSid, params } = outgoing;
    return this.#route(device, this.#pickHost(), {
      caller: this.#caller(device, identity),
      request,
      outgoing: { applicationSid, params: { ...params } },
    });
  }

  /** Hands a request to the node that holds the call, or will. */
  #route(device: DeviceConnection, node: string, message: DeviceRequest): Promise<Answer> {
    const { type } = message.request;
    if (type !== 'accept' && type !== 'connect' && type !== 'reattach') return this.#send(node, message);
    return device.settingUp(async () => {
      const answer = await this.#send(node, message);
      const callSid = 'result' in answer ? (answer.result as { callSid?: unknown }).callSid : undefined;
      if (typeof callSid !== 'string') return answer;
      device.addLeg(callSid, node);
      if (device.isClosed) this.#tellDetached(node, callSid, device.connection.id);
      return answer;
    });
  }

  async #send(node: string, message: DeviceRequest): Promise<Answer> {
    // The hint comes from the device: nothing but a node's name may become part of a bus subject.
    if (!isNodeName(node)) return { error: 'bridgeTokenInvalid', message: 'the hint names no node' };
    let reply: Reply;
    try {
      reply = replySchema.parse(await this.#options.rpc.request(node, RPC.device, message));
    } catch (error) {
      this.#options.log.warn({ err: error, node, request: message.request.type }, 'the call node does not answer');
      return { error: 'nodeUnreachable' };
    }
    if (reply.ok) return { result: reply.result };
    return reply.message === undefined ? { error: reply.error } : { error: reply.error, message: reply.message };
  }

  #tellDetached(node: string, callSid: string, connection: string): void {
    this.#options.rpc.request(node, RPC.detached, { callSid, connection }).catch((error: unknown) => {
      this.#options.log.warn({ err: error, node, callSid }, 'the call node does not hear that a device is away');
    });
  }

  #caller(device: DeviceConnection, identity: string): Caller {
    const { connection } = device;
    const registration = this.#devices.of(connection);
    const caller = {
      accountSid: connection.grants.accountSid,
      identity,
      front: this.#options.rpc.node,
      connection: connection.id,
    };
    return registration === undefined ? caller : { ...caller, registration };
  }

  #pickHost(): string {
    return this.#options.pickHost?.() ?? this.#options.rpc.node;
  }
}
