import type { Step } from '../../kernel/index.ts';
import type { PartyAt } from '../conferences/ports.ts';
import type { QueueEffect, QueueInput, QueueLeaveReason, QueuePlace, Whisper } from './queue-io.ts';

export interface Member {
  readonly party: PartyAt;
  readonly priority: number;
  /** Epoch milliseconds. */
  readonly since: number;
  /** The agent it is given to; undefined: it waits. */
  readonly agent: Agent | undefined;
}

export interface Agent {
  readonly party: PartyAt;
  readonly whisper: Whisper | undefined;
}

/** A queue on its owner node. Members in the order in which they are dequeued. */
export interface QueueState {
  readonly sid: string;
  readonly accountSid: string;
  readonly name: string;
  readonly maxSize: number;
  readonly members: readonly Member[];
  /** Agents that wait for a member, first come first served. */
  readonly agents: readonly Agent[];
}

/**
 * One step of a queue. Pure. A member is given to one agent at a time:
 *
 *     waiting --an agent is there--> given --bridged--> gone
 *        ^                             +--the agent gives up, or cannot be connected--> waiting, where it was
 *        +-- a higher priority goes first; among equals who waits longer
 *
 * @param now epoch milliseconds
 */
export function stepQueue(state: QueueState, input: QueueInput, now: number): Step<QueueState, QueueEffect> {
  const draft = new QueueDraft(state, now);
  apply(draft, input);
  draft.match();
  draft.settle(state);
  return { state: draft.state, effects: draft.effects };
}

function apply(draft: QueueDraft, input: QueueInput): void {
  switch (input.kind) {
    case 'enqueue':
      draft.enqueue(input);
      return;
    case 'leave':
      draft.leave(input.callSid, input.reason);
      return;
    case 'dial':
      if (!draft.knowsAgent(input.party.callSid)) {
        draft.set({ agents: [...draft.state.agents, { party: input.party, whisper: input.whisper }] });
      }
      return;
    case 'give-up':
      draft.giveUp(input.callSid);
      return;
    case 'bridged':
      draft.bridged(input.callSid);
      return;
    case 'not-bridged':
      draft.takeBack(input.callSid);
      return;
    case 'redirect': {
      const member = draft.member(input.callSid);
      if (member === undefined) return;
      const { url, method } = input;
      draft.tell(member.party, { kind: 'redirect', url, method });
      draft.leave(input.callSid, 'redirected');
      return;
    }
    case 'rename':
      draft.update({ name: input.name });
      return;
    case 'resize':
      draft.update({ maxSize: input.maxSize });
      return;
    case 'node-left':
      for (const { party } of draft.state.members) if (party.node === input.node) draft.leave(party.callSid, 'lost');
      for (const { callSid } of draft.agentsOn(input.node)) draft.giveUp(callSid);
      return;
    case 'tell-places':
      draft.tellPlaces();
  }
}

class QueueDraft {
  state: QueueState;
  readonly effects: QueueEffect[] = [];
  readonly #now: number;

  constructor(state: QueueState, now: number) {
    this.state = state;
    this.#now = now;
  }

  set(change: Partial<QueueState>): void {
    this.state = { ...this.state, ...change };
  }

  tell(party: PartyAt, news: Extract<QueueEffect, { kind: 'tell' }>['news']): void {
    this.effects.push({ kind: 'tell', party, news });
  }

  member(callSid: string): Member | undefined {
    return this.state.members.find(({ party }) => party.callSid === callSid);
  }

  knowsAgent(callSid: string): boolean {
    const { agents, members } = this.state;
    return agents.some(({ party }) => party.callSid === callSid) || givenTo(members, callSid) !== undefined;
  }

  agentsOn(node: string): PartyAt[] {
    const given = this.state.members.flatMap(({ agent }) => (agent === undefined ? [] : [agent]));
    return [...this.state.agents, ...given].map(({ party }) => party).filter((party) => party.node === node);
  }

  enqueue({ party, priority, maxSize, since }: Extract<QueueInput, { kind: 'enqueue' }>): void {
    const { members, sid: queueSid } = this.state;
    if (this.member(party.callSid) !== undefined) return;
    const limit = Math.min(this.state.maxSize, maxSize ?? this.state.maxSize);
    if (members.length >= limit) {
      const message = `${String(members.length)} calls wait already, of at most ${String(limit)}`;
      this.tell(party, { kind: 'refused', reason: 'queue-full', message });
      return;
    }
    const member: Member = { party, priority, since, agent: undefined };
    const behind = members.findIndex((other) => goesFirst(member, other));
    const at = behind < 0 ? members.length : behind;
    this.set({ members: [...members.slice(0, at), member, ...members.slice(at)] });
    this.tell(party, { kind: 'queued', queueSid, place: this.#placeOf(at) });
    this.effects.push({
      kind: 'emit',
      type: 'queue.member-joined',
      data: { ...this.#facts(member), position: at + 1, priority },
    });
  }

  leave(callSid: string, reason: QueueLeaveReason): void {
    const member = this.member(callSid);
    if (member === undefined) return;
    this.#remove(member);
    this.effects.push({ kind: 'emit', type: 'queue.member-left', data: { ...this.#facts(member), reason } });
    if (member.agent === undefined) return;
    // The agent has waited for it: it gets the next one.
    this.tell(member.agent.party, { kind: 'taken-back' });
    this.set({ agents: [member.agent, ...this.state.agents] });
  }

  giveUp(callSid: string): void {
    this.set({ agents: this.state.agents.filter(({ party }) => party.callSid !== callSid) });
    const member = givenTo(this.state.members, callSid);
    if (member !== undefined) this.#release(member);
  }

  /** The agent could not be connected with the member: it gets no other. */
  takeBack(callSid: string): void {
    const member = this.member(callSid);
    if (member?.agent === undefined) return;
    this.tell(member.agent.party, { kind: 'parted' });
    this.#release(member);
  }

  bridged(callSid: string): void {
    const member = this.member(callSid);
    const agentCallSid = member?.agent?.party.callSid;
    if (member === undefined || agentCallSid === undefined) return;
    this.#remove(member);
    const { queueSid, friendlyName, waitSeconds } = this.#facts(member);
    this.effects.push(
      {
        kind: 'emit',
        type: 'queue.member-left',
        data: { ...this.#facts(member), reason: 'dequeued', dequeuedBy: agentCallSid },
      },
      {
        kind: 'emit',
        type: 'queue.member-bridged',
        data: { queueSid, friendlyName, callSid, agentCallSid, waitSeconds },
      },
    );
  }

  update(change: Partial<Pick<QueueState, 'name' | 'maxSize'>>): void {
    this.set(change);
    const { sid: queueSid, name: friendlyName, maxSize } = this.state;
    this.effects.push({ kind: 'emit', type: 'queue.updated', data: { queueSid, friendlyName, maxSize } });
  }

  /** Gives waiting members to waiting agents. */
  match(): void {
    for (;;) {
      const [agent, ...agents] = this.state.agents;
      const member = this.state.members.find((each) => each.agent === undefined);
      if (agent === undefined || member === undefined) return;
      this.set({ agents });
      this.#replace(member, { ...member, agent });
      const waitSeconds = this.#waited(member);
      this.tell(agent.party, { kind: 'given', queueSid: this.state.sid, member: member.party, waitSeconds });
      this.tell(member.party, { kind: 'called', agent: agent.party, whisper: agent.whisper });
    }
  }

  tellPlaces(): void {
    for (const [at, { party, agent }] of this.state.members.entries()) {
      if (agent === undefined) this.tell(party, { kind: 'moved', place: this.#placeOf(at) });
    }
  }

  settle(before: QueueState): void {
    const { members, agents } = this.state;
    if (members.length === 0 && agents.length === 0) this.effects.push({ kind: 'idle' });
    else if (members.length !== before.members.length) this.effects.push({ kind: 'places-changed' });
  }

  #release(member: Member): void {
    this.#replace(member, { ...member, agent: undefined });
    this.tell(member.party, { kind: 'requeued' });
  }

  #replace(member: Member, by: Member): void {
    this.set({ members: this.state.members.map((each) => (each.party.callSid === member.party.callSid ? by : each)) });
  }

  #remove(member: Member): void {
    this.set({ members: this.state.members.filter((each) => each.party.callSid !== member.party.callSid) });
  }

  #placeOf(at: number): QueuePlace {
    const { maxSize, members } = this.state;
    return {
      position: at + 1,
      currentSize: members.length,
      maxSize,
      averageSeconds: averageWait(this.state, this.#now),
    };
  }

  #waited({ since }: Member): number {
    return Math.max(0, Math.round((this.#now - since) / 1000));
  }

  #facts(member: Member): {
    queueSid: string;
    friendlyName: string;
    callSid: string;
    currentSize: number;
    waitSeconds: number;
  } {
    const { sid: queueSid, name: friendlyName, members } = this.state;
    const { callSid } = member.party;
    return { queueSid, friendlyName, callSid, currentSize: members.length, waitSeconds: this.#waited(member) };
  }
}

function goesFirst(a: Member, b: Member): boolean {
  return a.priority > b.priority || (a.priority === b.priority && a.since < b.since);
}

function givenTo(members: readonly Member[], agentCallSid: string): Member | undefined {
  return members.find(({ agent }) => agent?.party.callSid === agentCallSid);
}

/** How long those that wait have waited, on average. Whole seconds. */
export function averageWait({ members }: QueueState, now: number): number {
  if (members.length === 0) return 0;
  const sum = members.reduce((total, { since }) => total + Math.max(0, now - since), 0);
  return Math.round(sum / members.length / 1000);
}
