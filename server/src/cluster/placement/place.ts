import type { Candidate, PlacementPolicy } from './ports.ts';

/** The documented numbers of placement (docs/cluster.md). */
export const PLACEMENT_POLICY: PlacementPolicy = {
  inboundReserve: 0.1,
  maxCpu: 0.85,
  maxLoopLagMs: 150,
  maxPacketsPerSecond: 200_000,
};

/** Outgoing calls that a node takes now. 0 while it drains, or is too busy with those it has. */
export function roomOf(candidate: Candidate, policy: PlacementPolicy): number {
  const { channels, pending, capacity, cpu, loopLagMs, packetsPerSecond, draining } = candidate;
  const isBusy =
    cpu >= policy.maxCpu || loopLagMs >= policy.maxLoopLagMs || packetsPerSecond >= policy.maxPacketsPerSecond;
  if (draining || isBusy) return 0;
  return Math.max(0, Math.floor(capacity * (1 - policy.inboundReserve)) - channels - pending);
}

/**
 * The node for one more outgoing call: the fullest that has room, so that the others run empty and can be stopped; among
 * equals the oldest, then by name. Undefined: none has room.
 */
export function place(candidates: Iterable<Candidate>, policy: PlacementPolicy): Candidate | undefined {
  let best: Candidate | undefined;
  for (const candidate of candidates) {
    if (roomOf(candidate, policy) > 0 && (best === undefined || comesBefore(candidate, best))) best = candidate;
  }
  return best;
}

function comesBefore(a: Candidate, b: Candidate): boolean {
  const difference = usedShare(a) - usedShare(b);
  if (difference !== 0) return difference > 0;
  return a.startedAt === b.startedAt ? a.node < b.node : a.startedAt < b.startedAt;
}

const usedShare = ({ channels, pending, capacity }: Candidate): number => (channels + pending) / Math.max(1, capacity);
