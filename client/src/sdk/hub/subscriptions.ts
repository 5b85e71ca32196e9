import { HUB_ERRORS, compileFilter, parseTopic, topicMatches } from '@hookswitch/shared';
import type { HookswitchEvent, ServerFrame } from '@hookswitch/shared';
import { clientError, hubError, toHookswitchError } from '../kit/index.ts';
import type { Clock, HookswitchError, Timer } from '../kit/index.ts';
import { DeliveryTracker } from './delivery-tracker.ts';
import type { Answer, Unsent } from './requests.ts';
import { serves, wireOptions } from './subscribe-options.ts';
import type { SubscribeOptions, WireOptions } from './subscribe-options.ts';
import { Subscription } from './subscription.ts';

type Request = (command: Unsent) => Promise<Answer>;

/** One pattern on the wire, shared by every local subscription to it. */
interface Entry {
  readonly topic: string;
  readonly tracker: DeliveryTracker;
  readonly members: Set<Subscription>;
  /** Members that came after the first and wait for an answer: they begin with it, and not with the past it brings. */
  readonly late: Set<Subscription>;
  /** What the server was told last. */
  wire: WireOptions;
  /** Whether the server sends such an event for this entry. */
  accepts: (event: HookswitchEvent) => boolean;
  confirmed: boolean;
  /** Of subscribe commands; answers to an earlier one are of no interest. */
  attempt: number;
  retry: Timer | undefined;
}

/** A refusal that may pass is tried again after this. */
const RETRY_MS = 1000;

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

  /** @throws HookswitchError `badTopic`; `invalidState` for the past of a topic that is subscribed already */
  add(text: string, options: SubscribeOptions): Subscription {
    const parsed = parseTopic(text, { wildcards: true });
    if (!parsed.ok) throw hubError({ ...HUB_ERRORS.badTopic, message: `'${text}': ${parsed.problem}` });
    const { topic } = parsed;
    const existing = this.#entries.get(topic);
    if (existing !== undefined && (options.position !== undefined || options.rewind !== undefined)) {
      const message = `'${topic}' is subscribed already: position and rewind are for the first subscription to a topic`;
      throw clientError('invalidState', { message: `${message}; unsubscribe it first, or use a client of its own` });
    }
    const subscription = new Subscription(topic, options, (member) => {
      this.#leave(member);
    });
    if (subscription.isClosed) return subscription;
    const entry = existing ?? newEntry(topic, options);
    entry.members.add(subscription);
    if (existing === undefined) {
      this.#entries.set(topic, entry);
      this.#subscribe(entry);
    } else {
      this.#join(entry, subscription);
    }
    return subscription;
  }

  connected(): void {
    this.#online = true;
    for (const entry of this.#entries.values()) this.#subscribe(entry);
  }

  disconnected(): void {
    this.#online = false;
    for (const { retry } of this.#entries.values()) retry?.cancel();
  }

  event({ topic, event, position }: Extract<ServerFrame, { type: 'event' }>): void {
    const now = this.#clock.now();
    // The frame names its topic only: which subscriptions it is for has to be found out.
    const matching = [...this.#entries.values()].filter(
      (entry) => (entry.topic === topic || topicMatches(entry.topic, topic)) && entry.accepts(event),
    );
    for (const { tracker, members, late } of matching) {
      if (!tracker.accept(position, matching.length === 1, now)) continue;
      for (const member of [...members]) if (!late.has(member)) member.deliver({ event, topic, position });
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

  /** The server ended a subscription. @returns false when there is none on this topic */
  ended(topic: string, error: HookswitchError): boolean {
    const entry = this.#entries.get(topic);
    if (entry === undefined) return false;
    this.#end(entry, error);
    return true;
  }

  close(): void {
    for (const entry of [...this.#entries.values()]) this.#end(entry, undefined);
  }

  #subscribe(entry: Entry): void {
    if (!this.#online) return;
    const { topic, tracker, confirmed, members } = entry;
    const { position } = tracker;
    const rewind = confirmed ? undefined : [...members].find(({ options }) => options.rewind)?.options.rewind;
    const wire = wireOptions([...members].map(({ options }) => options));
    entry.retry?.cancel();
    entry.wire = wire;
    entry.accepts = wire.filter === undefined ? () => true : compileFilter(wire.filter);
    tracker.asked();
    const attempt = ++entry.attempt;
    const current = (): boolean => this.#entries.get(topic) === entry && entry.attempt === attempt;
    this.#request({
      type: 'subscribe',
      topic,
      ...(position === undefined ? {} : { position }),
      ...(rewind === undefined ? {} : { rewind }),
      ...wire,
    }).then(
      (answer) => {
        if (current()) this.#answered(entry, answer);
      },
      (error: unknown) => {
        if (current()) this.#refused(entry, toHookswitchError(error, 'badAnswer'));
      },
    );
  }

  /** From now on; the past of a topic comes with the first subscription to it only. */
  #join(entry: Entry, subscription: Subscription): void {
    const { position } = entry.tracker;
    if (this.#adapt(entry) || !entry.confirmed || position === undefined) entry.late.add(subscription);
    else subscription.confirmed(position, true);
  }

  /**
   * A connection subscribes a pattern once: what another subscription needs besides takes a new one, from where the old
   * one is. @returns whether it does
   */
  #adapt(entry: Entry): boolean {
    const wants = wireOptions([...entry.members].map(({ options }) => options));
    if (!this.#online || serves(entry.wire, wants)) return false;
    this.#tell(entry.topic);
    this.#subscribe(entry);
    return true;
  }

  #answered(entry: Entry, answer: Answer): void {
    if (answer.type !== 'subscribed') {
      this.#refused(entry, clientError('badAnswer'));
      return;
    }
    entry.confirmed = true;
    const { position, recovered, start } = answer;
    entry.tracker.subscribed(position, recovered, this.#clock.now(), start);
    for (const member of entry.late) member.startAfter(position);
    entry.late.clear();
    for (const member of [...entry.members]) member.confirmed(position, recovered);
  }

  #refused(entry: Entry, error: HookswitchError): void {
    if (!error.temporary) this.#end(entry, error);
    // With the connection gone the next one subscribes again; otherwise the server asked to try later.
    else if (this.#online) {
      entry.retry = this.#clock.setTimer(RETRY_MS, () => {
        this.#subscribe(entry);
      });
    }
  }

  #end(entry: Entry, error: HookswitchError | undefined): void {
    entry.retry?.cancel();
    this.#entries.delete(entry.topic);
    for (const member of [...entry.members]) member.end(error);
  }

  #leave(member: Subscription): void {
    const entry = this.#entries.get(member.topic);
    if (entry?.members.delete(member) !== true) return;
    entry.late.delete(member);
    if (entry.members.size > 0) {
      this.#adapt(entry);
      return;
    }
    entry.retry?.cancel();
    this.#entries.delete(member.topic);
    if (this.#online) this.#tell(member.topic);
  }

  #tell(topic: string): void {
    this.#request({ type: 'unsubscribe', topic }).catch(() => undefined);
  }
}

function newEntry(topic: string, { position }: SubscribeOptions): Entry {
  return {
    topic,
    tracker: new DeliveryTracker(position),
    members: new Set(),
    late: new Set(),
    wire: {},
    accepts: () => true,
    confirmed: false,
    attempt: 0,
    retry: undefined,
  };
}
