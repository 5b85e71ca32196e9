import { z } from 'zod';
import { methodParameter, urlParameter } from './parameters.ts';

const flag = z.stringbool().optional();
const list = z
  .union([z.string(), z.array(z.string())])
  .transform((given) => [given].flat().join(' '))
  .optional();

/** Parameters of a participant that is called, beside those of the call. */
export const participantOptions = {
  Label: z.string().max(128).optional(),
  Muted: flag,
  Beep: z.enum(['true', 'false', 'onEnter', 'onExit']).optional(),
  StartConferenceOnEnter: flag,
  EndConferenceOnExit: flag,
  WaitUrl: urlParameter,
  WaitMethod: methodParameter,
  MaxParticipants: z.coerce.number().int().min(2).max(250).optional(),
  Coaching: flag,
  CallSidToCoach: z.string().optional(),
  ConferenceStatusCallback: urlParameter,
  ConferenceStatusCallbackMethod: methodParameter,
  ConferenceStatusCallbackEvent: list,
};
type Options = z.infer<z.ZodObject<typeof participantOptions>>;

/** What a called participant's call does: it enters the conference. */
export function conferenceDocument(name: string, given: Options): string {
  const attributes: Record<string, string | number | boolean | undefined> = {
    participantLabel: given.Label,
    muted: given.Muted,
    beep: given.Beep,
    startConferenceOnEnter: given.StartConferenceOnEnter,
    endConferenceOnExit: given.EndConferenceOnExit,
    waitUrl: given.WaitUrl,
    waitMethod: given.WaitMethod,
    maxParticipants: given.MaxParticipants,
    coach: given.Coaching === true ? given.CallSidToCoach : undefined,
    statusCallback: given.ConferenceStatusCallback,
    statusCallbackMethod: given.ConferenceStatusCallbackMethod,
    statusCallbackEvent: given.ConferenceStatusCallbackEvent,
  };
  const text = Object.entries(attributes)
    .flatMap(([key, value]) => (value === undefined ? [] : [` ${key}="${escaped(String(value))}"`]))
    .join('');
  return `<Response><Dial><Conference${text}>${escaped(name)}</Conference></Dial></Response>`;
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escaped = (text: string): string => text.replace(/[&<>"]/g, (char) => ENTITIES[char] ?? char);
