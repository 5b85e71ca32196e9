import { expect, it } from 'vitest';
import { seededRandom } from '../../kernel/index.ts';
import { LoadForecast } from './forecast.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const WEEK = 7 * DAY;
const bell = (hour: number, middle: number, width: number): number => Math.exp(-(((hour - middle) / width) ** 2) / 2);

/** Two busy times a day, a quiet weekend, five hundredths more each week. */
function usual(at: number): number {
  const hour = (at / HOUR) % 24;
  const weekday = [1, 1.1, 1, 1, 0.9, 0.4, 0.2][Math.floor(at / DAY) % 7] ?? 1;
  return 200 * (bell(hour, 11, 3) + 0.8 * bell(hour, 16, 2.5) + 0.05) * weekday * (1 + (0.05 * at) / WEEK);
}

/** That, with the noise of calls that come as they like, and now and then an hour with half as much again. */
function load(at: number, noise: () => number): number {
  const mean = usual(at) * (Math.floor(at / HOUR) % 53 === 7 ? 1.5 : 1);
  return Math.max(0, mean + Math.sqrt(mean) * noise());
}

/** About normal, by the sum of twelve. */
function noiseOf(seed: number): () => number {
  const random = seededRandom(seed);
  return () => Array.from({ length: 12 }, () => random.fraction()).reduce((a, b) => a + b) - 6;
}

it('MT-5 learnt from three weeks, the fourth is foreseen better than by what is now, and the error is known', () => {
  const forecast = new LoadForecast();
  const noise = noiseOf(1);
  const ahead = 20 * MINUTE;
  const said: { at: number; mean: number; error: number; now: number }[] = [];
  const off = { forecast: 0, now: 0, of: 0, within: 0, count: 0 };
  for (let at = 0; at < 4 * WEEK; at += 2 * MINUTE) {
    const is = load(at, noise);
    for (let [first] = said; first !== undefined && first.at <= at; [first] = said) {
      said.shift();
      if (at < 3 * WEEK) continue;
      off.forecast += Math.abs(first.mean - is);
      off.now += Math.abs(first.now - is);
      off.of += is;
      off.count++;
      if (Math.abs(first.mean - is) <= 2 * first.error) off.within++;
    }
    forecast.observe(at, is);
    said.push({ at: at + ahead, ...forecast.at(at + ahead), now: is });
  }
  // What is pure chance is about 0.06 of it.
  expect(off.forecast / off.of).toBeLessThan(0.1);
  expect(off.forecast).toBeLessThan(0.75 * off.now);
  expect(off.within / off.count).toBeGreaterThan(0.93);
});

it('MT-5 the morning is foreseen in the night, growth too', () => {
  const forecast = new LoadForecast();
  for (let at = 0; at < 3 * WEEK + 6 * HOUR; at += 5 * MINUTE) forecast.observe(at, usual(at));
  for (const hours of [3, 5, 30]) {
    const at = 3 * WEEK + (6 + hours) * HOUR;
    expect(forecast.at(at).mean / usual(at)).toBeGreaterThan(0.9);
    expect(forecast.at(at).mean / usual(at)).toBeLessThan(1.15);
  }
});

it('MT-5 what is otherwise today is seen in minutes and forgotten in hours', () => {
  const forecast = new LoadForecast();
  for (let at = 0; at < WEEK; at += 5 * MINUTE) forecast.observe(at, 100);
  for (let at = WEEK; at < WEEK + HOUR; at += 5 * MINUTE) forecast.observe(at, 160);
  const now = WEEK + HOUR;
  expect(forecast.at(now + 10 * MINUTE).mean).toBeGreaterThan(145);
  expect(forecast.at(now + 12 * HOUR).mean).toBeLessThan(110);
});

it('nothing known: nothing is expected, with an error', () => {
  const forecast = new LoadForecast();
  expect(forecast.at(5)).toEqual({ mean: 0, error: 1 });
  forecast.observe(0, 12);
  expect(forecast.at(MINUTE).mean).toBeCloseTo(12, 0);
  expect(forecast.at(MINUTE).error).toBeGreaterThanOrEqual(Math.sqrt(12) * 0.99);
});
