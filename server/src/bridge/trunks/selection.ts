import type { Random } from '../../kernel/index.ts';
import type { Trunk, TrunkGateway } from './ports.ts';

/** One gateway to try. */
export interface Attempt {
  readonly trunk: Trunk;
  readonly gateway: TrunkGateway;
}

/** Why a trunk of the account is not tried. */
export type PassedOver = 'takes no calls' | 'serves other numbers' | 'all its channels are in use';

export interface Selection {
  readonly attempts: readonly Attempt[];
  readonly passedOver: readonly { readonly trunk: Trunk; readonly why: PassedOver }[];
}

export interface SelectionQuery {
  /** Of the account, in the order of preference. */
  readonly trunks: readonly Trunk[];
  /** E.164 or a short code. */
  readonly number: string;
  isDown(trunk: Trunk, gateway: TrunkGateway): boolean;
  hasChannel(trunk: Trunk): boolean;
  readonly random: Random;
}

/** Gateways that one call tries at most. */
export const MAX_ATTEMPTS = 8;

/**
 * Which gateways a call tries, in which order: trunks by the longest prefix that begins the number, then by priority, by cost, by age; gateways
 * of a trunk by priority, drawn by weight among equals (RFC 2782). Gateways that are down come last, of all trunks: they
 * are tried only when nothing else is left, because a wrong verdict must not stop all calls.
 */
export function selectAttempts(query: SelectionQuery): Selection {
  const passedOver: { trunk: Trunk; why: PassedOver }[] = [];
  const usable: Served[] = [];
  for (const trunk of query.trunks) {
    const length = servedPrefix(trunk, query.number);
    if (trunk.gateways.length === 0) passedOver.push({ trunk, why: 'takes no calls' });
    else if (length === undefined) passedOver.push({ trunk, why: 'serves other numbers' });
    else if (!query.hasChannel(trunk)) passedOver.push({ trunk, why: 'all its channels are in use' });
    else usable.push({ trunk, length });
  }
  usable.sort(byPreference);
  const all = usable.flatMap(({ trunk }) => byPriority(trunk, query.random));
  const down = all.filter(({ trunk, gateway }) => query.isDown(trunk, gateway));
  const attempts = [...all.filter((attempt) => !down.includes(attempt)), ...down].slice(0, MAX_ATTEMPTS);
  return { attempts, passedOver };
}

/** Trunks of the account that carry calls to the number, in the order to try, whatever their calls and gateways. */
export function servingTrunks(trunks: readonly Trunk[], number: string): Trunk[] {
  const serving = trunks.flatMap((trunk) => {
    const length = trunk.gateways.length === 0 ? undefined : servedPrefix(trunk, number);
    return length === undefined ? [] : [{ trunk, length }];
  });
  return serving.sort(byPreference).map(({ trunk }) => trunk);
}

/** Length of the longest prefix that begins the number; 0 when the trunk serves all; undefined when it does not. */
function servedPrefix(trunk: Trunk, number: string): number | undefined {
  if (trunk.prefixes.length === 0) return 0;
  const digits = number.replace(/^\+/, '');
  const lengths = trunk.prefixes
    .map((prefix) => prefix.replace(/^\+/, ''))
    .filter((prefix) => digits.startsWith(prefix))
    .map((prefix) => prefix.length);
  return lengths.length === 0 ? undefined : Math.max(...lengths);
}

interface Served {
  readonly trunk: Trunk;
  /** Of the prefix. */
  readonly length: number;
}

function byPreference(a: Served, b: Served): number {
  return b.length - a.length || a.trunk.priority - b.trunk.priority || a.trunk.cost - b.trunk.cost;
}

function byPriority(trunk: Trunk, random: Random): Attempt[] {
  const priorities = [...new Set(trunk.gateways.map(({ priority }) => priority))].sort((a, b) => a - b);
  return priorities.flatMap((priority) =>
    drawByWeight(
      trunk.gateways.filter((gateway) => gateway.priority === priority),
      random,
    ).map((gateway) => ({ trunk, gateway })),
  );
}

/** RFC 2782: the next one is drawn with a chance that is its share of the weight that is left. */
function drawByWeight(gateways: readonly TrunkGateway[], random: Random): TrunkGateway[] {
  const left = [...gateways];
  const drawn: TrunkGateway[] = [];
  while (left.length > 0) {
    let at = random.fraction() * left.reduce((sum, { weight }) => sum + weight, 0);
    const index = left.findIndex(({ weight }) => (at -= weight) < 0);
    drawn.push(...left.splice(Math.max(0, index), 1));
  }
  return drawn;
}
