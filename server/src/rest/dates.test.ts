import { describe, expect, it } from 'vitest';
import { rfc2822 } from './dates.ts';

describe('times of 2010-04-01 resources', () => {
  it('are the same by the fast way and by the slow one', () => {
    for (let day = 0; day < 800; day += 1) {
      const at = Date.UTC(2023, 11, 1) + day * 86_400_000 + day * 61_007;
      const wanted = new Date(at).toUTCString().replace('GMT', '+0000');
      expect(rfc2822(new Date(at).toISOString())).toBe(wanted);
      expect(rfc2822(new Date(at).toISOString()), 'remembered').toBe(wanted);
      expect(rfc2822(at)).toBe(wanted);
    }
    expect(rfc2822('2010-08-31T20:36:28Z')).toBe('Tue, 31 Aug 2010 20:36:28 +0000');
  });
});
