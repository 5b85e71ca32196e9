import { defineConfig } from '@playwright/test';

export default defineConfig({
  testDir: 'src/scenarios',
  testMatch: '**/*.spec.ts',
  workers: 1,
  fullyParallel: false,
  timeout: 90_000,
  expect: { timeout: 10_000 },
  retries: 0,
  outputDir: '../.hookswitch/test-results',
  reporter: [['list']],
});
