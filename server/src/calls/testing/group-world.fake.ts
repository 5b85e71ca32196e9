import { FakeClock, settle } from '../../kernel/clock.fake.ts';
import { seededRandom, silentLog } from '../../kernel/index.ts';
import { NodeConferences } from '../conferences/conference-desk.ts';
import type { ConferenceMedia, ConferenceMediaEvent, MixSettings, PartyAt } from '../conferences/ports.ts';
import { GroupClaims } from '../groups/group-claims.ts';
import { MemoryGroupStore } from '../groups/group-store.memory.ts';
import type { NodeRequests } from '../groups/ports.ts';
import type { PlayMedia, RecordingOrder, RecordingOutcome } from '../ports.ts';
import type { CallTies } from '../queues/ports.ts';
import { NodeQueueControl } from '../queues/queue-control.ts';
import { NodeQueues } from '../queues/queue-desk.ts';
import { ACCOUNT, CallWorld } from './call-world.fake.ts';

type Handler = (payload: unknown) => Promise<unknown>;

/** Mixes that note who is in them. */
export class FakeConferenceMedia implements ConferenceMedia {
  readonly mixes = new Map<string, Map<string, MixSettings & { node: string }>>();
  readonly listeners = new Map<string, (event: ConferenceMediaEvent) => void>();
  readonly plays: { conferenceSid: string; playId: string; media: PlayMedia }[] = [];
  /** Playbacks end at once. */
  autoPlay = true;

  open(conferenceSid: string, listener: (event: ConferenceMediaEvent) => void): void {
    this.mixes.set(conferenceSid, new Map());
    this.listeners.set(conferenceSid, listener);
  }
  add(conferenceSid: string, { callSid, node }: PartyAt, settings: MixSettings): void {
    this.mixes.get(conferenceSid)?.set(callSid, { ...settings, node });
  }
  set(conferenceSid: string, callSid: string, change: Partial<MixSettings>): void {
    const mix = this.mixes.get(conferenceSid);
    const before = mix?.get(callSid);
    if (before !== undefined) mix?.set(callSid, { ...before, ...change });
  }
  remove(conferenceSid: string, callSid: string): void {
    this.mixes.get(conferenceSid)?.delete(callSid);
  }
  play(conferenceSid: string, playId: string, media: PlayMedia): void {
    this.plays.push({ conferenceSid, playId, media });
    if (this.autoPlay) this.listeners.get(conferenceSid)?.({ kind: 'play-ended', playId, ok: true });
  }
  readonly recordings: { conferenceSid: string; order: RecordingOrder; stored: (outcome: RecordingOutcome) => void }[] =
    [];
  readonly changes: string[] = [];
  startRecording(
    conferenceSid: string,
    _party: object,
    order: RecordingOrder,
    stored: (outcome: RecordingOutcome) => void,
  ): void {
    this.recordings.push({ conferenceSid, order, stored });
  }
  changeRecording(_conferenceSid: string, _recordingSid: string, change: string): void {
    this.changes.push(change);
  }
  close(conferenceSid: string): void {
    this.mixes.delete(conferenceSid);
    this.listeners.delete(conferenceSid);
  }
}

export class FakeTies implements CallTies {
  readonly tied = new Map<string, PartyAt>();
  failure: Error | undefined;

  async connect(callSid: string, other: PartyAt): Promise<void> {
    await Promise.resolve();
    if (this.failure !== undefined) throw this.failure;
    this.tied.set(callSid, other);
  }
  disconnect(callSid: string): void {
    this.tied.delete(callSid);
  }
}

/** One node of a {@link GroupWorld}. */
export interface GroupNode {
  readonly name: string;
  readonly world: CallWorld;
  readonly media: FakeConferenceMedia;
  readonly ties: FakeTies;
  readonly conferences: NodeConferences;
  readonly queues: NodeQueues;
  readonly control: NodeQueueControl;
}

/** Call nodes that share conferences and queues, all in memory. The application answers every node alike. */
export class GroupWorld {
  readonly clock = new FakeClock();
  readonly store = new MemoryGroupStore();
  readonly nodes = new Map<string, GroupNode>();
  readonly #handlers = new Map<string, Handler>();
  readonly #left = new Set<{ readonly node: string; readonly tell: (left: string) => void }>();
  readonly #dead = new Set<string>();
  #calls = 0;

  constructor(names: readonly string[] = ['a']) {
    for (const name of names) this.nodes.set(name, this.#open(name));
  }

  node(name = 'a'): GroupNode {
    const node = this.nodes.get(name);
    if (node === undefined) throw new Error(`no node ${name}`);
    return node;
  }

  /** What the application answers at `url`, on every node. */
  twiml(document: string, url: string): this {
    for (const { world } of this.nodes.values()) world.twiml(document, url);
    return this;
  }

  /** A call whose application says this. @returns its sid */
  async call(document: string, on = 'a'): Promise<string> {
    const callSid = `CA${String(++this.#calls).padStart(32, '0')}`;
    const { world } = this.node(on);
    const url = `http://app.test/${callSid}`;
    world.application = { ...world.application, applicationSid: undefined, voice: { url, method: 'POST' } } as never;
    world.twiml(document, url);
    await world.call({ callSid });
    await this.settle();
    return callSid;
  }

  async hangUp(callSid: string, on = 'a'): Promise<void> {
    this.node(on).world.legs.remoteEnd(callSid, 'hangup-caller');
    await this.settle();
  }

  /** The node dies: it hears nothing, and the others hear that. */
  async die(name: string): Promise<void> {
    this.#dead.add(name);
    for (const { node, tell } of [...this.#left]) if (node !== name) tell(name);
    await this.settle();
  }

  async settle(): Promise<void> {
    for (let round = 0; round < 6; round++) await settle();
  }

  /** Events of these types on all nodes, in the order of each. */
  events(prefix: string): { type: string; data: Record<string, unknown> }[] {
    return [...this.nodes.values()].flatMap(({ world }) =>
      world.events
        .filter(({ type }) => type.startsWith(prefix))
        .map(({ type, data }) => ({ type, data: data as Record<string, unknown> })),
    );
  }

  /** Requests of the application for this address, of all nodes. */
  requests(url: string): Readonly<Record<string, string>>[] {
    return [...this.nodes.values()].flatMap(({ world }) =>
      [...world.requests, ...world.callbacks].filter((request) => request.url === url).map(({ params }) => params),
    );
  }

  #open(name: string): GroupNode {
    const rpc = this.#rpc(name);
    const media = new FakeConferenceMedia();
    const ties = new FakeTies();
    const random = seededRandom(name.charCodeAt(0));
    const { clock, store } = this;
    const standing = {
      fence: 1,
      isAlive: (node: string) => !this.#dead.has(node),
      isFenced: () => false,
      onLeft: (tell: (left: string) => void) => {
        const listener = { node: name, tell };
        this.#left.add(listener);
        return () => this.#left.delete(listener);
      },
    };
    const claims = new GroupClaims({ store, node: name, standing, clock, random });
    const made: Partial<GroupNode> = {};
    const world = new CallWorld(clock, (ports) => {
      const shared = { ...ports, rpc, claims };
      const conferences = new NodeConferences({ ...shared, media, random });
      const queues = new NodeQueues({ ...shared, ties });
      Object.assign(made, { conferences, queues, control: new NodeQueueControl(shared) });
      return { conferences, queues };
    });
    return { name, world, media, ties, ...made } as GroupNode;
  }

  #rpc(node: string): NodeRequests {
    return {
      node,
      serve: (method, handler) => {
        const key = `${node}/${method}`;
        this.#handlers.set(key, handler);
        return () => this.#handlers.delete(key);
      },
      request: async (to, method, payload) => {
        const handler = this.#handlers.get(`${to}/${method}`);
        if (handler === undefined || this.#dead.has(to) || this.#dead.has(node)) throw new Error(`${to} is away`);
        return copy(await handler(copy(payload)));
      },
    };
  }
}

function copy(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? null)) as unknown;
}

export { ACCOUNT, silentLog };
