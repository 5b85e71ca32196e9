import { eventDataSchemas, topics } from '@hookswitch/shared';
import type { DeviceState, HookswitchEvent, SoftphonePush } from '@hookswitch/shared';
import type { EventSink } from '../calls/ports.ts';
import type { ExtensionConnection } from '../gateway/ports.ts';
import { describeError, randomHex } from '../kernel/index.ts';
import type { Clock, Log, Random, Timer } from '../kernel/index.ts';
import type { Notifications, Registration, RegistrationKey, Registrations } from './ports.ts';

export interface DeviceRegistrationsOptions {
  readonly node: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly registrations: Registrations;
  readonly notifications: Notifications;
  readonly events: EventSink;
  /** How long a registration outlives its connection, milliseconds. */
  readonly graceMs: number;
}

/** A registration that this gateway holds. */
interface Held {
  registration: Registration;
  /** Undefined while the device reconnects. */
  connection: ExtensionConnection | undefined;
  grace: Timer | undefined;
  readonly subscriptions: readonly { close(): void }[];
}

/** What a device says of itself when it registers. */
type Wish = { readonly device: string | undefined; readonly state: DeviceState };

/** Pause before the store is asked again to remove a registration, milliseconds. */
const RETRY_MS = 5_000;

/** Ids made here; only such ids are taken up again. */
const REGISTRATION_ID = /^RG[0-9a-f]{32}$/;

/**
 * Registrations of the devices connected to this gateway: kept in the store under their connection, for a grace period
 * beyond it, and fed with the notifications that name them.
 */
export class DeviceRegistrations {
  readonly #options: DeviceRegistrationsOptions;
  readonly #byId = new Map<string, Held>();
  readonly #byConnection = new Map<string, Held>();

  constructor(options: DeviceRegistrationsOptions) {
    this.#options = options;
  }

  /** Registrations held, for leak checks. */
  get size(): number {
    return this.#byId.size;
  }

  /** Id of the registration that this connection holds. */
  of(connection: ExtensionConnection): string | undefined {
    return this.#byConnection.get(connection.id)?.registration.registration;
  }

  /**
   * Registers a device, or takes its earlier registration up again; the connection is not to be closed yet. One
   * registration a connection: again is an update of the device's name. Rejects when the store or the bus fails.
   */
  async register(
    connection: ExtensionConnection,
    identity: string,
    wish: {
      readonly device: string | undefined;
      readonly registration: string | undefined;
      readonly state: DeviceState;
    },
  ): Promise<string> {
    const held = this.#byConnection.get(connection.id);
    if (held !== undefined) {
      held.registration = { ...held.registration, device: wish.device ?? held.registration.device };
      await this.#options.registrations.put(held.registration);
      return held.registration.registration;
    }
    const wanted = REGISTRATION_ID.test(wish.registration ?? '') ? wish.registration : undefined;
    const id = wanted ?? `RG${randomHex(this.#options.random, 16)}`;
    const key: RegistrationKey = { accountSid: connection.grants.accountSid, identity, registration: id };
    const known = this.#byId.get(idOf(key));
    if (known === undefined) await this.#create(key, connection, wish);
    else await this.#takeUp(known, connection, wish);
    return id;
  }

  stateOf(connection: ExtensionConnection): DeviceState | undefined {
    const held = this.#byConnection.get(connection.id);
    return held === undefined ? undefined : (held.registration.state ?? 'available');
  }

  /** What the device of this connection is doing from now on. Stored and published soon after. */
  setState(connection: ExtensionConnection, state: DeviceState): void {
    const held = this.#byConnection.get(connection.id);
    if (held === undefined || (held.registration.state ?? 'available') === state) return;
    held.registration = { ...held.registration, state };
    this.#options.registrations.put(held.registration).catch((error: unknown) => {
      this.#options.log.warn({ err: error, state }, `the state of a device is not stored: ${describeError(error)}`);
    });
    this.#tellState(held.registration);
  }

  /** The device no longer wants calls. */
  async unregister(connection: ExtensionConnection): Promise<void> {
    const held = this.#byConnection.get(connection.id);
    if (held !== undefined) await this.#remove(held, 'unregistered');
  }

  /** The connection is gone: its registration stays for the grace period. */
  connectionClosed(connection: ExtensionConnection): void {
    const held = this.#byConnection.get(connection.id);
    if (held === undefined) return;
    this.#byConnection.delete(connection.id);
    held.connection = undefined;
    this.#expireAfter(held, this.#options.graceMs);
  }

  /** Removes every registration, so that no ghost is rung. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.#byId.values()].map((held) => this.#remove(held, 'shutdown')));
  }

  async #create(key: RegistrationKey, connection: ExtensionConnection, wish: Wish): Promise<void> {
    const { registrations, notifications, clock, node, events } = this.#options;
    const { accountSid, identity } = key;
    // A device that comes from another gateway keeps its place in the order.
    const before = await registrations.get(key);
    const registration: Registration = {
      ...key,
      node,
      connection: connection.id,
      device: wish.device ?? before?.device,
      since: before?.since ?? clock.now(),
      ...stateAfter(before, wish),
    };
    const subscriptions = (['incoming', 'cancel'] as const).map((what) =>
      notifications.subscribe(accountSid, topics.client(identity, what), (event) => {
        this.#deliver(held, event);
      }),
    );
    const held: Held = { registration, connection, grace: undefined, subscriptions };
    try {
      // Live before it can be found: a call placed the moment after must not be missed.
      await Promise.all(subscriptions.map((subscription) => subscription.ready));
      this.#byId.set(idOf(key), held);
      this.#byConnection.set(connection.id, held);
      await registrations.put(registration);
    } catch (error) {
      this.#forget(held);
      throw error;
    }
    if (before !== undefined) return;
    const data = { identity, registration: key.registration };
    events.emit({
      accountSid,
      type: 'client.registered',
      subject: identity,
      data: registration.device === undefined ? data : { ...data, device: registration.device },
    });
    if (registration.state !== undefined) this.#tellState(registration);
  }

  async #takeUp(held: Held, connection: ExtensionConnection, wish: Wish): Promise<void> {
    held.grace?.cancel();
    held.grace = undefined;
    if (held.connection !== undefined) this.#byConnection.delete(held.connection.id);
    held.connection = connection;
    held.registration = {
      ...held.registration,
      connection: connection.id,
      device: wish.device ?? held.registration.device,
    };
    this.#byConnection.set(connection.id, held);
    await this.#options.registrations.put(held.registration);
  }

  /** Removes a registration whose device stays away; again later while the store cannot be reached. */
  #expireAfter(held: Held, delayMs: number): void {
    held.grace = this.#options.clock.setTimer(delayMs, () => {
      this.#removeFromStore(held, 'connection-lost').then(
        () => {
          if (held.connection === undefined) this.#forget(held);
        },
        (error: unknown) => {
          this.#options.log.warn({ err: error }, `a lost registration cannot be removed yet: ${describeError(error)}`);
          if (held.connection === undefined && this.#isHeld(held)) this.#expireAfter(held, RETRY_MS);
        },
      );
    });
  }

  async #remove(held: Held, reason: string): Promise<void> {
    this.#forget(held);
    await this.#removeFromStore(held, reason);
  }

  async #removeFromStore(held: Held, reason: string): Promise<void> {
    const { accountSid, identity, registration, connection } = held.registration;
    // Not removed: the device lives on at another connection.
    if (!(await this.#options.registrations.remove(held.registration, connection))) return;
    const data = { identity, registration, reason };
    this.#options.events.emit({ accountSid, type: 'client.unregistered', subject: identity, data });
  }

  #tellState({ accountSid, identity, registration, device, state = 'available' }: Registration): void {
    const data = { identity, registration, ...(device === undefined ? {} : { device }), state };
    this.#options.events.emit({ accountSid, type: 'client.presence', subject: identity, data });
  }

  #isHeld(held: Held): boolean {
    return this.#byId.get(idOf(held.registration)) === held;
  }

  #forget(held: Held): void {
    held.grace?.cancel();
    for (const subscription of held.subscriptions) subscription.close();
    if (this.#isHeld(held)) this.#byId.delete(idOf(held.registration));
    if (held.connection !== undefined) this.#byConnection.delete(held.connection.id);
    held.connection = undefined;
  }

  #deliver(held: Held, event: HookswitchEvent): void {
    const { connection } = held;
    if (connection?.grants.voice.incoming !== true) return;
    if (connection.grants.identity !== held.registration.identity) return;
    const push = pushOf(event, held.registration.registration, this.#options.clock.now());
    if (push !== undefined) connection.push(push);
  }
}

/** Away it stays over a reconnect. Undefined says available. */
function stateAfter(before: Registration | undefined, { state }: Wish): { state?: DeviceState } {
  if (before?.state === 'away') return { state: 'away' };
  return state === 'available' ? {} : { state };
}

/** What a device is told of an event; nothing when it names another registration or came too late. */
function pushOf(event: HookswitchEvent, registration: string, now: number): SoftphonePush | undefined {
  if (event.type === 'client.incoming') {
    const parsed = eventDataSchemas['client.incoming'].safeParse(event.data);
    if (!parsed.success || parsed.data.registration !== registration || parsed.data.expiresAt <= now) return undefined;
    const { callSid, token, hint, expiresAt, from, to, callerName, parameters } = parsed.data;
    const push = { type: 'incoming', callSid, token, hint, expiresAt, from, to, parameters } as const;
    return callerName === undefined ? push : { ...push, callerName };
  }
  if (event.type === 'client.cancel') {
    const parsed = eventDataSchemas['client.cancel'].safeParse(event.data);
    if (!parsed.success || parsed.data.registration !== registration) return undefined;
    const { callSid, reason, by } = parsed.data;
    const push = { type: 'cancel', callSid, reason } as const;
    return by === undefined ? push : { ...push, by };
  }
  return undefined;
}

function idOf(key: RegistrationKey): string {
  return `${key.accountSid} ${key.identity} ${key.registration}`;
}
