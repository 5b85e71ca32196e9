import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Flights } from './ports.ts';

/** What all flights keep to. @param open as three processes have them */
export function flightsConformance(
  name: string,
  open: () => Promise<{ all: readonly [Flights, Flights, Flights]; close: () => Promise<void> }>,
): void {
  describe(`media flights: ${name}`, () => {
    let all: readonly [Flights, Flights, Flights];
    let close: () => Promise<void>;
    beforeEach(async () => {
      ({ all, close } = await open());
    });
    afterEach(() => close());

    it('MC-5 of many who want it at once one does the work, the others wait until it is done', async () => {
      let [works, ended] = [0, false];
      const begun = Promise.withResolvers<void>();
      const finish = Promise.withResolvers<void>();
      const work = async (): Promise<void> => {
        works += 1;
        begun.resolve();
        await finish.promise;
        ended = true;
      };
      const runs = all.map((flights) => flights.run('k', work).then((how) => [how, ended] as const));
      await begun.promise;
      finish.resolve();
      const outcomes = await Promise.all(runs);
      expect(works).toBe(1);
      expect(outcomes.map(([how]) => how).sort()).toEqual(['followed', 'followed', 'led']);
      expect(outcomes.every(([, after]) => after)).toBe(true);
    });

    it('MC-5 other keys do not wait, and a key is free after its work', async () => {
      const finish = Promise.withResolvers<void>();
      const slow = all[0].run('slow', () => finish.promise);
      expect(await all[1].run('other', () => Promise.resolve())).toBe('led');
      expect(await all[2].run('other', () => Promise.resolve())).toBe('led');
      finish.resolve();
      expect(await slow).toBe('led');
    });

    it('MC-5 a failure goes to who led; those who waited may try', async () => {
      const begun = Promise.withResolvers<void>();
      const fail = Promise.withResolvers<void>();
      const lead = all[0].run('k', () => {
        begun.resolve();
        return fail.promise;
      });
      await begun.promise;
      const follow = all[1].run('k', () => Promise.resolve());
      fail.reject(new Error('the origin is away'));
      await expect(lead).rejects.toThrow('the origin is away');
      await follow;
      expect(await all[1].run('k', () => Promise.resolve())).toBe('led');
    });
  });
}
