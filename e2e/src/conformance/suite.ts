import { randomBytes } from 'node:crypto';
import { Peer } from './peer.ts';
import type { PeerOptions } from './peer.ts';
import { httpBase, openSocketIo } from './links.ts';
import { linkOf, tokenFacts } from './target.ts';
import type { Target, TokenFacts, TransportName } from './target.ts';

export interface CheckContext extends Target {
  readonly transport: TransportName;
  /** What the token says of itself. */
  readonly facts: TokenFacts;
  /** Used by nobody else. May be subscribed and published to, as may be what lies below. */
  readonly topic: string;
  /** `http://host:port` and what stands before `/v1/hub`. */
  readonly http: string;
  /** Opens a connection that the suite closes. */
  readonly open: (options?: PeerOptions) => Promise<Peer>;
  /** The same, and connected with the token. */
  readonly connect: (options?: PeerOptions) => Promise<Peer>;
  /** Over Socket.IO in a way of its own. */
  readonly openSocketIo: (transports: readonly string[], auth?: object) => Promise<Peer>;
}

export interface Check {
  /** Section of docs/spec/hub-protocol.md. */
  readonly section: string;
  readonly what: string;
  /** Waits for time-outs of the protocol, tens of seconds: run only when asked for. */
  readonly slow?: boolean;
  /** On this transport only. */
  readonly only?: TransportName;
  /** Why it cannot be checked with this token; undefined: it can. */
  readonly unless?: (facts: TokenFacts) => string | undefined;
  /** Needs no topic to publish to. */
  readonly needsNoTopic?: boolean;
  readonly run: (context: CheckContext) => Promise<void>;
}

/** One check, typed. */
export const check = (each: Check): Check => each;

export interface CheckResult {
  readonly check: Check;
  readonly transport: TransportName;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** What failed, or why it was skipped. */
  readonly reason: string | undefined;
  readonly ms: number;
}

export interface RunOptions {
  readonly transport: TransportName;
  /** Runs the slow ones too. */
  readonly slow?: boolean;
  readonly onResult?: (result: CheckResult) => void;
}

const LIMIT_MS = 20_000;
const SLOW_LIMIT_MS = 90_000;

/** Runs the checks one after another; slow ones side by side, since all they do is wait. Never rejects. */
export async function runChecks(checks: readonly Check[], target: Target, options: RunOptions): Promise<CheckResult[]> {
  const facts = tokenFacts(target.token);
  const results = new Map<Check, CheckResult>();
  const run = async (check: Check): Promise<void> => {
    const reason = skipReason(check, facts, options);
    const result: CheckResult =
      reason === undefined
        ? await runOne(check, { target, facts, transport: options.transport })
        : { check, transport: options.transport, outcome: 'skipped', reason, ms: 0 };
    results.set(check, result);
    options.onResult?.(result);
  };
  const slow = checks.filter((check) => check.slow === true).map(run);
  for (const check of checks) if (check.slow !== true) await run(check);
  await Promise.all(slow);
  return checks.flatMap((check) => results.get(check) ?? []);
}

function skipReason(check: Check, facts: TokenFacts, { transport, slow = false }: RunOptions): string | undefined {
  if (check.only !== undefined && check.only !== transport) {
    return check.only === 'native' ? 'Socket.IO carries objects and has no close codes' : 'is about Socket.IO';
  }
  if (check.slow === true && !slow) return 'needs --slow';
  if (check.needsNoTopic !== true && facts.base === undefined) {
    return 'the token grants no topic to subscribe and publish (as app.> for both does)';
  }
  return check.unless?.(facts);
}

interface Run {
  readonly target: Target;
  readonly facts: TokenFacts;
  readonly transport: TransportName;
}

async function runOne(check: Check, { target, facts, transport }: Run): Promise<CheckResult> {
  const peers: Peer[] = [];
  const opened = async (opening: Promise<Peer>): Promise<Peer> => {
    const peer = await opening;
    peers.push(peer);
    return peer;
  };
  const open = (options?: PeerOptions): Promise<Peer> => opened(Peer.open(target.url, linkOf(transport), options));
  const context: CheckContext = {
    ...target,
    transport,
    facts,
    topic: `${facts.base ?? 'app'}.conformance-${randomBytes(6).toString('hex')}`,
    http: httpBase(target.url),
    open,
    connect: async (options) => {
      const peer = await open(options);
      await peer.askFor('connected', { type: 'connect', token: target.token, client: 'hookswitch-conformance' });
      return peer;
    },
    openSocketIo: (transports, auth) => opened(Peer.open(target.url, openSocketIo(transports, auth))),
  };
  const started = performance.now();
  let reason: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  const limit = check.slow === true ? SLOW_LIMIT_MS : LIMIT_MS;
  try {
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(new Error(`not done after ${limit / 1000} s`));
      }, limit);
    });
    await Promise.race([check.run(context), late]);
  } catch (error) {
    reason = error instanceof Error ? error.message : String(error);
  } finally {
    clearTimeout(timer);
  }
  const ms = Math.round(performance.now() - started);
  await Promise.all(peers.map((peer) => peer.close()));
  return { check, transport, outcome: reason === undefined ? 'passed' : 'failed', reason, ms };
}

/** @throws Error when it does not hold */
export function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

/** @throws Error with both when they differ as JSON */
export function mustEqual(actual: unknown, expected: unknown, what: string): void {
  const [got, wanted] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (got !== wanted) throw new Error(`${what}: expected ${wanted}, got ${got}`);
}
