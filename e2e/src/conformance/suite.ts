import { randomBytes } from 'node:crypto';
import { Peer } from './peer.ts';

/** What the checks know of the hub under test. */
export interface Target {
  readonly url: string;
  /** Grants subscribe and publish of `app.>`, and less than `>`. */
  readonly token: string;
}

export interface CheckContext extends Target {
  /** Below `app.`, used by nobody else. */
  readonly topic: string;
  /** Opens a connection that the suite closes. */
  readonly open: (options?: { readonly answersPings?: boolean }) => Promise<Peer>;
  /** The same, and connected with the token. */
  readonly connect: (options?: { readonly answersPings?: boolean }) => Promise<Peer>;
}

export interface Check {
  /** Section of docs/spec/hub-protocol.md. */
  readonly section: number;
  readonly what: string;
  /** Waits for time-outs of the protocol, tens of seconds: run only when asked for. */
  readonly slow?: boolean;
  readonly run: (context: CheckContext) => Promise<void>;
}

/** One check, typed. */
export const check = (each: Check): Check => each;

export interface CheckResult {
  readonly check: Check;
  /** Undefined: passed. */
  readonly problem: string | undefined;
  readonly ms: number;
}

const LIMIT_MS = 20_000;
const SLOW_LIMIT_MS = 90_000;

/** Runs the checks one after another; slow ones side by side, since all they do is wait. Never rejects. */
export async function runChecks(
  checks: readonly Check[],
  target: Target,
  onResult: (result: CheckResult) => void = () => undefined,
): Promise<CheckResult[]> {
  const results = new Map<Check, CheckResult>();
  const run = async (check: Check): Promise<void> => {
    const result = await runOne(check, target);
    results.set(check, result);
    onResult(result);
  };
  const slow = checks.filter((check) => check.slow === true).map(run);
  for (const check of checks) if (check.slow !== true) await run(check);
  await Promise.all(slow);
  return checks.flatMap((check) => results.get(check) ?? []);
}

async function runOne(check: Check, target: Target): Promise<CheckResult> {
  const peers: Peer[] = [];
  const open = async (options?: { readonly answersPings?: boolean }): Promise<Peer> => {
    const peer = await Peer.open(target.url, options);
    peers.push(peer);
    return peer;
  };
  const context: CheckContext = {
    ...target,
    topic: `app.conformance.${randomBytes(6).toString('hex')}`,
    open,
    connect: async (options) => {
      const peer = await open(options);
      await peer.askFor('connected', { type: 'connect', token: target.token, client: 'hookswitch-conformance' });
      return peer;
    },
  };
  const started = performance.now();
  let problem: string | undefined;
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
    problem = error instanceof Error ? error.message : String(error);
  } finally {
    clearTimeout(timer);
  }
  const ms = Math.round(performance.now() - started);
  await Promise.all(peers.map((peer) => peer.close()));
  return { check, problem, ms };
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
