import type { Entry, NewEntry, Position } from '../history.ts';
import { SeededRandom } from '../random.ts';
import { matches } from './violation.ts';

interface Stored {
  readonly topic: string;
  readonly id: string;
  readonly seq: number;
}

interface ModelSession {
  readonly name: string;
  readonly patterns: readonly string[];
  readonly positions: Map<string, Position>;
  connected: boolean;
  ended: boolean;
}

const TOPICS = ['app.a', 'app.b', 'app.c.d'];
const STEP_MS = 20;

/** A hub that keeps every promise, as a history: what the checker must find nothing in, and mutants something. */
export class ModelHub {
  readonly entries: Entry[] = [];
  readonly #random: SeededRandom;
  readonly #sessions: ModelSession[];
  #log: Stored[] = [];
  #epoch = 1;
  #seq = 0;
  #lowWater = 0;
  #at = 0;
  #published = 0;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    const patterns = [['app.a'], ['app.*'], ['app.>'], ['app.a', 'app.>'], ['app.c.d', 'app.b']];
    this.#sessions = patterns.map((own, index) => {
      return { name: `s${index}`, patterns: own, positions: new Map(), connected: false, ended: false };
    });
  }

  run(steps: number): Entry[] {
    for (const session of this.#sessions) this.#connect(session);
    for (let step = 0; step < steps; step++) this.#step(step, steps);
    for (const session of this.#sessions) if (!session.connected && !session.ended) this.#connect(session);
    for (const { name, patterns, ended } of this.#sessions) {
      if (!ended) this.#add({ kind: 'end', session: name, patterns });
    }
    this.#add({ kind: 'presence', topic: 'app.room', listed: ['c1'], present: ['c1'] });
    return this.entries;
  }

  #step(step: number, steps: number): void {
    this.#at += STEP_MS;
    const random = this.#random;
    if (random.chance(0.7)) this.#publish();
    const session = random.pick(this.#sessions);
    if (!session.ended && random.chance(0.3)) {
      if (session.connected) this.#drop(session);
      else this.#connect(session);
    }
    if (step === Math.floor(steps / 3)) this.#purge();
    if (step === Math.floor(steps / 2)) this.#recreate();
    if (step === Math.floor((steps * 2) / 3)) this.#endRights();
  }

  #publish(): void {
    const topic = this.#random.pick(TOPICS);
    const id = `e${++this.#published}`;
    this.#add({ kind: 'attempt', topic, id });
    if (this.#random.chance(0.2)) this.#add({ kind: 'canary', id: `canary-${id}` });
    const stored = { topic, id, seq: ++this.#seq };
    this.#log.push(stored);
    this.#add({ kind: 'ack', topic, id, position: this.#position(stored.seq) });
    for (const session of this.#sessions) if (session.connected) this.#deliver(session, stored);
  }

  #deliver(session: ModelSession, { topic, id, seq }: Stored): void {
    const matching = session.patterns.filter((pattern) => matches(pattern, topic));
    if (matching.length === 0) return;
    const position = this.#position(seq);
    for (const pattern of matching) session.positions.set(pattern, position);
    this.#add({ kind: 'event', session: session.name, topic, position, id, type: 'app.message' });
  }

  #connect(session: ModelSession): void {
    session.connected = true;
    this.#add({ kind: 'connected', session: session.name, connection: `c${this.#at}`, node: 'n1' });
    let from = Infinity;
    const before = new Map(session.positions);
    for (const pattern of session.patterns) {
      const position = session.positions.get(pattern);
      this.#add({ kind: 'subscribe', session: session.name, pattern, ...(position === undefined ? {} : { position }) });
      const recovered =
        position === undefined || (position.epoch === String(this.#epoch) && position.seq >= this.#lowWater);
      const head = this.#position(this.#seq);
      this.#add({ kind: 'subscribed', session: session.name, pattern, position: head, recovered });
      if (position === undefined || !recovered) session.positions.set(pattern, head);
      from = Math.min(from, session.positions.get(pattern)?.seq ?? Infinity);
    }
    for (const stored of this.#log) {
      const owed = session.patterns.some(
        (pattern) => matches(pattern, stored.topic) && stored.seq > (session.positions.get(pattern)?.seq ?? Infinity),
      );
      const had = session.patterns.some((pattern) => {
        const { epoch, seq } = before.get(pattern) ?? { epoch: '', seq: 0 };
        return matches(pattern, stored.topic) && epoch === String(this.#epoch) && stored.seq <= seq;
      });
      if (stored.seq > from && owed && !had) this.#deliver(session, stored);
    }
  }

  #drop(session: ModelSession): void {
    session.connected = false;
    this.#add({ kind: 'closed', session: session.name, code: 1006 });
  }

  #purge(): void {
    this.#lowWater = Math.max(0, this.#seq - 2);
    this.#log = this.#log.filter(({ seq }) => seq > this.#lowWater);
    this.#add({ kind: 'fault', what: 'stream.purged' });
  }

  #recreate(): void {
    this.#epoch++;
    [this.#seq, this.#lowWater, this.#log] = [0, 0, []];
    this.#add({ kind: 'fault', what: 'stream.recreated' });
    for (const session of this.#sessions.filter(({ connected }) => connected)) {
      for (const pattern of session.patterns) {
        session.positions.set(pattern, this.#position(0));
        this.#add({ kind: 'gap', session: session.name, pattern, position: this.#position(0), recovered: false });
      }
    }
  }

  #endRights(): void {
    const session = this.#sessions.find(({ connected, ended }) => connected && !ended);
    if (session === undefined) return;
    this.#add({ kind: 'ended-rights', session: session.name, why: 'revoked', patterns: session.patterns });
    session.ended = true;
    this.#drop(session);
  }

  #position(seq: number): Position {
    return { epoch: String(this.#epoch), seq };
  }

  #add(entry: NewEntry): void {
    this.entries.push({ at: this.#at, ...entry });
  }
}
