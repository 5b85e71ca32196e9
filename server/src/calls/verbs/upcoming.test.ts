import { expect, it } from 'vitest';
import { CallWorld, settle } from '../testing/call-world.fake.ts';
import { programFromTwiml } from '../twiml/document.ts';
import { upcomingPrompts } from './upcoming.ts';

const upcoming = (twiml: string): string[] => {
  const result = programFromTwiml(`<Response>${twiml}</Response>`, 'http://app.test/voice');
  if (!result.ok) throw new Error(result.message);
  return upcomingPrompts(result.program, (path) => URL.parse(path, result.program.url)?.href).map((request) =>
    request.kind === 'say' ? request.text : request.url,
  );
};

it('MC-7 what comes after the first prompt, in order and once, nested in Gather too, as far as it is reached', () => {
  const menu = '<Gather><Play>/a.mp3</Play><Pause/><Say>press one</Say></Gather>';
  expect(upcoming(`<Say>hello</Say>${menu}<Play>/b.mp3</Play><Say>bye</Say><Say>bye</Say>`)).toEqual([
    'http://app.test/a.mp3',
    'press one',
    'http://app.test/b.mp3',
    'bye',
  ]);
  expect(upcoming(`${menu}<Redirect>/again</Redirect><Say>never</Say>`)).toEqual(['press one']);
  expect(upcoming('<Play digits="12"/><Play digits="34"/><Pause/><Hangup/>')).toEqual([]);
  expect(upcoming(`<Pause/>${Array.from({ length: 40 }, (_, n) => `<Say>${String(n)}</Say>`).join('')}`)).toHaveLength(
    16,
  );
});

it('MC-7 a call has the prompts of its document made ahead', async () => {
  const world = new CallWorld();
  const ahead: string[] = [];
  world.onPrefetch = (request) => ahead.push(request.kind === 'say' ? request.text : request.url);
  await world.twiml('<Say>one</Say><Say>two</Say><Hangup/>').call();
  await settle();
  expect(ahead).toEqual(['two']);
});
