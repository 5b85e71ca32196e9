import type { Delivered, HookswitchEvent } from '../sdk/hub.ts';

/** Most events kept; the oldest go first. */
export const MAX_EVENTS = 200;

export interface LoggedEvent extends Delivered {
  /** Stable while it is listed. */
  readonly key: number;
}

export interface EventLogSnapshot {
  /** Newest first. */
  readonly events: readonly LoggedEvent[];
  readonly paused: boolean;
  /** Events that came while paused, not shown yet. */
  readonly held: number;
  /** Events may be missing before the newest one. */
  readonly gap: boolean;
  /** Topics that the token does not allow. */
  readonly refused: readonly string[];
}

/** Events are shown at most so often, milliseconds: a busy account must not keep the page from ringing. */
const SHOW_EVERY_MS = 100;

/** The list of live events: newest first, bounded, can be paused. Listeners hear of new events a moment later, together. */
export class EventLog {
  readonly #later: (show: () => void) => void;
  #showing = false;
  readonly #listeners = new Set<() => void>();
  #snapshot: EventLogSnapshot = { events: [], paused: false, held: 0, gap: false, refused: [] };
  #held: LoggedEvent[] = [];
  #next = 0;

  /** @param later runs a function once after a moment */
  constructor(
    later: (show: () => void) => void = (show) => {
      setTimeout(show, SHOW_EVERY_MS);
    },
  ) {
    this.#later = later;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly snapshot = (): EventLogSnapshot => this.#snapshot;

  add(delivered: Delivered): void {
    const event = { ...delivered, key: this.#next++ };
    if (this.#snapshot.paused) {
      this.#held = [event, ...this.#held].slice(0, MAX_EVENTS);
      this.#snapshot = { ...this.#snapshot, held: this.#held.length };
    } else this.#snapshot = { ...this.#snapshot, events: [event, ...this.#snapshot.events].slice(0, MAX_EVENTS) };
    this.#showSoon();
  }

  setPaused(paused: boolean): void {
    const events = [...this.#held, ...this.#snapshot.events].slice(0, MAX_EVENTS);
    this.#held = [];
    this.#set({ paused, held: 0, events });
  }

  clear(): void {
    this.#held = [];
    this.#set({ events: [], held: 0, gap: false });
  }

  markGap(): void {
    this.#set({ gap: true });
  }

  refused(topic: string): void {
    this.#set({ refused: [...this.#snapshot.refused, topic] });
  }

  #showSoon(): void {
    if (this.#showing) return;
    this.#showing = true;
    this.#later(() => {
      this.#showing = false;
      this.#tell();
    });
  }

  #set(change: Partial<EventLogSnapshot>): void {
    this.#snapshot = { ...this.#snapshot, ...change };
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** Whether every word of the filter occurs in the event's type, topic, subject or data. */
export function matchesFilter({ event, topic }: Delivered, filter: string): boolean {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const text = `${event.type} ${topic} ${event.subject ?? ''} ${JSON.stringify(event.data)}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

/** Sids differ in every place: the last four tell the calls in a list apart. */
export function shortSubject(subject: string): string {
  return /^[A-Z]{2}[0-9a-f]{32}$/.test(subject) ? `${subject.slice(0, 2)}…${subject.slice(-4)}` : subject;
}

/** One line that says what happened, from the members most events have. */
export function summarise({ data }: HookswitchEvent): string {
  if (typeof data !== 'object' || data === null) return data === undefined ? '' : JSON.stringify(data);
  const facts = data as Record<string, unknown>;
  const text = (name: string): string | undefined => {
    const value = facts[name];
    return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
  };
  const parties =
    text('from') !== undefined && text('to') !== undefined ? `${text('from')} → ${text('to')}` : undefined;
  const detail = ['verb', 'outcome', 'digit', 'reason', 'cause', 'silent', 'message', 'url', 'device']
    .map(text)
    .filter((value) => value !== undefined && value !== '');
  return [...new Set(detail), parties].filter(Boolean).join(' · ');
}
