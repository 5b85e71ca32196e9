import { cpuSeconds } from '../fixtures/process-facts.ts';
import { eventMark } from '../load/hub-load.ts';
import type { LoadedServer } from '../load/hub-servers.ts';

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));

let counter = 0;
/** One event as publishers write it: the same text for every server. */
export function eventText(account: string): string {
  const id = String(counter++).padStart(8, '0');
  return `{"specversion":"1.0","id":"${id}","source":"/b","type":"app.b","time":"2030-01-01T00:00:00Z","datacontenttype":"application/json","accountsid":"${account}","data":"${eventMark()}"}`;
}
/** Of the gateway under load. */
export const ACCOUNT = `AC${'b'.repeat(32)}`;

/** What a load brought about. */
export interface Measured {
  readonly cpuUs: number;
  readonly p50: number;
  readonly p99: number;
  readonly lost: number;
  readonly perSecond: number;
  /** Messages that one read of a client gave: about as many as one write held. */
  readonly perRead: number;
}

/** `rate` bursts a second, whatever becomes of them. */
export async function pace(
  server: LoadedServer,
  { rate, burst, seconds }: { readonly rate: number; readonly burst: number; readonly seconds: number },
  event: () => string = () => eventText(ACCOUNT),
): Promise<Measured> {
  const bursts = Math.max(1, Math.round(rate * seconds));
  server.load.tellProgress(1);
  await server.load.reset();
  const cpu = await cpuSeconds(server.pids);
  const from = performance.now();
  for (let sent = 0; sent < bursts; sent++) {
    await sleep(from + (sent * 1000) / rate - performance.now());
    server.emit(burst, event());
  }
  await server.load.arrived(bursts * burst, 3000);
  return measured(server, { cpu, from, expected: bursts * burst });
}

/** As much as it takes: a fixed number of events is on its way at any time. */
export async function push(server: LoadedServer, seconds: number): Promise<Measured> {
  const step = Math.max(1, server.window / 8);
  server.load.tellProgress(step);
  await server.load.reset();
  const cpu = await cpuSeconds(server.pids);
  const from = performance.now();
  let sent = 0;
  for (let acknowledged = 0; performance.now() - from < seconds * 1000; acknowledged += step) {
    while (sent < acknowledged + server.window) {
      // Publishers have events one by one, with a time each; a few at a time is what a socket write of theirs holds.
      server.emit(8, eventText(ACCOUNT));
      sent += 8;
    }
    if (!(await server.load.arrived(acknowledged + step, 10_000))) break;
  }
  const at = await server.load.report();
  const perSecond = at.received / ((performance.now() - from) / 1000);
  await server.load.arrived(sent, 10_000);
  return { ...(await measured(server, { cpu, from, expected: sent })), perSecond };
}

async function measured(
  server: LoadedServer,
  { cpu, from, expected }: { readonly cpu: number; readonly from: number; readonly expected: number },
): Promise<Measured> {
  const used = (await cpuSeconds(server.pids)) - cpu;
  const elapsed = (performance.now() - from) / 1000;
  const report = await server.load.report();
  return {
    cpuUs: (used * 1e6) / report.received,
    p50: report.p50_ms,
    p99: report.p99_ms,
    lost: expected * server.load.connections - report.received,
    perSecond: report.received / elapsed,
    perRead: report.received / report.reads,
  };
}
