import { defineConfig } from 'vitest/config';

/**
 * Tests with real peers, media workers or killed servers, which live by the wall clock: one file at a time, after the
 * others, so that two of them never measure each other.
 */
const PEERS = [
  'server/src/**/*.nats.test.ts',
  'server/src/**/*.peers.test.ts',
  'server/src/**/*.integration.test.ts',
  'server/src/bus/outbox.test.ts',
  'server/src/bus/embedded-nats.test.ts',
  'server/src/tenants/postgres.test.ts',
  'server/src/media/{hand-over,engine,client-leg}.test.ts',
  'server/src/sip/testing/peers/*.test.ts',
  'server/src/sip/user-agent/{sipp,transports}.test.ts',
];
const EVERY = [
  '{server,client,shared,scripts,examples}/**/*.test.{ts,tsx,mjs}',
  'e2e/src/{chaos,conformance}/**/*.test.ts',
];
const NONE = ['**/node_modules/**', '**/dist/**', '**/.hookswitch/**'];

export default defineConfig({
  test: {
    environment: 'node',
    setupFiles: [new URL('scripts/vitest-setup.mjs', import.meta.url).pathname],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    // The default of a second is not much on a machine that is busy.
    expect: { poll: { timeout: 10_000 } },
    reporters: ['default'],
    projects: [
      {
        extends: true,
        test: {
          name: 'parts',
          include: EVERY,
          exclude: [...NONE, ...PEERS],
          maxWorkers: 2,
          // A process for all files of a worker: half the time. Nothing in the sources keeps state in a module. What computes
          // for long takes twice as long in a process that has run everything else.
          isolate: false,
          testTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        // The run's end names a test that passed only the second time (scripts/setup/test-counts.mjs).
        test: { name: 'peers', include: PEERS, exclude: NONE, maxWorkers: 1, retry: 1, sequence: { groupOrder: 1 } },
      },
    ],
  },
});
