import type { SoftphoneResults } from '@hookswitch/shared';
import type { HubClient } from '../hub/index.ts';
import { Timers, clientError, toHookswitchError } from '../kit/index.ts';
import type { Clock, HookswitchError, Unsubscribe } from '../kit/index.ts';
import type { Signal } from './ports.ts';

export type DeviceState = 'unregistered' | 'registering' | 'registered' | 'destroyed';

export interface RegistrationHandlers {
  changed(state: DeviceState): void;
  /** Registered, first or again. Awaited before the state changes. */
  registered(result: SoftphoneResults['register'], again: boolean): Promise<void>;
  /** The connection of a registered device is gone; it is registered again when the connection is back. */
  lost(error: HookswitchError): void;
  error(error: HookswitchError): void;
}

export interface RegistrationOptions {
  readonly hub: HubClient;
  readonly signal: Signal;
  readonly clock: Clock;
  /** A name an agent recognises. */
  readonly name: string | undefined;
}

/** Pause after the server said that it cannot register the device right now. */
const RETRY_MS = 2000;

/** Keeps a device registered while it is wanted: on every new connection it takes its registration up again. */
export class Registration {
  readonly #options: RegistrationOptions;
  readonly #handlers: RegistrationHandlers;
  readonly #offs: Unsubscribe[];
  readonly #timers: Timers<'retry'>;
  #state: DeviceState = 'unregistered';
  #wanted = false;
  #id: string | undefined;
  readonly #waiting = new Set<PromiseWithResolvers<void>>();

  constructor(options: RegistrationOptions, handlers: RegistrationHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#timers = new Timers(options.clock);
    this.#offs = [
      options.hub.on('connected', () => {
        if (this.#wanted) void this.#register();
      }),
      options.hub.on('disconnected', (error) => {
        this.#timers.stopAll();
        if (this.#state !== 'registered' && this.#state !== 'registering') return;
        const was = this.#state;
        this.#set(this.#wanted ? 'registering' : 'unregistered');
        if (was === 'registered') this.#handlers.lost(error);
      }),
      options.hub.on('state', (state) => {
        if (state === 'stopped' || state === 'idle') this.#stopped();
      }),
    ];
  }

  get state(): DeviceState {
    return this.#state;
  }

  /** Resolves when registered; while the connection is down it waits. @throws HookswitchError */
  register(): Promise<void> {
    if (this.#state === 'registered') return Promise.resolve();
    const waiting = this.#wait();
    if (!this.#wanted) {
      this.#wanted = true;
      this.#set('registering');
      if (this.#options.hub.info !== undefined) void this.#register();
      else this.#options.hub.connect().catch(() => undefined);
    }
    return waiting;
  }

  /** Resolves when registered (again). @throws HookswitchError when that will not happen */
  whenRegistered(): Promise<void> {
    if (this.#state === 'registered') return Promise.resolve();
    return this.#wanted ? this.#wait() : Promise.reject(clientError('invalidState', { message: 'not registered' }));
  }

  async unregister(): Promise<void> {
    if (!this.#wanted) return;
    this.#wanted = false;
    const was = this.#state;
    this.#id = undefined;
    this.#timers.stopAll();
    this.#set('unregistered');
    this.#fail(clientError('closed'));
    if (was === 'registered') await this.#options.signal('unregister', {}).catch(() => undefined);
  }

  destroy(): void {
    this.#wanted = false;
    this.#timers.stopAll();
    for (const off of this.#offs) off();
    this.#set('destroyed');
    this.#fail(clientError('closed'));
  }

  async #register(): Promise<void> {
    const { signal, name, hub } = this.#options;
    const again = this.#id !== undefined;
    this.#set('registering');
    const connection = hub.info?.connection;
    try {
      const result = await signal('register', {
        ...(name === undefined ? {} : { device: name }),
        ...(this.#id === undefined ? {} : { registration: this.#id }),
      });
      if (!this.#wanted || hub.info?.connection !== connection) return;
      this.#id = result.registration;
      await this.#handlers.registered(result, again);
      if (hub.info?.connection !== connection) return;
      this.#set('registered');
      for (const waiting of this.#take()) waiting.resolve();
    } catch (error) {
      this.#refused(toHookswitchError(error, 'mediaUnsupported'), connection);
    }
  }

  #refused(error: HookswitchError, connection: string | undefined): void {
    // With the connection gone the next one registers; a refusal for good ends the wish.
    if (!this.#wanted || this.#options.hub.info?.connection !== connection) return;
    if (error.temporary) {
      this.#handlers.error(error);
      this.#timers.start('retry', RETRY_MS, () => {
        void this.#register();
      });
      return;
    }
    this.#wanted = false;
    this.#set('unregistered');
    this.#handlers.error(error);
    this.#fail(error);
  }

  #stopped(): void {
    if (!this.#wanted) return;
    this.#wanted = false;
    this.#set('unregistered');
    this.#fail(clientError('stopped', { message: 'the connection to the server ended; register again' }));
  }

  #wait(): Promise<void> {
    const waiting = Promise.withResolvers<void>();
    this.#waiting.add(waiting);
    return waiting.promise;
  }

  #take(): PromiseWithResolvers<void>[] {
    const all = [...this.#waiting];
    this.#waiting.clear();
    return all;
  }

  #fail(error: HookswitchError): void {
    for (const waiting of this.#take()) waiting.reject(error);
  }

  #set(state: DeviceState): void {
    if (this.#state === state || this.#state === 'destroyed') return;
    this.#state = state;
    this.#handlers.changed(state);
  }
}
