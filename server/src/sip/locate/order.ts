import type { Random } from '../../kernel/index.ts';
import type { NaptrRecord, SrvRecord } from './ports.ts';

/**
 * The order in which to try SRV records (RFC 2782): by priority; among equals each next one is drawn with a chance in
 * proportion to its weight, those of weight 0 hardly ever first.
 */
export function orderSrv(records: readonly SrvRecord[], random: Random): SrvRecord[] {
  const ordered: SrvRecord[] = [];
  for (const priority of [...new Set(records.map((record) => record.priority))].sort((a, b) => a - b)) {
    // Those of weight 0 are put first: the sum 0 draws one of them.
    const left = records.filter((record) => record.priority === priority).sort((a, b) => a.weight - b.weight);
    while (left.length > 0) {
      const sum = left.reduce((total, { weight }) => total + weight, 0);
      const drawn = random.int(sum + 1);
      let running = 0;
      const at = left.findIndex(({ weight }) => (running += weight) >= drawn);
      ordered.push(...left.splice(Math.max(0, at), 1));
    }
  }
  return ordered;
}

/** The order in which to follow NAPTR records (RFC 3403 section 4.1): by order, then by preference. */
export function orderNaptr(records: readonly NaptrRecord[]): NaptrRecord[] {
  return [...records].sort((a, b) => a.order - b.order || a.preference - b.preference);
}
