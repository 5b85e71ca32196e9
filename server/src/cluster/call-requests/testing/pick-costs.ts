/**
 * What it costs to pick the next call, by accounts that have calls waiting, as a program for benchmarks: prints one line of
 * JSON with `by_accounts` of `{n, us}`. A pick is all that the scheduler does in memory for a call: it is taken, ends, and
 * another one of its account is queued. `pick-costs.ts PICKS ROUNDS`.
 */
import { systemClock } from '../../../kernel/index.ts';
import { CallQueue } from '../../scheduler/index.ts';
import type { Openings, Waiting } from '../../scheduler/index.ts';
import { accountSidOf, callSidOf } from './example-order.ts';

const ACCOUNTS = [10, 100, 1000, 10_000, 100_000];
const OPEN: Openings = { isOpen: () => true, isOpenFor: () => true, kept: () => [] };
const FREE = { weight: 1, callsPerSecond: 1e9, burst: 1e9, concurrent: 1e9 };
/** Calls that wait in all, however many accounts they are of. */
const WAITING = 200_000;
const [picks = 200_000, rounds = 5] = process.argv.slice(2).map(Number);

/** Queues of all sizes are filled first and take turns: what else the machine does meets them alike. */
const queues = ACCOUNTS.map((n) => ({ n, queue: filled(n), costs: [] as number[] }));
let made = WAITING;

function filled(accounts: number): CallQueue<Waiting> {
  const queue = new CallQueue<Waiting>(() => FREE);
  for (let n = 0; n < WAITING; n++) queue.add(aCall(n, accountSidOf(n % accounts)), 0);
  return queue;
}

function aCall(n: number, accountSid: string): Waiting {
  return { callSid: callSidOf(n), accountSid, queuedAt: n, pool: '' };
}

function microsecondsPerPick(queue: CallQueue<Waiting>): number {
  const began = systemClock.monotonic();
  for (let n = 0; n < picks; n++) {
    const call = queue.take(n, OPEN);
    if (call === undefined) throw new Error('nothing waits');
    queue.ended(call.accountSid, n);
    queue.add(aCall(made++, call.accountSid), n);
  }
  return ((systemClock.monotonic() - began) * 1000) / picks;
}

for (let round = 0; round <= rounds; round++) {
  for (const { queue, costs } of queues) {
    const us = microsecondsPerPick(queue);
    if (round > 0) costs.push(us);
  }
}
const middle = (costs: number[]): number => costs.sort((a, b) => a - b)[costs.length >> 1] ?? NaN;
const byAccounts = queues.map(({ n, costs }) => ({ n, us: Math.round(middle(costs) * 1000) / 1000 }));
process.stdout.write(`${JSON.stringify({ by_accounts: byAccounts })}\n`);
