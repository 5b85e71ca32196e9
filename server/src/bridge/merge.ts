import { MachineRunner, TimerSet } from '../kernel/index.ts';
import type { Clock } from '../kernel/index.ts';
import type { Room } from '../media/ports.ts';
import type { BridgeLeg, LegCore } from './leg.ts';
import { MERGE_START, mergeMachine } from './merge-watch.ts';
import type { MergeEffect, MergeInput, MergeSide, MergeState, MergeTimer } from './merge-watch.ts';

/**
 * Two legs that hear each other. Made by {@link mergeLegs}; ends with either leg, or by {@link part}. Tells router and
 * devices when audio is up both ways, and when a side is silent.
 */
export class Merge {
  readonly #legs: Record<MergeSide, BridgeLeg>;
  readonly #room: Room;
  readonly #timers: TimerSet<MergeTimer>;
  readonly #runner: MachineRunner<MergeState, MergeInput, MergeEffect>;
  #closed = false;

  constructor(clock: Clock, room: Room, legs: Readonly<Record<MergeSide, BridgeLeg>>) {
    this.#room = room;
    this.#legs = { ...legs };
    this.#timers = new TimerSet(clock, (name) => {
      this.#runner.dispatch({ kind: 'timer', name });
    });
    this.#runner = new MachineRunner<MergeState, MergeInput, MergeEffect>({
      machine: mergeMachine,
      initial: MERGE_START,
      perform: (effect) => {
        if (!this.#timers.perform(effect)) this.#tell(effect);
      },
    });
  }

  start(): void {
    for (const side of ['this', 'peer'] as const) {
      const { core } = this.#legs[side];
      if (core.media?.isFlowing === true) this.#runner.dispatch({ kind: 'flowing', side });
      if (core.isExempt) this.#runner.dispatch({ kind: 'exempt', side, exempt: true });
    }
    this.#runner.dispatch({ kind: 'start' });
  }

  peerOf(core: LegCore): BridgeLeg {
    return this.#legs.this.core === core ? this.#legs.peer : this.#legs.this;
  }

  /** A leg whose far end has changed: the other one's keys go there now. */
  rebind(leg: BridgeLeg): void {
    this.#legs[this.#sideOf(leg.core)] = leg;
  }

  flowing(core: LegCore): void {
    this.#runner.dispatch({ kind: 'flowing', side: this.#sideOf(core) });
  }

  silent(core: LegCore): void {
    this.#runner.dispatch({ kind: 'silent', side: this.#sideOf(core) });
  }

  exempt(core: LegCore): void {
    this.#runner.dispatch({ kind: 'exempt', side: this.#sideOf(core), exempt: core.isExempt });
  }

  /** Takes the audio apart and says so; both legs stay up. */
  part(): void {
    if (this.#closed) return;
    const { this: leg, peer } = this.#legs;
    if (leg.core.media !== undefined && peer.core.media !== undefined) {
      this.#room.disconnect(leg.core.media, peer.core.media);
    }
    this.close();
    leg.core.post({ kind: 'unmerged', callSid: leg.core.callSid, peerCallSid: peer.core.callSid });
  }

  /** Forgets the merge without a word: one of the legs is ending. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#timers.close();
    for (const { core } of Object.values(this.#legs)) if (core.merge === this) core.merge = undefined;
  }

  #sideOf(core: LegCore): MergeSide {
    return this.#legs.this.core === core ? 'this' : 'peer';
  }

  #tell(effect: MergeEffect): void {
    if (this.#closed) return;
    const { this: leg, peer } = this.#legs;
    if (effect.kind === 'merged') {
      for (const one of [leg, peer]) one.tell({ type: 'merged', callSid: one.core.callSid });
      leg.core.post({ kind: 'merged', callSid: leg.core.callSid, peerCallSid: peer.core.callSid });
    } else if (effect.kind === 'one-way-audio') {
      leg.core.log.warn({ silent: effect.silent, peer: peer.core.callSid }, 'one-way audio: no packets from one side');
      const silentRoot = this.#legs[effect.silent].core.isRoot;
      for (const one of [leg, peer]) {
        const silent = silentRoot ? 'caller' : 'client';
        one.tell({ type: 'one-way-audio', callSid: one.core.callSid, silent });
      }
      leg.core.post({ kind: 'one-way-audio', callSid: leg.core.callSid, silent: effect.silent });
    }
  }
}

/**
 * Connects two legs of one call; earlier merges of either are taken apart. False when that cannot be: a leg without
 * media, or legs of different calls.
 */
export function mergeLegs(clock: Clock, leg: BridgeLeg, peer: BridgeLeg): boolean {
  const [a, b] = [leg.core.media, peer.core.media];
  const { room } = leg.core.call;
  if (room === undefined || a === undefined || b === undefined) return false;
  if (leg === peer || leg.core.call !== peer.core.call) return false;
  if (leg.core.merge !== undefined && leg.core.merge === peer.core.merge) return true;
  leg.core.merge?.part();
  peer.core.merge?.part();
  leg.core.playback.stopAll();
  peer.core.playback.stopAll();
  room.connect(a, b);
  const merge = new Merge(clock, room, { this: leg, peer });
  leg.core.merge = merge;
  peer.core.merge = merge;
  merge.start();
  return true;
}
