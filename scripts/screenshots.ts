// Takes the pictures of the pages in docs/images/: a server of its own, a real browser, a call over SIP and RTP.
//
//   npm run screenshots [-- FOLDER]      FOLDER: where they go (default docs/images)
import { mkdirSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { openAgent } from '../e2e/src/fixtures/agent.ts';
import type { Agent } from '../e2e/src/fixtures/agent.ts';
import type { RunState } from '../e2e/src/fixtures/server.ts';
import { startServer } from '../e2e/src/fixtures/server.ts';
import { callWithProbe } from '../e2e/src/fixtures/sip-probe.ts';
import { CHANNELS_A_NODE, seedHistory } from './sample-history.ts';
import { MAX_IMAGE_BYTES, SCREENSHOTS, VIEWPORTS } from './screenshot-list.ts';
import type { Moment, Screenshot } from './screenshot-list.ts';

const ROOT = resolve(import.meta.dirname, '..');
/** The picture of a call shows this much of it. */
const TALK_MS = 7_000;
const STEP_MS = 15_000;

/** Takes the pictures of one moment; the page is left as it was. */
async function take({ page }: Pick<Agent, 'page'>, moment: Moment, folder: string): Promise<Screenshot[]> {
  const taken = SCREENSHOTS.filter((shot) => shot.moment === moment);
  for (const { file, width, dark } of taken) {
    await page.setViewportSize(VIEWPORTS[width]);
    await page.emulateMedia({ colorScheme: dark ? 'dark' : 'light' });
    await page.screenshot({ path: join(folder, file), scale: 'css', animations: 'disabled', caret: 'hide' });
  }
  return taken;
}

/** The operator's page of a server that has run for two weeks, by what is in its history. */
async function pictureCluster(agent: Agent, state: RunState, folder: string): Promise<void> {
  const { operatorKey = '' } = state as RunState & { operatorKey?: string };
  const page = await agent.page.context().newPage();
  await page.setViewportSize(VIEWPORTS.desktop);
  await page.goto(`${state.pageUrl}#cluster`);
  await page.getByTestId('operator-key').fill(operatorKey);
  await page.getByTestId('operator-submit').click();
  await page.getByTestId('forecast-plot').waitFor({ timeout: STEP_MS });
  await page.getByTestId('nodes').waitFor({ timeout: STEP_MS });
  await take({ page }, 'cluster', folder);
  await page.close();
}

async function pictureOneCall(agent: Agent, state: RunState, folder: string): Promise<void> {
  const { page } = agent;
  await take(agent, 'idle', folder);
  const caller = await callWithProbe({ server: state.sip, number: '+15550100' });
  try {
    await page.getByTestId('answer').waitFor({ timeout: STEP_MS });
    await take(agent, 'ringing', folder);
    await page.getByTestId('answer').click();
    await agent.waitToHear(1000, STEP_MS);
    await page.waitForTimeout(TALK_MS);
    await take(agent, 'in-call', folder);
    await pictureCluster(agent, state, folder);
  } finally {
    await caller.hangup();
  }
}

async function main(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const server = await startServer({ args: ['--log-level', 'warn', '--call-capacity', String(CHANNELS_A_NODE)] });
  try {
    const state = await server.state();
    const { pageUrl } = state;
    await seedHistory(state.nats.url);
    const agent = await openAgent({ pageUrl, identity: 'alice', toneHz: 620, viewport: VIEWPORTS.desktop });
    try {
      await pictureOneCall(agent, state, folder);
    } finally {
      await agent.close();
    }
  } finally {
    await server.stop();
  }
  for (const { file } of SCREENSHOTS) {
    const path = join(folder, file);
    const { size } = statSync(path);
    console.log(`${relative(ROOT, path)}  ${(size / 1000).toFixed(0)} kB`);
    if (size > MAX_IMAGE_BYTES) throw new Error(`${path} is larger than ${MAX_IMAGE_BYTES / 1000} kB`);
  }
}

await main(resolve(process.argv[2] ?? join(ROOT, 'docs/images')));
