import { parseTopic, topicMatches } from '@hookswitch/shared';
import type { Position, ServerFrame } from '@hookswitch/shared';
import { clientError, hubError, toHookswitchError } from '../kit/index.ts';
import type { Clock, HookswitchError } from '../kit/index.ts';
import { HUB_ERRORS } from '@hookswitch/shared';
import { DeliveryTracker } from './delivery-tracker.ts';
import type { Answer, Unsent } from './requests.ts';
import { Subscription } from './subscription.ts';

type Request = (command: Unsent) => Promise<Answer>;

/** One pattern on the wire, shared by every local subscription to it. */
interface Entry {
  readonly topic: string;
  readonly tracker: DeliveryTracker;
  readonly members: Set<Subscription>;
  confirmed: boolean;
}

/**
 * The client's subscriptions. On every new connection each is subscribed again from its last position; events are handed
 * to all that match, each once.
 */
export class Subscriptions {
  readonly #entries = new Map<string, Entry>();
  readonly #request: Request;
  readonly #clock: Clock;
  #online = false;

  constructor(request: Request, clock: Clock) {
    this.#request = request;
    this.#clock = clock;
  }

  get size(): number {
    return this.#entries.size;
  }

  /**
   * @param position what came after it is delivered first; only for the first subscription to this pattern
   * @throws HookswitchError `badTopic`
   */
  add(text: string, position: Position | undefined): Subscription {
    const parsed = parseTopic(text, { wildcards: true });
    if (!parsed.ok) throw hubError({ ...HUB_ERRORS.badTopic, message: `'${text}': ${parsed.problem}` });
    const { topic } = parsed;
    let entry = this.#entries.get(topic);
    const isNew = entry === undefined;
    entry ??= { topic, tracker: new DeliveryTracker(position), members: new Set(), confirmed: false };
    this.#entries.set(topic, entry);
    const subscription = new Subscription(topic, (member) => {
      this.#leave(member);
    });
    entry.members.add(subscription);
    if (isNew) this.#subscribe(entry);
    else if (entry.confirmed && entry.tracker.position !== undefined) {
      subscription.confirmed(entry.tracker.position, true, true);
    }
    return subscription;
  }

  connected(): void {
    this.#online = true;
    for (const entry of this.#entries.values()) this.#subscribe(entry);
  }

  disconnected(): void {
    this.#online = false;
  }

  event(frame: Extract<ServerFrame, { type: 'event' }>): void {
    const now = this.#clock.now();
    const matching = [...this.#entries.values()].filter((entry) => topicMatches(entry.topic, frame.topic));
    for (const { tracker, members } of matching) {
      if (!tracker.accept(frame.position, matching.length === 1, now)) continue;
      const delivered = { event: frame.event, topic: frame.topic, position: frame.position };
      for (const member of [...members]) member.deliver(delivered);
    }
  }

  gap(frame: Extract<ServerFrame, { type: 'gap' }>): void {
    const entry = this.#entries.get(frame.topic);
    if (entry === undefined) return;
    if (frame.recovered) {
      entry.tracker.rereadFrom(frame.position, this.#clock.now());
      return;
    }
    entry.tracker.skippedTo(frame.position);
    for (const member of [...entry.members]) member.gap(frame.position, 'server');
  }

  close(): void {
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    for (const { members } of entries) for (const member of members) member.end(undefined);
  }

  #subscribe(entry: Entry): void {
    if (!this.#online) return;
    const { position } = entry.tracker;
    const { topic } = entry;
    this.#request({ type: 'subscribe', topic, ...(position === undefined ? {} : { position }) }).then(
      (answer) => {
        this.#answered(entry, answer);
      },
      (error: unknown) => {
        this.#refused(entry, toHookswitchError(error, 'badAnswer'));
      },
    );
  }

  #answered(entry: Entry, answer: Answer): void {
    if (this.#entries.get(entry.topic) !== entry) return;
    if (answer.type !== 'subscribed') {
      this.#refused(entry, clientError('badAnswer'));
      return;
    }
    const first = !entry.confirmed;
    entry.confirmed = true;
    entry.tracker.subscribed(answer.position, answer.recovered, this.#clock.now());
    for (const member of [...entry.members]) member.confirmed(answer.position, answer.recovered, first);
  }

  #refused(entry: Entry, error: HookswitchError): void {
    if (this.#entries.get(entry.topic) !== entry) return;
    if (error.temporary) {
      // With the connection gone the next one subscribes again; otherwise the server asked to try later.
      if (this.#online) {
        this.#clock.setTimer(1000, () => {
          if (this.#entries.get(entry.topic) === entry) this.#subscribe(entry);
        });
      }
      return;
    }
    this.#entries.delete(entry.topic);
    for (const member of entry.members) member.end(error);
  }

  #leave(member: Subscription): void {
    const entry = this.#entries.get(member.topic);
    if (entry?.members.delete(member) !== true || entry.members.size > 0) return;
    this.#entries.delete(member.topic);
    if (!this.#online) return;
    this.#request({ type: 'unsubscribe', topic: member.topic }).catch(() => undefined);
  }
}
