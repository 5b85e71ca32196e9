import { DomainError } from '../kernel/index.ts';

/** Why there is no audio; the numbers are those of Twilio's error catalogue where it has one. */
const CODES = {
  'http-status': 11200,
  connection: 11205,
  'bad-url': 11210,
  'blocked-address': 11210,
  redirects: 11215,
  'too-large': 11751,
  'not-audio': 12300,
  'bad-text': 13520,
  language: 13512,
  engine: 12400,
  busy: 12400,
  'not-cached': 12400,
  'not-found': 11200,
} as const;

export type PromptErrorReason = keyof typeof CODES;

export function isPromptErrorReason(text: string): text is PromptErrorReason {
  return Object.hasOwn(CODES, text);
}

/** A prompt that could not be made. The message is for people: what happened, and what to mend. */
export class PromptError extends DomainError<PromptErrorReason> {
  get code(): number {
    return CODES[this.reason];
  }
}
