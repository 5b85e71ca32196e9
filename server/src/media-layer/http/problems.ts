import type { PromptErrorReason } from '../prompt-error.ts';

/** How HTTP says it; what the origin or its content is to blame for is 502. */
const STATUS: Partial<Record<PromptErrorReason, number>> = {
  'bad-url': 400,
  'blocked-address': 403,
  'bad-text': 400,
  language: 400,
  'not-found': 404,
  busy: 503,
  'not-cached': 504,
};

export function statusOf(reason: PromptErrorReason): number {
  return STATUS[reason] ?? 502;
}

/** RFC 9457, with the code that a call's notifications show. */
export interface Problem {
  readonly status: number;
  readonly title: string;
  readonly reason?: string;
  readonly code?: number;
}
