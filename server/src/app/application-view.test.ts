import { expect, it } from 'vitest';
import { applicationView } from './application-view.ts';

const nameOf = (order: unknown): string => applicationView.nameOf({ accountSid: 'AC1', order });

it('MT-5 calls of one application, of one URL, of instructions of one shape are alike; accounts are kept apart', () => {
  const url = (text: string) => ({ application: { voice: { url: text } } });
  expect(nameOf(url('https://a.example/voice?x=1'))).toBe(nameOf(url('https://a.example/voice?x=2')));
  expect(nameOf(url('https://a.example/voice'))).not.toBe(nameOf(url('https://a.example/other')));
  const say = (text: string) => ({ application: {}, document: `<Response><Say>${text}</Say></Response>` });
  expect(nameOf(say('one'))).toBe(nameOf(say('two')));
  expect(nameOf({ application: { applicationSid: 'AP1', voice: { url: 'https://a.example' } } })).toBe('AC1 AP1');
  expect(nameOf(say('one'))).not.toBe(applicationView.nameOf({ accountSid: 'AC2', order: say('one') }));
  for (const strange of [undefined, null, 5, {}, { application: null, document: 7 }])
    expect(nameOf(strange)).toBe('AC1 ');
});

it('MT-5 instructions that dial are seen to take two legs before any was placed', () => {
  const dial = { application: {}, document: '<Response><Dial><Number>+1555</Number></Dial></Response>' };
  const say = { application: {}, document: '<Response><Say>Dial 1 for sales</Say></Response>' };
  expect([dial, say].map((order) => applicationView.guessLegs(nameOf(order)))).toEqual([2, 1]);
  expect(applicationView.guessLegs(nameOf({ application: { applicationSid: 'AP1' } }))).toBe(1);
});
