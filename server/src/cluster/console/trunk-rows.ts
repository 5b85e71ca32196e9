import type { TrunkList } from '@hookswitch/shared';
import type { DirectoryTrunk } from '../../tenants/index.ts';
import type { Gathered } from './gather.ts';

type Row = TrunkList['trunks'][number];

/** Trunks with what all nodes have on them: those with a gateway that is down first, then the busiest. */
export function trunkRows(
  trunks: readonly DirectoryTrunk[],
  { nodes }: Gathered,
  names: {
    readonly gatewayName: (gateway: DirectoryTrunk['gateways'][number]) => string;
    readonly accountName: (accountSid: string) => string;
  },
): Row[] {
  const used = new Map<string, { in: number; out: number; readonly down: Map<string, string[]> }>();
  for (const [node, facts] of nodes) {
    for (const { trunkSid, in: incoming, out, down } of facts.trunks) {
      const sum = used.get(trunkSid) ?? { in: 0, out: 0, down: new Map<string, string[]>() };
      used.set(trunkSid, sum);
      sum.in += incoming;
      sum.out += out;
      for (const gateway of down) sum.down.set(gateway, [...(sum.down.get(gateway) ?? []), node]);
    }
  }
  const rows = trunks.map((trunk): Row => {
    const sum = used.get(trunk.sid);
    return {
      trunkSid: trunk.sid,
      accountSid: trunk.accountSid,
      accountName: names.accountName(trunk.accountSid),
      name: trunk.name,
      in: sum?.in ?? 0,
      out: sum?.out ?? 0,
      limits: {
        total: trunk.channels.total ?? null,
        in: trunk.channels.in ?? null,
        out: trunk.channels.out ?? null,
      },
      cost: trunk.cost,
      priority: trunk.priority,
      gateways: trunk.gateways.map((gateway) => {
        const name = names.gatewayName(gateway);
        const downOn = sum?.down.get(name) ?? [];
        return { name, priority: gateway.priority, up: downOn.length === 0, downOn };
      }),
    };
  });
  return rows.sort((a, b) => isDown(b) - isDown(a) || b.in + b.out - a.in - a.out || a.name.localeCompare(b.name));
}

const isDown = ({ gateways }: Row): number => (gateways.some(({ up }) => !up) ? 1 : 0);
