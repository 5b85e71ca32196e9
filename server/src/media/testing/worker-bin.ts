import { existsSync } from 'node:fs';
import { workerBin } from 'mediasoup';

/** The worker that tests run on. @throws when there is none: these tests are never skipped */
export function requireWorkerBin(): string {
  const path = process.env['MEDIASOUP_WORKER_BIN'] ?? workerBin;
  if (existsSync(path)) return path;
  throw new Error(`no mediasoup worker at ${path}: run \`npm run setup\`, or set MEDIASOUP_WORKER_BIN`);
}
