import { SingleFlight } from '../kernel/index.ts';
import type { CallNode } from './open-call-node.ts';
import type { BusParts } from './open-stores.ts';
import type { Platform } from './platform.ts';

const RPC_LENGTH = 'queue-length';
/** What another process said is gone by for this long, milliseconds. */
const FRESH_MS = 1000;
/** Accounts that are remembered; beyond, all are asked about anew. */
const MOST_ACCOUNTS = 10_000;

interface Needs {
  readonly bus: Pick<BusParts, 'cluster'>;
  readonly callNode: Pick<CallNode, 'rpc'>;
  /** Undefined: another process schedules. */
  readonly lengthOf: (accountSid: string) => number | undefined;
}

/**
 * How many calls of an account wait, those with a start time too, without waiting for the answer: where another process
 * schedules it is what that one said within the last second or before; undefined: nobody has said yet.
 */
export function openQueueLength(
  { startup, node, clock }: Pick<Platform, 'startup' | 'node' | 'clock'>,
  { bus, callNode, lengthOf }: Needs,
): (accountSid: string) => number | undefined {
  const { rpc } = callNode;
  const flight = new SingleFlight<string, undefined>();
  const told = new Map<string, { readonly length: number | undefined; readonly at: number }>();
  startup.scope.defer(rpc.serve(RPC_LENGTH, (accountSid) => Promise.resolve(lengthOf(String(accountSid)) ?? null)));
  const ask = async (accountSid: string): Promise<undefined> => {
    const others = bus.cluster.members().filter((member) => member.node !== node && member.roles.includes('call'));
    const answers = await Promise.allSettled(others.map((member) => rpc.request(member.node, RPC_LENGTH, accountSid)));
    const lengths = answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : null));
    if (told.size >= MOST_ACCOUNTS) told.clear();
    told.set(accountSid, { length: lengths.find((length) => typeof length === 'number'), at: clock.monotonic() });
    return undefined;
  };
  return (accountSid) => {
    const here = lengthOf(accountSid);
    if (here !== undefined) return here;
    const known = told.get(accountSid);
    if (known === undefined || clock.monotonic() - known.at >= FRESH_MS) {
      // Never rejects: who does not answer says nothing.
      void flight.run(accountSid, () => ask(accountSid));
    }
    return known?.length;
  };
}
