import type { DisconnectName, Grants } from '@hookswitch/shared';
import { TokenError } from '../hub/index.ts';
import type { Hub } from '../hub/index.ts';
import { MachineRunner, Mailbox, TimerSet, describeError } from '../kernel/index.ts';
import type { Clock, Log, Random } from '../kernel/index.ts';
import { CommandRunner } from './commands/runner.ts';
import { decodeFrame } from './decode.ts';
import { ExtensionSessions } from './extensions.ts';
import type { ExtensionRegistry } from './extensions.ts';
import { connectionMachine, errorOf } from './machine.ts';
import type {
  ConnectionEffect,
  ConnectionInput,
  ConnectionRules,
  ConnectionState,
  ConnectionTimer,
} from './machine.ts';
import { Outbox } from './outbox.ts';
import type { OutboxLimits } from './outbox.ts';
import type { ClientTransport, ReceivedFrame, TransportEvents } from './ports.ts';
import { Session } from './session.ts';

/** What all connections of a gateway share. */
export interface ConnectionContext {
  readonly hub: Hub;
  readonly extensions: ExtensionRegistry;
  readonly rules: ConnectionRules;
  readonly outbox: OutboxLimits;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Log;
  /** Frames of one client that may wait while its token is looked at; more close the connection. */
  readonly maxWaitingFrames: number;
}

/**
 * One client: its machine, its mailbox, its outbox and, once authenticated, its session. Frames are handled one after
 * another; while a token is being looked at the ones behind it wait, so that a client may send connect and subscribe
 * in one go.
 */
export class Connection implements TransportEvents {
  readonly id: string;
  readonly #context: ConnectionContext;
  readonly #transport: ClientTransport;
  readonly #runner: MachineRunner<ConnectionState, ConnectionInput, ConnectionEffect>;
  readonly #timers: TimerSet<ConnectionTimer>;
  readonly #mailbox: Mailbox<ReceivedFrame>;
  readonly #outbox: Outbox;
  readonly #logger: Log;
  readonly #onClosed: (connection: Connection) => void;
  #active: { readonly session: Session; readonly commands: CommandRunner } | undefined;
  #authenticating: Promise<void> | undefined;

  constructor(
    id: string,
    transport: ClientTransport,
    context: ConnectionContext,
    onClosed: (connection: Connection) => void,
  ) {
    this.id = id;
    this.#transport = transport;
    this.#context = context;
    this.#onClosed = onClosed;
    const { clock } = context;
    this.#logger = context.logger.child({ connection: id, transport: transport.name });
    this.#timers = new TimerSet(clock, (name) => {
      this.#dispatch({ kind: 'timer', name, at: clock.monotonic(), now: clock.now() });
    });
    this.#outbox = new Outbox({
      transport,
      clock,
      fanout: context.hub.fanout,
      limits: context.outbox,
      onSlow: () => {
        this.disconnect('slow');
      },
      onDropped: (items) => this.#active?.session.delivery.dropped(items),
    });
    this.#mailbox = new Mailbox({
      capacity: context.maxWaitingFrames,
      handle: (frame) => this.#handle(frame),
      onError: (error) => {
        this.#logger.error({ err: error }, `handling a frame failed: ${describeError(error)}`);
        this.disconnect('serverError');
      },
    });
    this.#runner = new MachineRunner({
      machine: connectionMachine(context.rules),
      initial: { name: 'awaiting-connect', connection: id, badFrames: 0 },
      perform: (effect) => {
        this.#perform(effect);
      },
      onState: (state) => {
        if (state.name !== 'closed') return;
        this.#timers.close();
        this.#onClosed(this);
      },
    });
    this.#dispatch({ kind: 'opened' });
  }

  /** Grants in force; undefined before connect. */
  get grants(): Grants | undefined {
    return this.#active?.session.grants;
  }

  received(frame: ReceivedFrame): void {
    const { name } = this.#runner.state;
    if (name === 'closing' || name === 'closed') return;
    if (!this.#mailbox.post(frame)) this.disconnect('overloaded');
  }

  drained(): void {
    this.#outbox.drained();
  }

  closed(reason: string): void {
    this.#dispatch({ kind: 'transport-closed', reason });
  }

  /** Ends the connection with a code of the table. Later calls do nothing. */
  disconnect(name: DisconnectName, retryAfterMs?: number): void {
    this.#dispatch({ kind: 'disconnect', name, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
  }

  #dispatch(input: ConnectionInput): void {
    this.#runner.dispatch(input);
  }

  #handle(received: ReceivedFrame): Promise<void> | undefined {
    const at = this.#context.clock.monotonic();
    const decoded = decodeFrame(received);
    if (decoded.ok) this.#dispatch({ kind: 'frame', frame: decoded.frame, at });
    else {
      const { error, message, id, fatal } = decoded;
      this.#dispatch({ kind: 'bad-frame', error, message, id, fatal, at });
    }
    const pending = this.#authenticating;
    this.#authenticating = undefined;
    return pending;
  }

  #perform(effect: ConnectionEffect): void {
    if (this.#timers.perform(effect)) return;
    switch (effect.kind) {
      case 'send':
        this.#outbox.sendControl(effect.frame);
        break;
      case 'authenticate':
        this.#authenticating = this.#authenticate(effect);
        break;
      case 'activate':
        this.#activate(effect.grants);
        break;
      case 'grants-changed':
        this.#changeGrants(effect.grants);
        break;
      case 'run':
        this.#active?.commands.run(effect.command);
        break;
      case 'close-transport':
        this.#outbox.flush();
        this.#outbox.close();
        this.#transport.close(effect.code, effect.reason);
        break;
      case 'terminate-transport':
        this.#transport.terminate();
        break;
      case 'release':
        this.#release(effect.reason);
        break;
    }
  }

  async #authenticate(effect: Extract<ConnectionEffect, { kind: 'authenticate' }>): Promise<void> {
    const { id, purpose, token } = effect;
    const { hub, clock } = this.#context;
    try {
      const grants = await hub.verifyToken(token);
      this.#dispatch({ kind: 'authenticated', id, purpose, grants, at: clock.monotonic(), now: clock.now() });
    } catch (error) {
      if (error instanceof TokenError) {
        this.#logger.debug({ reason: error.reason }, `a token was refused: ${error.message}`);
        this.#dispatch({ kind: 'refused', id, purpose, error: error.reason, message: error.message });
      } else {
        this.#logger.error({ err: error }, `checking a token failed: ${describeError(error)}`);
        this.#dispatch({ kind: 'refused', id, purpose, error: 'internal', message: 'the token could not be checked' });
      }
    }
  }

  #activate(grants: Grants): void {
    const { hub, extensions, clock, random, rules } = this.#context;
    const session = new Session({
      id: this.id,
      grants,
      hub,
      outbox: this.#outbox,
      extensions: (self) => new ExtensionSessions(extensions, self, this.#logger),
    });
    const commands = new CommandRunner({ hub, clock, random, node: rules.node, logger: this.#logger }, session);
    this.#active = { session, commands };
    this.#logger.debug({ account: grants.accountSid, identity: grants.identity }, 'client connected');
  }

  #changeGrants(grants: Grants): void {
    for (const pattern of this.#active?.session.changeGrants(grants) ?? []) {
      this.#outbox.sendControl(
        errorOf('notPermitted', undefined, `subscription ${pattern} ended: not granted any more`),
      );
    }
  }

  #release(reason: string): void {
    this.#mailbox.close();
    this.#outbox.retain(() => false);
    this.#active?.session.close(reason);
    if (this.#runner.state.name === 'closed') this.#outbox.close();
    this.#logger.debug({ reason }, 'client connection ends');
  }
}
