import { join } from 'node:path';
import { start } from '../fixtures/processes.ts';
import { REPOSITORY } from '../fixtures/server.ts';
import { expect, test } from '../fixtures/test.ts';

test('EV-6 the hub keeps what its protocol promises (npm run conformance)', async ({ server }) => {
  const program = join(REPOSITORY, 'e2e/src/conformance/main.ts');
  const run = start(process.execPath, [program, '--data-dir', server.dataDir]);
  const code = await run.exited;
  expect(run.output()).toMatch(/^\d+ passed, 0 failed/m);
  expect(code).toBe(0);
});
