import { describe, expect, it } from 'vitest';
import { SYSTEM_PACKAGES, describePackages, installedFrom, missingPackages } from './packages.mjs';
import { aptProgress } from './system.mjs';

const bare = { release: 'bookworm', installed: new Set(), hasProgram: () => false };
const names = (list) => list.map(({ name }) => name);

describe('missing packages', () => {
  it('on a bare Debian 12 are all those of the purposes asked for, and no others', () => {
    expect(names(missingPackages(['run'], bare))).toEqual([
      ...['nats-server', 'espeak-ng', 'flite', 'pocketsphinx', 'pocketsphinx-en-us', 'ffmpeg'],
      ...['libuv1', 'libsrtp2-1', 'libssl3', 'libabsl20220623', 'libstdc++6'],
    ]);
    expect(names(missingPackages(['test'], bare))).toContain('chromium');
    expect(names(missingPackages(['run', 'test'], bare))).not.toContain('meson');
  });

  it('leave out what is installed', () => {
    const installed = new Set(SYSTEM_PACKAGES.map(({ name }) => name).filter((name) => name !== 'libssl-dev'));
    expect(names(missingPackages(['run', 'build', 'test'], { ...bare, installed }))).toEqual(['libssl-dev']);
  });

  it('count a program in the PATH as its package', () => {
    const hasProgram = (program) => program === 'google-chrome' || program === 'nats-server';
    const missing = names(missingPackages(['run', 'test'], { ...bare, hasProgram }));
    expect(missing).not.toContain('chromium');
    expect(missing).not.toContain('nats-server');
    expect(missing).toContain('flite');
  });

  it('name libraries only on the release whose names they are', () => {
    expect(names(missingPackages(['run'], { ...bare, release: 'trixie' }))).toEqual([
      'nats-server',
      'espeak-ng',
      'flite',
      'pocketsphinx',
      'pocketsphinx-en-us',
      'ffmpeg',
    ]);
  });

  it('need no nats-server when NATS_URL names one, but for the tests', () => {
    const env = { NATS_URL: 'nats://bus:4222' };
    expect(names(missingPackages(['run'], { ...bare, env }))).not.toContain('nats-server');
    expect(names(missingPackages(['run', 'test'], { ...bare, env }))).toContain('nats-server');
  });

  it('are told with their reasons', () => {
    expect(describePackages(missingPackages(['test'], bare))).toMatch(
      /^ {2}sip-tester +sipp, an independent SIP peer$/m,
    );
  });
});

it('reads what dpkg-query lists', () => {
  const listing = 'nats-server\tii \nlibuv1\tii \nflite\trc \nsox\tun \n';
  expect(installedFrom(listing)).toEqual(new Set(['nats-server', 'libuv1']));
});

it("reads apt's progress", () => {
  expect(aptProgress('dlstatus:3:41.237:Retrieving file 3 of 7 (2 s remaining)')).toBe(
    'download 41 % Retrieving file 3 of 7 (2 s remaining)',
  );
  expect(aptProgress('pmstatus:libuv1:66.6667:Unpacking libuv1 (amd64)')).toBe('install 67 % Unpacking libuv1 (amd64)');
  expect(aptProgress('pmstatus:libuv1:amd64:66.6667:Unpacking libuv1')).toBe('install 67 % Unpacking libuv1');
  expect(aptProgress('Setting up libuv1 ...')).toBeUndefined();
});
