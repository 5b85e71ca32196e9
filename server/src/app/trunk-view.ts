import { servingTrunks } from '../bridge/index.ts';
import type { TrunkView } from '../cluster/call-requests/index.ts';
import type { Directory, DirectoryTrunk } from '../tenants/index.ts';
import type { CallNode } from './open-call-node.ts';

/** Accounts whose trunks are remembered; above that all are forgotten. */
const MAX_KNOWN = 10_000;

/** Trunks and their channels, for the scheduler of calls. `changed`: trunks or accounts are others now. */
export function trunkView(
  directory: Pick<Directory, 'trunks' | 'trunk'>,
  channels: CallNode['trunkChannels'],
): TrunkView & { changed(): void } {
  const known = new Map<string, readonly DirectoryTrunk[]>();
  const trunksOf = (accountSid: string): readonly DirectoryTrunk[] => {
    let trunks = known.get(accountSid);
    if (trunks === undefined) {
      if (known.size >= MAX_KNOWN) known.clear();
      known.set(accountSid, (trunks = directory.trunks(accountSid)));
    }
    return trunks;
  };
  return {
    trunksOf: ({ accountSid, order }) => {
      const trunks = trunksOf(accountSid);
      const number = numberIn(order);
      if (number === undefined || !trunks.some(isLimited)) return undefined;
      const serving = servingTrunks(trunks, number);
      return serving.every(isLimited) ? serving.map(({ sid }) => sid) : undefined;
    },
    limitsOf: (trunk) => directory.trunk(trunk)?.channels,
    used: (trunks) => channels.used(trunks),
    changed: () => {
      known.clear();
    },
  };
}

function isLimited({ channels }: DirectoryTrunk): boolean {
  return Object.keys(channels).length > 0;
}

/** What is called by a trunk. An order is checked where the call is placed. */
function numberIn(order: unknown): string | undefined {
  const { target } = (order ?? {}) as { target?: { kind?: unknown; number?: unknown } };
  return target?.kind === 'number' && typeof target.number === 'string' ? target.number : undefined;
}
