import { z } from 'zod';

// Building blocks: every attribute arrives as text and leaves as the type a verb works with.

/** A whole number between two bounds. */
export function whole(min: number, max: number): z.ZodPipe<z.ZodType<number, string>, z.ZodNumber> {
  return z
    .string()
    .trim()
    .regex(/^\d{1,9}$/, `expected a whole number from ${min} to ${max}`)
    .transform(Number)
    .pipe(z.number().min(min, `expected at least ${min}`).max(max, `expected at most ${max}`));
}

/** Whole seconds up to `max`, or `auto`. */
export function secondsOrAuto(max: number): z.ZodType<number | 'auto', string> {
  const why = `expected whole seconds up to ${max}, or auto`;
  return z
    .string()
    .trim()
    .regex(/^(?:\d{1,6}|auto)$/, why)
    .transform((text): number | 'auto' => (text === 'auto' ? text : Number(text)))
    .refine((value) => value === 'auto' || value <= max, why);
}

/** `true` or `false`, in any case. */
export const flag = z
  .string()
  .trim()
  .toLowerCase()
  .pipe(z.enum(['true', 'false'], 'expected true or false'))
  .transform((text) => text === 'true');

/** HTTP method of a request to the application server. */
export const httpMethod = z
  .string()
  .trim()
  .toUpperCase()
  .pipe(z.enum(['GET', 'POST'], 'expected GET or POST'));

/** Absolute or relative to the document's address. At most 4,000 characters. */
export const urlReference = z.string().trim().max(4000, 'expected at most 4000 characters');

/** Tones to send: 0-9 A-D # *, `w` waits half a second, `W` a second. At most 32. */
export const dtmf = z
  .string()
  .trim()
  .regex(/^[0-9A-Da-d#*wW]{1,32}$/, 'expected 1 to 32 of 0-9 A-D # * w W');

/** A white-space separated list of words from a closed set. */
export function wordList<const T extends readonly [string, ...string[]]>(
  words: T,
): z.ZodPipe<z.ZodType<string[], string>, z.ZodArray<z.ZodEnum<{ [K in T[number]]: K }>>> {
  return z
    .string()
    .transform((text) => text.trim().split(/\s+/))
    .pipe(z.array(z.enum(words, `expected words from: ${words.join(' ')}`)));
}

/** Steps of a call that a status callback can report. */
export const STATUS_EVENTS = ['initiated', 'ringing', 'answered', 'completed'] as const;
export type StatusEvent = (typeof STATUS_EVENTS)[number];

/** Attributes that every dialled noun has. */
export const nounAttributes = {
  url: urlReference.optional().describe('instructions run for the callee before the merge'),
  method: httpMethod.default('POST'),
  statusCallback: urlReference.optional(),
  statusCallbackMethod: httpMethod.default('POST'),
  statusCallbackEvent: wordList(STATUS_EVENTS).default(['completed']),
};

/** Attributes of nouns that a machine may answer. */
export const machineDetectionAttributes = {
  machineDetection: z
    .enum(['Enable', 'DetectMessageEnd'], 'expected Enable or DetectMessageEnd')
    .optional()
    .describe('finds out who answered while the parties talk already'),
  machineDetectionTimeout: whole(3, 59).default(30).describe('seconds'),
  machineDetectionSpeechThreshold: whole(1000, 6000).default(2400).describe('ms; longer speech is a machine'),
  machineDetectionSpeechEndThreshold: whole(500, 5000).default(1200).describe('ms of silence that end speech'),
  machineDetectionSilenceTimeout: whole(2000, 10_000).default(5000).describe('ms of silence from the answer on'),
  amdStatusCallback: urlReference.optional().describe('told who answered'),
  amdStatusCallbackMethod: httpMethod.default('POST'),
};
