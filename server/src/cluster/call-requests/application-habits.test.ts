import { expect, it } from 'vitest';
import { ApplicationHabits, USUAL_SECONDS } from './application-habits.ts';

const guessLegs = (name: string): number => (name.includes('Dial') ? 2 : 1);

it('MT-5 what an application does is guessed until a call of it was seen, and then learnt', () => {
  const habits = new ApplicationHabits({ guessLegs });
  expect(habits.of('Say')).toEqual({ seconds: USUAL_SECONDS, legs: 1 });
  expect(habits.of('Dial')).toEqual({ seconds: USUAL_SECONDS, legs: 2 });
  habits.learn('Say', { seconds: 10, legSeconds: 10 });
  habits.learn('Dial', { seconds: 60, legSeconds: 90 });
  expect(habits.of('Say')).toEqual({ seconds: 10, legs: 1 });
  expect(habits.of('Dial')).toEqual({ seconds: 60, legs: 1.5 });
  habits.learn('Say', { seconds: 20, legSeconds: 20 });
  expect(habits.of('Say').seconds).toBe(15);
});

it('MT-5 an application that changes is followed', () => {
  const habits = new ApplicationHabits({ guessLegs });
  for (let n = 0; n < 1000; n++) habits.learn('a', { seconds: 10, legSeconds: 10 });
  for (let n = 0; n < 100; n++) habits.learn('a', { seconds: 100, legSeconds: 200 });
  expect(habits.of('a').seconds).toBeGreaterThan(95);
  expect(habits.of('a').legs).toBeGreaterThan(1.9);
});

it('MT-5 calls of several applications are weighed by their number; of none nothing is said', () => {
  const habits = new ApplicationHabits({ guessLegs });
  habits.learn('a', { seconds: 10, legSeconds: 10 });
  habits.learn('b', { seconds: 100, legSeconds: 200 });
  expect(
    habits.ofAll([
      ['a', 3],
      ['b', 1],
    ]),
  ).toEqual({ seconds: 32.5, legs: 1.25 });
  expect(habits.ofAll([])).toBeUndefined();
});

it('MT-5 no more applications are remembered than fit, those that were seen last', () => {
  const habits = new ApplicationHabits({ guessLegs });
  for (let n = 0; n <= 5000; n++) {
    habits.learn('kept', { seconds: 5, legSeconds: 5 });
    habits.learn(`other ${n}`, { seconds: 1, legSeconds: 1 });
  }
  expect(habits.of('kept').seconds).toBe(5);
  expect(habits.of('other 5000').seconds).toBe(1);
  expect(habits.of('other 0').seconds).toBe(USUAL_SECONDS);
});
