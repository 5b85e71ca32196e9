import { describe, expect, it } from 'vitest';
import type { EndCause } from '@hookswitch/shared';
import { causeOfFailure, statusOfEnd } from './sip-status.ts';

describe('SIP statuses and causes', () => {
  it.each<[number, EndCause]>([
    [486, 'busy'],
    [600, 'busy'],
    [403, 'rejected'],
    [603, 'rejected'],
    [607, 'rejected'],
    [408, 'no-answer'],
    [480, 'no-answer'],
    [404, 'unreachable'],
    [410, 'unreachable'],
    [484, 'unreachable'],
    [487, 'canceled'],
    [488, 'unreachable'],
    [500, 'unreachable'],
    [503, 'unreachable'],
    [699, 'unreachable'],
  ])('BR-6 %d from the far end means %s', (status, cause) => {
    expect(causeOfFailure({ status, received: true }, true)).toBe(cause);
  });

  it('BR-6 a time-out is no-answer after ringing, and unreachable when nothing came at all', () => {
    expect(causeOfFailure({ status: 408, received: false }, true)).toBe('no-answer');
    expect(causeOfFailure({ status: 408, received: false }, false)).toBe('unreachable');
  });

  it.each<[EndCause, number | undefined, number]>([
    ['busy', undefined, 486],
    ['rejected', undefined, 603],
    ['no-answer', undefined, 480],
    ['not-registered', undefined, 480],
    ['unreachable', undefined, 480],
    ['application-error', undefined, 503],
    ['media-worker-died', undefined, 503],
    ['rejected', 404, 404],
    ['rejected', 200, 603],
    ['busy', Number.NaN, 486],
  ])('turning a call away for %s (asked: %s) answers %d', (cause, sipStatus, expected) => {
    expect(statusOfEnd({ cause, message: '', ...(sipStatus === undefined ? {} : { sipStatus }) })).toBe(expected);
  });
});
