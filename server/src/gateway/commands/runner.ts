import type { ServerFrame } from '@hookswitch/shared';
import { EventLogError } from '../../hub/index.ts';
import { describeError } from '../../kernel/index.ts';
import type { Log } from '../../kernel/index.ts';
import { errorOf } from '../machine.ts';
import type { Command } from '../machine.ts';
import type { Session } from '../session.ts';
import { publish } from './publish.ts';
import type { PublishContext } from './publish.ts';
import { subscribe, unsubscribe } from './subscribe.ts';
import { subscribeAll } from './subscribe-all.ts';

/** Commands of one connection that may be under way at once; more are refused with `limitExceeded`. */
const MAX_UNDER_WAY = 256;

/** What the commands of all connections share. */
export type CommandContext = PublishContext & { readonly logger: Log };

/**
 * Runs commands of one session. They overlap: a slow one does not keep the others waiting, and each is answered once.
 * Never throws; a fault of ours is logged and answered as `internal`.
 */
export class CommandRunner {
  readonly #context: CommandContext;
  readonly #session: Session;
  readonly #onEnd: () => void;
  #underWay = 0;

  /** @param onEnd called when a command is over, before it is answered */
  constructor(context: CommandContext, session: Session, onEnd: () => void) {
    this.#context = context;
    this.#session = session;
    this.#onEnd = onEnd;
  }

  run(command: Command): void {
    if (this.#underWay >= MAX_UNDER_WAY) {
      this.#answer(errorOf('limitExceeded', command.id, `at most ${MAX_UNDER_WAY} commands may be under way at once`));
      return;
    }
    this.#underWay += 1;
    void this.#execute(command)
      .catch((error: unknown) => this.#failed(command, error))
      .then((answer) => {
        this.#underWay -= 1;
        this.#onEnd();
        if (answer !== undefined) this.#answer(answer);
      });
  }

  #answer(frame: ServerFrame): void {
    if (!this.#session.closed) this.#session.outbox.sendControl(frame);
  }

  async #execute(command: Command): Promise<ServerFrame | undefined> {
    switch (command.type) {
      case 'subscribe':
        return subscribe(this.#session, command);
      case 'subscribe-all':
        return subscribeAll(this.#session, command);
      case 'unsubscribe':
        return unsubscribe(this.#session, command);
      case 'publish':
        return publish(this.#context, this.#session, command);
      case 'presence':
        return this.#session.presence.list(command);
      case 'extension': {
        const { id, extension, body } = command;
        const answer = await this.#session.extensions.request(extension, body);
        if ('error' in answer) return errorOf(answer.error, id, answer.message);
        return { type: 'result', id, extension, body: answer.result };
      }
    }
  }

  #failed(command: Command, error: unknown): ServerFrame {
    if (error instanceof EventLogError && error.reason === 'invalid') {
      return errorOf('badFrame', command.id, error.message);
    }
    if (error instanceof EventLogError) {
      return errorOf('unavailable', command.id, 'events cannot be stored or read at the moment; try again');
    }
    const fields = { err: error, command: command.type, connection: this.#session.id };
    this.#context.logger.error(fields, `a command failed: ${describeError(error)}`);
    return errorOf('internal', command.id);
  }
}
