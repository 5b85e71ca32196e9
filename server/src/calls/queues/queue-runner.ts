import { Mailbox, describeError } from '../../kernel/index.ts';
import type { Clock, Log, Timer } from '../../kernel/index.ts';
import type { PartyAt } from '../conferences/ports.ts';
import type { EventSink } from '../ports.ts';
import type { QueueEffect, QueueInput, QueueNews } from './queue-io.ts';
import { averageWait, stepQueue } from './queue-machine.ts';
import type { QueueState } from './queue-machine.ts';
import type { OwnerReply } from './queue-messages.ts';

export interface QueueRunnerOptions {
  readonly initial: QueueState;
  readonly events: EventSink;
  readonly clock: Clock;
  readonly log: Log;
  /** Tells a call. Resolves to false when its node does not take it. */
  readonly tell: (party: PartyAt, news: QueueNews) => Promise<boolean>;
  /** Nobody waits any more. Called once; nothing is taken from then on. */
  readonly onIdle: () => void;
}

const MAILBOX_CAPACITY = 10_000;
/** Members are told where they stand at most this often. Milliseconds. */
const TELL_EVERY_MS = 1000;

/** One queue on its owner node, while somebody waits in it. */
export class QueueRunner {
  readonly #options: QueueRunnerOptions;
  readonly #mailbox: Mailbox<QueueInput>;
  readonly #log: Log;
  #state: QueueState;
  #telling: Timer | undefined;
  #closed = false;

  constructor(options: QueueRunnerOptions) {
    const { initial, log } = options;
    this.#options = options;
    this.#state = initial;
    this.#log = log.child({ queueSid: initial.sid, accountSid: initial.accountSid });
    this.#mailbox = new Mailbox<QueueInput>({
      capacity: MAILBOX_CAPACITY,
      handle: (input) => {
        this.#step(input);
      },
      onError: (error, input) => {
        this.#log.error({ err: error }, `a queue failed at "${input.kind}": ${describeError(error)}`);
      },
    });
  }

  get state(): QueueState {
    return this.#state;
  }

  post(input: QueueInput): boolean {
    return !this.#closed && this.#mailbox.post(input);
  }

  describe(): Extract<OwnerReply, { ok: true }>['queue'] {
    const now = this.#options.clock.now();
    const { sid: queueSid, name: friendlyName, maxSize, members } = this.#state;
    return {
      queueSid,
      friendlyName,
      maxSize,
      currentSize: members.length,
      averageWaitSeconds: averageWait(this.#state, now),
      members: members.map(({ party, since }, at) => ({
        callSid: party.callSid,
        position: at + 1,
        enqueuedAt: since,
        waitSeconds: Math.max(0, Math.round((now - since) / 1000)),
      })),
    };
  }

  close(): void {
    this.#closed = true;
    this.#mailbox.close();
    this.#telling?.cancel();
    this.#telling = undefined;
  }

  #step(input: QueueInput): void {
    if (this.#closed) return;
    const { state, effects } = stepQueue(this.#state, input, this.#options.clock.now());
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: QueueEffect): void {
    const { events, clock } = this.#options;
    switch (effect.kind) {
      case 'tell':
        void this.#tell(effect.party, effect.news);
        return;
      case 'emit': {
        const { accountSid, sid } = this.#state;
        const { type, data } = effect;
        events.emit({ accountSid, type, subject: sid, data });
        return;
      }
      case 'places-changed':
        this.#telling ??= clock.setTimer(TELL_EVERY_MS, () => {
          this.#telling = undefined;
          this.post({ kind: 'tell-places' });
        });
        return;
      case 'idle':
        // What was posted meanwhile comes first.
        if (this.#mailbox.size > 0 || this.#closed) return;
        this.close();
        this.#options.onIdle();
    }
  }

  /** A call that cannot be told is gone. */
  async #tell(party: PartyAt, news: QueueNews): Promise<void> {
    if (await this.#options.tell(party, news)) return;
    const { callSid } = party;
    if (news.kind === 'given' || news.kind === 'taken-back') this.post({ kind: 'give-up', callSid });
    else if (news.kind === 'queued' || news.kind === 'called' || news.kind === 'requeued' || news.kind === 'moved') {
      this.post({ kind: 'leave', callSid, reason: 'lost' });
    }
  }
}
