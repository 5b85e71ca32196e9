/**
 * A process of a cluster, with membership, call requests and node requests on a real NATS, as a program for benchmarks:
 * `request-node.ts URL NAME ROLE`. With the role `call` it takes calls that are handed to it: each is marked as being dialled
 * and is over at once. With the role `scheduler` it offers to schedule, for accounts that may start nothing until `open`.
 * Each line of standard input is answered by a line with what is known.
 */
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { Bus, NodeRpc } from '../../../bus/index.ts';
import { silentLog, systemClock, systemRandom } from '../../../kernel/index.ts';
import { ClusterMembership } from '../../membership/index.ts';
import { NatsLeaseStore } from '../../membership/lease-store.nats.ts';
import type { PlaceOutcome, StoredRequest } from '../../ports.ts';
import { NatsCallRequests } from '../call-requests.nats.ts';
import { FairScheduler } from '../index.ts';

const RPC_PLACE = 'place';
const [url = '', node = '', role = ''] = process.argv.slice(2);
const parts = { clock: systemClock, random: systemRandom, log: silentLog };
const bus = await Bus.connect({ url, name: node, ...parts });
const rpc = new NodeRpc(bus, node);
const store = await NatsCallRequests.open(bus);
const cluster = await ClusterMembership.join({ store: await NatsLeaseStore.open(bus), node, roles: [role], ...parts });
let open = false;
/** Epoch milliseconds; 0: not yet. */
const times = { began: 0, first: 0 };
let handed = 0;

async function take(request: StoredRequest): Promise<PlaceOutcome> {
  const marked = await store.move(request, 'dialling', node);
  if (marked === undefined) return 'gone';
  handed++;
  times.first ||= systemClock.now();
  void store.remove(request.accountSid, request.callSid);
  return 'placed';
}

const FREE = { weight: 1, callsPerSecond: 1e9, burst: 1e9, concurrent: 1e9 };
const scheduler = new FairScheduler({
  store,
  cluster,
  place: async (to, request) => z.enum(['placed', 'refused', 'gone']).parse(await rpc.request(to, RPC_PLACE, request)),
  failed: () => undefined,
  expired: () => undefined,
  limitsOf: () => ({ ...FREE, concurrent: open ? FREE.concurrent : 0 }),
  clock: systemClock,
  log: silentLog,
});
if (role === 'call') rpc.serve(RPC_PLACE, (request) => take(request as StoredRequest));
else {
  const { task } = scheduler;
  cluster.singleDoer.offer({
    ...task,
    run: (duty) => {
      times.began = systemClock.now();
      return task.run(duty);
    },
  });
}

/** What a look costs is no part of what is measured: memory is looked at when `facts` are asked for alone. */
function answerTo(question: string): object {
  return question === 'facts' ? facts() : { handed, ...times };
}

/** `waiting` null: another process schedules. `isReady`: all of what is stored was read. */
function facts(): object {
  (globalThis as { gc?: () => void }).gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  const known = scheduler.facts();
  const isReady = scheduler.lengthOf('') !== undefined;
  return { handed, ...times, isReady, waiting: known?.waiting ?? null, rss, heapUsed };
}

cluster.startSweeping();
process.stdout.write(`${JSON.stringify({ node })}\n`);
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'quit') break;
  if (line === 'open') {
    open = true;
    scheduler.limitsChanged();
  }
  process.stdout.write(`${JSON.stringify(answerTo(line))}\n`);
}
await cluster.leave();
await bus.close();
process.exit(0);
