import { join } from 'node:path';
import { run } from '../fixtures/processes.ts';
import { REPOSITORY } from '../fixtures/server.ts';
import { expect, test } from '../fixtures/test.ts';

/** What the offline recognizer is told to expect: it is weak at anything else. */
const HINTS = ['sales', 'technical support', 'billing'];
const SAID = 'technical support';

test('CR-5 the words of a live call are told while it goes on, by the offline recognizer', async ({
  server,
  application,
  events,
}) => {
  test.skip(process.env['HOOKSWITCH_SLOW'] !== '1', 'speech takes its time: HOOKSWITCH_SLOW=1');
  test.setTimeout(180_000);
  const seen = await events();
  application.answer(({ path }) => {
    if (path !== '/voice') return '';
    const attributes = `track="inbound_track" statusCallbackUrl="/words" hints="${HINTS.join(',')}"`;
    return `<Start><Transcription name="live" ${attributes}/></Start><Pause length="40"/>`;
  });
  const caller = run(process.execPath, [
    join(REPOSITORY, 'server/src/main.ts'),
    ...['call', '--to', application.number, '--say', SAID, '--duration', '40', '--json'],
    ...['--data-dir', server.dataDir],
  ]);
  const told = await seen.waitFor('transcription.content', ({ data }) => data['text'] === SAID, 120_000);
  expect(told.data).toMatchObject({ name: 'live', track: 'inbound', final: true });
  await application.waitForRequest(({ path, params }) => {
    const { transcript } = JSON.parse(params['TranscriptionData'] ?? '{}') as { transcript?: string };
    return path === '/words' && params['TranscriptionEvent'] === 'transcription-content' && transcript === SAID;
  }, 60_000);
  expect(seen.seen().some(({ type }) => type === 'call.ended')).toBe(false);
  await caller;
  await seen.waitFor('transcription.stopped');
});
