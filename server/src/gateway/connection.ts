import type { DisconnectName, Grants } from '@hookswitch/shared';
import { TokenError } from '../hub/index.ts';
import type { Hub, OutletItem, Presence } from '../hub/index.ts';
import { MachineRunner, Mailbox, describeError } from '../kernel/index.ts';
import type { Clock, Log, Machine, MachineRunnerOptions, Random, Turns } from '../kernel/index.ts';
import { overQuota } from './commands/over-quota.ts';
import { CommandRunner } from './commands/runner.ts';
import type { CommandContext } from './commands/runner.ts';
import { DeadlineSet } from './deadlines.ts';
import type { Deadlines } from './deadlines.ts';
import { decodeFrame } from './decode.ts';
import { ExtensionSessions } from './extensions.ts';
import type { ExtensionRegistry } from './extensions.ts';
import { errorOf } from './machine.ts';
import type { Command, ConnectionEffect, ConnectionInput, ConnectionState, ConnectionTimer } from './machine.ts';
import { Outbox } from './outbox.ts';
import type { OutboxLimits, OutboxOwner } from './outbox.ts';
import type { ClientTransport, ReceivedFrame, TransportEvents } from './ports.ts';
import type { ConnectionUse, Quotas } from './quotas.ts';
import { Session } from './session.ts';

/** What all connections of a gateway share. */
export interface ConnectionContext {
  readonly hub: Hub;
  readonly extensions: ExtensionRegistry;
  readonly presence: Presence | undefined;
  readonly machine: Machine<ConnectionState, ConnectionInput, ConnectionEffect>;
  readonly commands: CommandContext;
  readonly deadlines: Deadlines;
  readonly outbox: OutboxLimits;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Log;
  /** Frames of one client that may wait while its token is looked at; more close the connection. */
  readonly maxWaitingFrames: number;
  /** Frames before a good token, and what comes with it, are handled a few in each turn: clients come back all at once. */
  readonly handshakes: Turns;
  readonly quotas: Quotas;
  /** The token of one more connection is good. */
  readonly onAuthenticated: () => void;
}

/**
 * One client: its machine, its mailbox, its outbox and, once authenticated, its session. Frames are handled one after
 * another; while a token is being looked at the ones behind it wait, so that a client may send connect and subscribe
 * in one go.
 */
export class Connection
  implements TransportEvents, OutboxOwner, MachineRunnerOptions<ConnectionState, ConnectionInput, ConnectionEffect>
{
  readonly id: string;
  readonly transport: ClientTransport;
  readonly #context: ConnectionContext;
  readonly #runner: MachineRunner<ConnectionState, ConnectionInput, ConnectionEffect>;
  readonly #timers: DeadlineSet<ConnectionTimer>;
  /** Only while a frame is in hand: a connection is idle nearly always, and there are very many. */
  #mailbox: Mailbox<ReceivedFrame> | undefined;
  readonly #outbox: Outbox;
  readonly #onClosed: (connection: Connection) => void;
  #session: Session | undefined;
  #commands: CommandRunner | undefined;
  #authenticating: Promise<void> | undefined;
  /** What it has of its account's quotas, from the good token on. */
  #use: ConnectionUse | undefined;

  constructor(
    id: string,
    transport: ClientTransport,
    context: ConnectionContext,
    onClosed: (connection: Connection) => void,
  ) {
    this.id = id;
    this.transport = transport;
    this.#context = context;
    this.#onClosed = onClosed;
    this.#timers = new DeadlineSet(context.deadlines, this);
    const { clock, hub } = context;
    this.#outbox = new Outbox({ transport, clock, fanout: hub.fanout, limits: context.outbox, owner: this });
    this.#runner = new MachineRunner(this);
    this.#dispatch({ kind: 'opened' });
  }

  /** For its machine's runner, which has the connection itself for options: closures would be four more objects to keep. */
  get machine(): Machine<ConnectionState, ConnectionInput, ConnectionEffect> {
    return this.#context.machine;
  }

  /** For its machine's runner. */
  get initial(): ConnectionState {
    return { name: 'awaiting-connect', connection: this.id, badFrames: 0 };
  }

  /** For its machine's runner. */
  onState(state: ConnectionState): void {
    if (state.name !== 'closed') return;
    this.#timers.close();
    this.#onClosed(this);
  }

  /** Grants in force; undefined before connect. */
  get grants(): Grants | undefined {
    return this.#session?.grants;
  }

  /** Subscriptions. */
  get patterns(): string[] {
    return this.#session?.delivery.patterns ?? [];
  }

  /** Whether its token was ever good. */
  get authenticated(): boolean {
    return this.#use !== undefined;
  }

  received(frame: ReceivedFrame): void {
    const { name } = this.#runner.state;
    if (name === 'closing' || name === 'closed') return;
    if (this.#isAcknowledgement(frame)) return;
    const known = this.#mailbox;
    const mailbox = (this.#mailbox ??= this.#newMailbox());
    if (!mailbox.post(frame)) this.disconnect('overloaded');
    else if (mailbox.idle) this.#mailbox = undefined;
    else if (known === undefined) void this.#letGo(mailbox);
  }

  drained(): void {
    this.#outbox.drained();
  }

  closed(reason: string): void {
    this.#dispatch({ kind: 'transport-closed', reason });
  }

  /** For its timers. */
  onTimer(name: ConnectionTimer): void {
    const { clock } = this.#context;
    this.#dispatch({ kind: 'timer', name, at: clock.monotonic(), now: clock.now() });
  }

  /** For its outbox. */
  onSlow(): void {
    this.disconnect('slow');
  }

  /** For its outbox. */
  onDropped(items: readonly OutletItem[]): void {
    this.#session?.delivery.dropped(items);
  }

  /** For its outbox. */
  onLag(ms: number): void {
    const accountSid = this.grants?.accountSid;
    if (accountSid !== undefined) this.#context.hub.accountMetrics.lag(accountSid, ms);
  }

  /** Ends the connection with a code of the table. Later calls do nothing. */
  disconnect(name: DisconnectName, retryAfterMs?: number): void {
    this.#dispatch({ kind: 'disconnect', name, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
  }

  #dispatch(input: ConnectionInput): void {
    this.#runner.dispatch(input);
  }

  async #letGo(mailbox: Mailbox<ReceivedFrame>): Promise<void> {
    await mailbox.drained();
    if (mailbox.idle && this.#mailbox === mailbox) this.#mailbox = undefined;
  }

  #newMailbox(): Mailbox<ReceivedFrame> {
    return new Mailbox({
      capacity: this.#context.maxWaitingFrames,
      handle: (frame) => this.#inTurn(frame),
      onError: (error) => {
        this.#log.error({ ...this.#logged, err: error }, `handling a frame failed: ${describeError(error)}`);
        this.disconnect('serverError');
      },
    });
  }

  get #log(): Log {
    return this.#context.logger;
  }

  /** What says in the log whom it is about. No logger of its own, which would be one more thing to keep. */
  get #logged(): object {
    return { connection: this.id, transport: this.transport.name };
  }

  #inTurn(received: ReceivedFrame): Promise<void> | undefined {
    const turn = this.#use === undefined ? this.#context.handshakes.next() : undefined;
    return turn === undefined ? this.#handle(received) : turn.then(() => this.#handle(received));
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

  /** For its machine's runner. */
  perform(effect: ConnectionEffect): void {
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
        this.#run(effect.command);
        break;
      case 'close-transport':
        this.#outbox.flush();
        this.#outbox.close();
        this.transport.close(effect.code, effect.reason);
        break;
      case 'terminate-transport':
        this.transport.terminate();
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
      if (purpose === 'connect' && !this.#enter(id, grants)) return;
      this.#dispatch({ kind: 'authenticated', id, purpose, grants, at: clock.monotonic(), now: clock.now() });
    } catch (error) {
      if (error instanceof TokenError) {
        this.#log.debug({ ...this.#logged, reason: error.reason }, `a token was refused: ${error.message}`);
        this.#dispatch({ kind: 'refused', id, purpose, error: error.reason, message: error.message });
      } else {
        this.#log.error({ ...this.#logged, err: error }, `checking a token failed: ${describeError(error)}`);
        this.#dispatch({ kind: 'refused', id, purpose, error: 'internal', message: 'the token could not be checked' });
      }
    }
  }

  /** Takes the account's quotas; false: it was sent away. */
  #enter(id: number, grants: Grants): boolean {
    if (this.#use !== undefined || this.#closing) return true;
    const use = this.#context.quotas.connect(grants.accountSid);
    if ('message' in use) {
      this.#outbox.sendControl(overQuota(id, use));
      const { random } = this.#context;
      this.disconnect('overloaded', use.retryAfterMs + random.int(RETRY_JITTER_MS));
      return false;
    }
    this.#use = use;
    this.#context.onAuthenticated();
    return true;
  }

  get #closing(): boolean {
    const { name } = this.#runner.state;
    return name === 'closing' || name === 'closed';
  }

  #run(command: Command): void {
    this.#commands?.run(command);
    this.#holds();
  }

  /** Subscriptions may have begun or ended. */
  #holds(): void {
    if (this.#session !== undefined) this.#use?.holds(this.#session.delivery.size);
  }

  /** The answers to our pings come often under load: they skip the line, and the schema. */
  #isAcknowledgement(frame: ReceivedFrame): boolean {
    const pong = readPong(frame);
    if (pong === undefined) return false;
    this.#outbox.acknowledged(pong.n);
    this.#dispatch({ kind: 'frame', frame: { type: 'pong' }, at: this.#context.clock.monotonic() });
    return true;
  }

  #activate(grants: Grants): void {
    const { hub, extensions, presence, commands, logger } = this.#context;
    const session = new Session({
      id: this.id,
      grants,
      hub,
      outbox: this.#outbox,
      presence,
      use: this.#use,
      extensions: (self) => new ExtensionSessions(extensions, self, logger),
    });
    this.#session = session;
    this.#commands = new CommandRunner(commands, session, () => {
      this.#holds();
    });
    const { accountSid, identity } = grants;
    this.#log.debug({ ...this.#logged, account: accountSid, identity }, 'client connected');
  }

  #changeGrants(grants: Grants): void {
    for (const pattern of this.#session?.changeGrants(grants) ?? []) {
      const error = errorOf('notPermitted', undefined, `subscription ${pattern} ended: not granted any more`);
      this.#outbox.sendControl({ ...error, topic: pattern });
    }
    this.#holds();
  }

  #release(reason: string): void {
    this.#mailbox?.close();
    this.#outbox.retain(() => false);
    this.#session?.close(reason);
    this.#use?.release();
    if (this.#runner.state.name === 'closed') this.#outbox.close();
    this.#log.debug({ ...this.#logged, reason }, 'client connection ends');
  }
}

/** Beside the wait that a quota asks for: those that it sent away come back one by one. Milliseconds. */
const RETRY_JITTER_MS = 1000;
const PONG = /^\{"type":"pong"(?:,"n":(\d{1,15}))?\}$/;

/** A `pong` as clients write it; any other spelling takes the long way and is no acknowledgement. */
function readPong(frame: ReceivedFrame): { readonly n: number | undefined } | undefined {
  if ('text' in frame) {
    const found = frame.text.length < 48 ? PONG.exec(frame.text) : null;
    return found === null ? undefined : { n: found[1] === undefined ? undefined : Number(found[1]) };
  }
  if (!('value' in frame)) return undefined;
  const value = frame.value as { readonly type?: unknown; readonly n?: unknown } | null | undefined;
  if (typeof value !== 'object' || value?.type !== 'pong') return undefined;
  return { n: typeof value.n === 'number' ? value.n : undefined };
}
