import { signToken } from '../fixtures/token.ts';
import type { Cluster } from './cluster.ts';
import { FaultLink } from './fault-link.ts';
import { History } from './history.ts';
import type { Position } from './history.ts';
import { Publisher } from './publisher.ts';
import { SeededRandom } from './random.ts';
import { Session } from './session.ts';
import type { SessionOptions } from './session.ts';
import type { WireKind } from './wire.ts';

/** A client and its own network. */
export interface Actor {
  readonly session: Session;
  readonly link: FaultLink;
  /** While true, it reaches no gateway. */
  away: boolean;
}

const KINDS: readonly WireKind[] = ['native', 'socketio', 'native', 'socketio-upgrade'];

/** The clients, publishers and topics of one seed. */
export class Stage {
  readonly cluster: Cluster;
  readonly history: History;
  readonly random: SeededRandom;
  readonly prefix: string;
  readonly topics: readonly string[];
  readonly room: string;
  readonly actors: Actor[] = [];
  readonly publishers: Publisher[] = [];
  readonly #links: FaultLink[] = [];
  /** What the other account does and is given. */
  readonly #foreign = new History();
  #canary: { readonly session: Session; readonly publisher: Publisher } | undefined;
  #publishing: NodeJS.Timeout | undefined;

  constructor(cluster: Cluster, options: { readonly seed: number; readonly file?: string }) {
    this.cluster = cluster;
    this.random = new SeededRandom(options.seed);
    this.history = new History(options.file);
    // Another run of the same seed has other topics.
    this.prefix = `app.s${options.seed}-${Date.now().toString(36)}`;
    this.topics = ['a', 'b', 'c.d'].map((name) => `${this.prefix}.${name}`);
    this.room = `${this.prefix}.room`;
  }

  /** Everybody is connected and subscribed when it resolves. */
  async open(): Promise<void> {
    const [a = '', b = '', c = ''] = this.topics;
    const all = `${this.prefix}.>`;
    const patterns = [[a], [`${this.prefix}.*`], [all], [a, all], [c, b], [a, b, c], [all], [b]];
    for (const [index, own] of patterns.entries()) {
      const kind = KINDS[index % KINDS.length] ?? 'native';
      await this.add(`s${index}`, { kind, patterns: own, ...(index % 2 === 0 ? { room: this.room } : {}) });
    }
    for (const name of ['p0', 'p1']) {
      const link = await this.#link(() => this.#anyGateway());
      const token = this.token({ identity: name });
      const { history, prefix } = this;
      const options = { name: `${prefix}-${name}`, port: link.port, token, history, random: this.random.fork() };
      this.publishers.push(new Publisher(options));
    }
    await this.#openCanary();
    await until('all clients are subscribed', 20_000, () =>
      this.actors.every(({ session }) => session.connection !== undefined),
    );
  }

  async add(name: string, options: Partial<SessionOptions> & { readonly patterns: readonly string[] }): Promise<Actor> {
    const actor: { session?: Session; link?: FaultLink; away: boolean } = { away: false };
    // The requests of a client that polls have to come to one gateway: it is chosen for each attempt.
    let chosen: number | undefined;
    const polls = options.kind === 'socketio-upgrade';
    const link = await this.#link(() => (actor.away ? undefined : polls ? chosen : this.#anyGateway()));
    const token = this.token({ identity: name });
    const session = new Session({
      name,
      kind: 'native',
      port: link.port,
      connecting: () => {
        chosen = this.#anyGateway();
      },
      token: () => token,
      history: this.history,
      random: this.random.fork(),
      ...options,
    });
    const whole = Object.assign(actor, { session, link });
    this.actors.push(whole);
    return whole;
  }

  token(wish: { identity: string; subscribe?: readonly string[]; ttl?: number; jti?: string }): string {
    const all = `${this.prefix}.>`;
    return signToken(this.cluster.credentials, {
      subscribe: [all, `presence.${all}`],
      publish: [all],
      presence: [all],
      ...wish,
    });
  }

  /** Events on random topics at this pace, until `quiet()`. */
  publishEvery(ms: number): void {
    const random = this.random.fork();
    this.#publishing = setInterval(() => {
      random.pick(this.publishers).publish(random.pick(this.topics), random.between(0, 300));
      if (random.chance(0.3)) this.#canary?.publisher.publish(random.pick(this.topics), 10);
    }, ms);
  }

  quiet(): void {
    clearInterval(this.#publishing);
  }

  /** Newest acknowledged position of a topic. */
  latest(topic: string): Position | undefined {
    const known = this.publishers.flatMap((publisher) => publisher.latest.get(topic) ?? []);
    const [newest] = known.sort((one, other) => other.at - one.at);
    const epoch = newest?.position.epoch;
    // Of one epoch the highest: answers to two publishers may cross.
    const seqs = known.flatMap(({ position }) => (position.epoch === epoch ? [position.seq] : []));
    return epoch === undefined ? undefined : { epoch, seq: Math.max(...seqs) };
  }

  /** Puts what the other account did into the history, at its end. */
  noteCanaries(): void {
    for (const entry of this.#foreign.entries) {
      if (entry.kind === 'attempt') this.history.add({ kind: 'canary', id: entry.id }, entry.at);
      else if (entry.kind === 'event') {
        this.history.add({ kind: 'canary-event', session: entry.session, id: entry.id }, entry.at);
      }
    }
  }

  async close(): Promise<void> {
    this.quiet();
    this.#canary?.session.close();
    this.#canary?.publisher.close();
    for (const { session } of this.actors) session.close();
    for (const publisher of this.publishers) publisher.close();
    await Promise.all(this.#links.map((link) => link.close()));
    await this.history.close();
  }

  /** On topics of the same names, through the same gateways. */
  async #openCanary(): Promise<void> {
    const link = await this.#link(() => this.#anyGateway());
    const all = `${this.prefix}.>`;
    const token = signToken(this.cluster.canary, { identity: 'canary', subscribe: [all], publish: [all] });
    const common = { port: link.port, history: this.#foreign };
    const [one, other] = [this.random.fork(), this.random.fork()];
    this.#canary = {
      session: new Session({
        ...common,
        name: 'canary',
        kind: 'native',
        token: () => token,
        patterns: [all],
        random: one,
      }),
      publisher: new Publisher({ ...common, name: `${this.prefix}-canary`, token, random: other }),
    };
  }

  async #link(target: () => number | undefined): Promise<FaultLink> {
    const link = await FaultLink.open(target);
    this.#links.push(link);
    return link;
  }

  /** As a balancer without health checks would: a dead one refuses, a paused one is silent. */
  #anyGateway(): number {
    return this.random.pick(this.cluster.gateways).port;
  }
}

/** @throws Error when it does not come true in time */
export async function until(what: string, timeoutMs: number, isTrue: () => boolean): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!isTrue()) {
    if (performance.now() > deadline) throw new Error(`not in ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
