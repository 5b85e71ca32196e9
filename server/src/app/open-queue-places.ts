import { z } from 'zod';
import type { QueueForecast } from '../cluster/scheduler/index.ts';
import type { QueuePlace, QueuePlaces } from '../rest/index.ts';
import type { CallNode } from './open-call-node.ts';
import type { BusParts } from './open-stores.ts';
import type { Platform } from './platform.ts';

const RPC_PLACES = 'queue-places';
/** A process that does not answer keeps nobody waiting for longer, milliseconds. */
const TIMEOUT_MS = 500;

const placeSchema = z.object({
  ahead: z.number(),
  waiting: z.number(),
  scheduled: z.boolean(),
  startsAt: z.number().optional(),
});
const answerSchema = z.array(placeSchema.nullable()).nullable();
const questionSchema = z.array(z.string()).max(1000);

interface Needs {
  readonly bus: Pick<BusParts, 'cluster'>;
  readonly callNode: Pick<CallNode, 'rpc'>;
  /** Undefined: another process schedules. */
  readonly forecasts: (callSids: readonly string[]) => (QueueForecast | null)[] | undefined;
}

/**
 * Where calls that wait stand, whichever process schedules: the one that said it last is asked first. Never rejects; nothing
 * is known of a call that does not wait, and of all while nobody says that it schedules.
 */
export function openQueuePlaces(
  { startup, node }: Pick<Platform, 'startup' | 'node'>,
  { bus, callNode, forecasts }: Needs,
): QueuePlaces {
  const { rpc } = callNode;
  let last: string | undefined;
  startup.scope.defer(
    rpc.serve(RPC_PLACES, (payload) => Promise.resolve(forecasts(questionSchema.parse(payload)) ?? null)),
  );
  const ask = async (of: string, callSids: readonly string[]): Promise<z.infer<typeof answerSchema>> => {
    try {
      const answer = answerSchema.parse(await rpc.request(of, RPC_PLACES, callSids, TIMEOUT_MS));
      if (answer !== null) last = of;
      return answer;
    } catch {
      // Gone, or of a version that does not know: others are asked.
      return null;
    }
  };
  const askAll = async (callSids: readonly string[]): Promise<z.infer<typeof answerSchema>> => {
    const known = last;
    const told = known === undefined ? null : await ask(known, callSids);
    if (told !== null) return told;
    const others = bus.cluster.members().filter((member) => member.roles.includes('call'));
    const rest = others.filter((member) => member.node !== node && member.node !== known);
    const answers = await Promise.all(rest.map((member) => ask(member.node, callSids)));
    return answers.find((answer) => answer !== null) ?? null;
  };
  return async (callSids) => {
    if (callSids.length === 0) return new Map();
    const places = forecasts(callSids) ?? (await askAll(callSids));
    const found = new Map<string, QueuePlace>();
    for (const [index, callSid] of callSids.entries()) {
      const place = places?.[index];
      if (place === undefined || place === null) continue;
      found.set(callSid, { position: place.ahead + 1, startsAt: place.startsAt });
    }
    return found;
  };
}
