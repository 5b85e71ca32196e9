import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What this example needs of the file that a running server leaves in its data directory. */
export interface RunningServer {
  readonly account: string;
  readonly url: string;
}

const DATA_DIR = process.env['HOOKSWITCH_DATA_DIR'] ?? fileURLToPath(new URL('../../../.hookswitch', import.meta.url));

/**
 * Finds the server running on this machine.
 *
 * @param dataDir the server's data directory
 * @returns undefined when none runs there
 */
export function findRunningServer(dataDir: string = DATA_DIR): RunningServer | undefined {
  let state: unknown;
  try {
    state = JSON.parse(readFileSync(join(dataDir, 'run.json'), 'utf8'));
  } catch {
    return undefined;
  }
  const { account, nats } = state as { account?: unknown; nats?: { url?: unknown; subscriberUrl?: unknown } };
  // The subscriber's address carries a login that may read events and do nothing else.
  const url = nats?.subscriberUrl ?? nats?.url;
  return typeof account === 'string' && typeof url === 'string' ? { account, url } : undefined;
}
