import type { Execution, LegState, Side, Thread } from './call-state.ts';
import type { Draft } from './draft.ts';

/** Names of one run's timers, playbacks, requests and side programs: another run's are never taken for them. */
export function runName(run: number, name: string): string {
  return `${run}:${name}`;
}

/** The name within run `run`; undefined when it belongs to another run. */
export function ownName(run: number, full: string): string | undefined {
  const prefix = `${run}:`;
  return full.startsWith(prefix) ? full.slice(prefix.length) : undefined;
}

/** One thread of a step in the making. `id` undefined: the main thread. */
export class ThreadDraft {
  readonly draft: Draft;
  readonly id: string | undefined;

  constructor(draft: Draft, id?: string) {
    this.draft = draft;
    this.id = id;
  }

  /** False once a side program was taken from the call. */
  get alive(): boolean {
    return this.id === undefined || this.draft.state.sides.has(this.id);
  }

  get state(): Thread {
    const { main, sides } = this.draft.state;
    const state = this.id === undefined ? main : sides.get(this.id);
    if (state === undefined) throw new Error(`side program ${String(this.id)} is over`);
    return state;
  }

  get side(): Side | undefined {
    return this.state.side;
  }

  get callSid(): string {
    return this.side?.callSid ?? this.draft.state.rootSid;
  }

  /** The leg that its instructions run for. */
  get leg(): LegState {
    return this.draft.leg(this.callSid) ?? this.draft.root;
  }

  set(change: Partial<Thread>): void {
    const state = { ...this.state, ...change };
    if (this.id === undefined) this.draft.set({ main: state });
    else this.draft.set({ sides: new Map(this.draft.state.sides).set(this.id, state) });
  }

  execute(execution: Execution): void {
    this.set({ execution });
  }

  warn(code: number, message: string): void {
    this.draft.warn(code, message, this.leg);
  }

  /** Takes a side program from the call; what it holds was released before. */
  drop(): void {
    const sides = new Map(this.draft.state.sides);
    if (this.id !== undefined && sides.delete(this.id)) this.draft.set({ sides });
  }
}

/** The main thread first. */
export function threadsOf(draft: Draft): ThreadDraft[] {
  return [new ThreadDraft(draft), ...[...draft.state.sides.keys()].map((id) => new ThreadDraft(draft, id))];
}

/** The thread whose verb in progress gave something this name, and the verb's own name for it. */
export function ownerOf(draft: Draft, full: string): { thread: ThreadDraft; name: string } | undefined {
  for (const thread of threadsOf(draft)) {
    const { execution } = thread.state;
    const name = execution.kind === 'verb' ? ownName(execution.run, full) : undefined;
    if (name !== undefined) return { thread, name };
  }
  return undefined;
}
