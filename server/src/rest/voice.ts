import { z } from 'zod';
import type { NumberVoice } from '../tenants/index.ts';
import { instructionUrlParameter, methodParameter, urlParameter } from './parameters.ts';

/** Parameters of what answers calls: an application, or a number without one. */
export const voiceParameters = {
  VoiceUrl: instructionUrlParameter,
  VoiceMethod: methodParameter,
  VoiceFallbackUrl: instructionUrlParameter,
  VoiceFallbackMethod: methodParameter,
  StatusCallback: urlParameter,
  StatusCallbackMethod: methodParameter,
};
type VoiceParameters = z.infer<z.ZodObject<typeof voiceParameters>>;

/** What was given, in the store's words; members left out are left out. */
export function voiceOf(given: VoiceParameters): Partial<NumberVoice> {
  const found: { [K in keyof NumberVoice]: NumberVoice[K] | undefined } = {
    voiceUrl: given.VoiceUrl,
    voiceMethod: given.VoiceMethod,
    voiceFallbackUrl: orNull(given.VoiceFallbackUrl),
    voiceFallbackMethod: given.VoiceFallbackMethod,
    statusCallback: orNull(given.StatusCallback),
    statusCallbackMethod: given.StatusCallbackMethod,
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

const orNull = (url: string | undefined): string | null | undefined => (url === '' ? null : url);

const method = z.enum(['GET', 'POST']);
/** Members of a resource that answers calls. */
export const voiceSchema = {
  voice_url: z.string().nullable(),
  voice_method: method,
  voice_fallback_url: z.string().nullable(),
  voice_fallback_method: method,
  status_callback: z.string().nullable(),
  status_callback_method: method,
  voice_caller_id_lookup: z.literal(false),
};

const NONE: NumberVoice = {
  voiceUrl: '',
  voiceMethod: 'POST',
  voiceFallbackUrl: null,
  voiceFallbackMethod: 'POST',
  statusCallback: null,
  statusCallbackMethod: 'POST',
};

/** With what was given over what there was. */
export function mergeVoice(before: NumberVoice | null, given: Partial<NumberVoice>): NumberVoice | null {
  return Object.keys(given).length === 0 ? before : { ...NONE, ...before, ...given };
}

export function voiceView(voice: NumberVoice | null): z.input<z.ZodObject<typeof voiceSchema>> {
  const shown = voice ?? NONE;
  return {
    voice_url: shown.voiceUrl === '' ? null : shown.voiceUrl,
    voice_method: shown.voiceMethod,
    voice_fallback_url: shown.voiceFallbackUrl,
    voice_fallback_method: shown.voiceFallbackMethod,
    status_callback: shown.statusCallback,
    status_callback_method: shown.statusCallbackMethod,
    voice_caller_id_lookup: false,
  };
}

/** Messages are not handled: these members are always as here, and what is given for them is ignored. */
export const smsSchema = {
  sms_url: z.null(),
  sms_method: z.literal('POST'),
  sms_fallback_url: z.null(),
  sms_fallback_method: z.literal('POST'),
};
export const SMS_VIEW = {
  sms_url: null,
  sms_method: 'POST',
  sms_fallback_url: null,
  sms_fallback_method: 'POST',
} as const;
