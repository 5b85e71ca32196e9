import { readFileSync } from 'node:fs';
import { HUB_ERRORS } from '@hookswitch/shared';
import { describe, expect, it } from 'vitest';
import { CLIENT_ERRORS, HookswitchError, clientError, hubError, toHookswitchError } from './errors.ts';

describe('errors', () => {
  it('every code is used once, and the library’s are apart from the server’s', () => {
    const codes = Object.values(CLIENT_ERRORS).map(({ code }) => code);
    expect(new Set(codes).size).toBe(codes.length);
    for (const { code } of Object.values(HUB_ERRORS)) expect(code).toBeLessThan(300);
    for (const code of codes) expect(code).toBeGreaterThanOrEqual(300);
  });

  it('docs/sdk.md lists them as they are', () => {
    const docs = readFileSync(new URL('../../../../docs/sdk.md', import.meta.url), 'utf8');
    const listed = docs.split('\n').filter((line) => /^\| 3\d\d /.test(line));
    expect(listed).toEqual(
      Object.entries(CLIENT_ERRORS).map(([name, { code, message }]) => `| ${code} | \`${name}\` | ${message} |`),
    );
  });

  it('errors of the server keep their name, unknown ones their code', () => {
    expect(hubError({ ...HUB_ERRORS.notPermitted, message: 'no' })).toMatchObject({
      name: 'notPermitted',
      message: 'no',
    });
    expect(hubError({ code: 999, message: 'new', temporary: true })).toMatchObject({ name: 'unknown', code: 999 });
  });

  it('whatever is thrown becomes one of ours, with its cause', () => {
    const cause = new TypeError('boom');
    const error = toHookswitchError(cause, 'mediaLost');
    expect(error).toBeInstanceOf(HookswitchError);
    expect(error).toMatchObject({ name: 'mediaLost', cause });
    expect(error.message).toContain('boom');
    const own = clientError('closed');
    expect(toHookswitchError(own, 'mediaLost')).toBe(own);
  });
});
