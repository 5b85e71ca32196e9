import { delay } from '../../kernel/index.ts';
import type { Clock } from '../../kernel/index.ts';
import type { RequestResult, UserAgent } from '../../sip/index.ts';
import { isAlive } from './failover.ts';
import { gatewayHostPort, gatewayName } from './gateway.ts';
import type { Trunk, TrunkGateway } from './ports.ts';

/** What a gateway said to OPTIONS just now. */
export interface GatewayTest {
  readonly gateway: string;
  readonly result: 'answers' | 'refuses' | 'silent' | 'unreachable';
  /** Undefined when nothing came back. */
  readonly status: number | undefined;
  /** The status and its words, or why nothing came. */
  readonly said: string;
  /** Software of the far end, from Server or User-Agent. */
  readonly software: string | undefined;
  readonly ms: number;
}

/** Less than a request between nodes may take, milliseconds. */
const PATIENCE_MS = 4000;

/** Sends OPTIONS to every gateway of a trunk, at once. Never rejects. */
export function testTrunk(
  trunk: Trunk,
  userAgent: Pick<UserAgent, 'request'>,
  clock: Clock,
): Promise<readonly GatewayTest[]> {
  return Promise.all(trunk.gateways.map((gateway) => testGateway(gateway, userAgent, clock)));
}

async function testGateway(
  gateway: TrunkGateway,
  userAgent: Pick<UserAgent, 'request'>,
  clock: Clock,
): Promise<GatewayTest> {
  const startedAt = clock.monotonic();
  const waiting = new AbortController();
  const request = userAgent.request({
    method: 'OPTIONS',
    target: `sip:${gatewayHostPort(gateway)}`,
    headers: [{ name: 'Accept', value: 'application/sdp' }],
  });
  const patience = delay(clock, PATIENCE_MS, waiting.signal).then(
    () => undefined,
    () => undefined,
  );
  const answer = await Promise.race([request, patience]);
  waiting.abort();
  const ms = Math.round(clock.monotonic() - startedAt);
  return { gateway: gatewayName(gateway), ms, ...verdictOf(answer) };
}

function verdictOf(answer: RequestResult | undefined): Omit<GatewayTest, 'gateway' | 'ms'> {
  const nothing = { status: undefined, software: undefined };
  if (answer === undefined || (!answer.received && answer.status === 408)) {
    const said = 'nothing came back: wrong address or port, a firewall, or the gateway ignores our address';
    return { ...nothing, result: 'silent', said };
  }
  if (!answer.received) return { ...nothing, result: 'unreachable', said: `not sent: ${answer.reason}` };
  const { status, reason, headers } = answer;
  const software = headers.find(({ name }) => /^(?:server|user-agent)$/i.test(name))?.value;
  const said = `${String(status)} ${reason}`.trimEnd();
  return { result: isAlive(status) ? 'answers' : 'refuses', status, said, software };
}
