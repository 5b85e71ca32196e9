import { defineConfig } from '@playwright/test';

/** Measures milliseconds at both ears over a minute: for a machine that does nothing else (docs/testing.md). */
const TIMED = '**/hand-over-changes.spec.ts';

export default defineConfig({
  testDir: 'src/scenarios',
  testMatch: '**/*.spec.ts',
  testIgnore: process.env['HOOKSWITCH_TIMED'] === '1' ? [] : [TIMED],
  workers: 1,
  fullyParallel: false,
  timeout: 90_000,
  expect: { timeout: 10_000 },
  retries: 0,
  outputDir: '../.hookswitch/test-results',
  reporter: [['list']],
});
