import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { REFUSALS, offerRefusal, reasonField, refusal } from './refusals.ts';
import type { RefusalKind } from './refusals.ts';

const source = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');

describe('refusals', () => {
  const kinds = Object.keys(REFUSALS) as RefusalKind[];
  it.each(kinds)('%s says what, where and what to do', (kind) => {
    const { status, q850, text, hint } = REFUSALS[kind];
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(700);
    expect(q850).toBeGreaterThan(0);
    expect(q850).toBeLessThan(128);
    for (const words of [text, hint]) expect(words.split(' ').length, words).toBeGreaterThan(2);
    // The text goes to whoever called: nothing of the configuration, printable ASCII, one line.
    expect(text).toMatch(/^[\x20-\x7e]+$/);
    expect(text).not.toMatch(/\b(AC|TK|AP|PN)[0-9a-f]|trunks update|account /);
    const made = refusal(kind, 'problem');
    expect(made.reason).toEqual({ protocol: 'Q.850', cause: q850, text });
    expect(reasonField(made.reason).value).toBe(`Q.850;cause=${String(q850)};text="${text}"`);
    if (status === 503) expect(made.headers.map(({ name }) => name)).toContain('Retry-After');
  });

  it.each(['../sip-ingress.ts', './ingress-policy.ts'])(
    '%s refuses with a row of the table and in no other way',
    (path) => {
      const text = source(path);
      // Every verdict and every rejection goes through the two functions that take a Refusal.
      expect(text.match(/allow: false(?!, silent)/g) ?? []).toHaveLength(path.includes('ingress-policy') ? 0 : 1);
      expect(text.match(/call\.reject\(/g) ?? []).toHaveLength(path.includes('ingress-policy') ? 0 : 1);
      const used = [...text.matchAll(/\brefusal\(\s*'([a-z-]+)'/g)].map(([, kind]) => kind);
      expect(used.length).toBeGreaterThan(2);
      for (const kind of used) expect(kinds).toContain(kind);
    },
  );

  it('docs/trunks.md has the table as it is', () => {
    const rows = kinds.map(
      (kind) => `| \`${kind}\` | ${String(REFUSALS[kind].status)} | ${String(REFUSALS[kind].q850)} |`,
    );
    const listed = source('../../../../docs/trunks.md').match(/^\| `[a-z-]+` \| \d{3} \| \d+ \|$/gm);
    expect(listed?.sort()).toEqual(rows.sort());
  });

  it('every row is in use', () => {
    const code = ['../sip-ingress.ts', './ingress-policy.ts', './refusals.ts', '../../calls/ports.ts']
      .map(source)
      .join('\n');
    for (const kind of kinds) {
      const uses = code.split(`'${kind}'`).length - 1;
      expect(uses, kind).toBeGreaterThan(1);
    }
  });

  it('a session description is refused with the status that it earned', () => {
    expect(offerRefusal(488, 'x')).toMatchObject({ status: 488, kind: 'no-common-media' });
    expect(offerRefusal(415, 'x')).toMatchObject({ status: 415, kind: 'no-common-media' });
    expect(offerRefusal(400, 'x')).toMatchObject({ status: 400, kind: 'bad-offer' });
  });

  it('a text that would break the header is made harmless', () => {
    expect(reasonField({ protocol: 'SIP', cause: 1, text: 'a "b" \\ \r\nX: y ü' }).value).toBe(
      'SIP;cause=1;text="a \\"b\\" \\\\ ??X: y ?"',
    );
  });
});
