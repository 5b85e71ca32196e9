import { z } from 'zod';
import { isSid } from '@hookswitch/shared';
import type { StatusEvent } from '@hookswitch/shared';
import { normaliseNumber } from '../calls/index.ts';
import type { CallOrder } from '../calls/index.ts';
import { machineDetection, machineDetectionParameters } from './machine-detection.ts';
import { queueParameters } from './call-queueing.ts';
import { RestError } from './errors.ts';
import { applicationParameter, instructionUrlParameter, methodParameter, urlParameter } from './parameters.ts';
import type { RestServices } from './services.ts';

/** Characters of TwiML in a request. */
export const MAX_TWIML = 4000;
const DEFAULT_TIMEOUT_S = 60;
const MAX_TIMEOUT_S = 600;
/** A day. */
const MAX_TIME_LIMIT_S = 86_400;

const eventName = z.enum(['initiated', 'ringing', 'answered', 'completed']);
export const twimlParameter = z.string().max(MAX_TWIML).optional().describe(`At most ${MAX_TWIML} characters`);
export const timeLimitParameter = z.coerce.number().int().min(1).max(MAX_TIME_LIMIT_S).optional().describe('Seconds');

/** Parameters of a call to place. */
export const callParameters = {
  To: z.string().max(512).optional().describe('E.164 number, client:identity or SIP URI'),
  From: z.string().max(512).optional().describe('E.164 number of the account, client:identity or SIP URI'),
  CallerId: z.string().max(512).optional().describe('Shown in the place of From'),
  Url: instructionUrlParameter,
  Method: methodParameter,
  Twiml: twimlParameter,
  ApplicationSid: applicationParameter,
  FallbackUrl: urlParameter,
  FallbackMethod: methodParameter,
  StatusCallback: urlParameter,
  StatusCallbackMethod: methodParameter,
  StatusCallbackEvent: z
    .union([z.string(), z.array(z.string())])
    .transform((given) => [given].flat().flatMap((text) => text.trim().split(/[\s,]+/)))
    .pipe(z.array(eventName))
    .optional()
    .describe('Of initiated, ringing, answered, completed; default completed'),
  SendDigits: z
    .string()
    .regex(/^[0-9A-Da-d#*wW]{1,32}$/, 'expected up to 32 of 0-9 A-D # * w W')
    .optional(),
  Timeout: z.coerce.number().int().min(1).max(MAX_TIMEOUT_S).optional().describe(`Default ${DEFAULT_TIMEOUT_S} s`),
  TimeLimit: timeLimitParameter,
  SipAuthUsername: z.string().max(256).optional(),
  SipAuthPassword: z.string().max(256).optional(),
  Record: z.stringbool().optional(),
  RecordingChannels: z.enum(['mono', 'dual']).optional(),
  RecordingTrack: z.enum(['both', 'inbound', 'outbound']).optional(),
  Trim: z.enum(['trim-silence', 'do-not-trim']).optional(),
  RecordingStatusCallback: urlParameter,
  RecordingStatusCallbackMethod: methodParameter,
  RecordingStatusCallbackEvent: z
    .union([z.string(), z.array(z.string())])
    .transform((given) => [given].flat().flatMap((text) => text.trim().split(/[\s,]+/)))
    .pipe(z.array(z.enum(['in-progress', 'completed', 'absent'])))
    .optional(),
  ...machineDetectionParameters,
  ...queueParameters,
};
export type CallParameters = z.infer<z.ZodObject<typeof callParameters>>;

/** What is asked for, checked against the account. @throws RestError */
export async function orderOf(
  services: Pick<RestServices, 'directory' | 'records'>,
  accountSid: string,
  given: CallParameters,
): Promise<CallOrder> {
  const { target, to } = calledParty(given);
  const from = await caller(services, accountSid, given, target.kind);
  const { Timeout = DEFAULT_TIMEOUT_S, TimeLimit } = given;
  return {
    from,
    to,
    target,
    ...instructions(services, accountSid, given),
    timeoutMs: Timeout * 1000,
    ...(TimeLimit === undefined ? {} : { timeLimitMs: TimeLimit * 1000 }),
    ...recording(given),
    ...machineDetection(given),
  };
}

function calledParty(given: CallParameters): { target: CallOrder['target']; to: string } {
  const text = given.To?.trim() ?? '';
  if (text === '') throw new RestError('noTo');
  if (text.startsWith('client:')) {
    const [identity = '', query = ''] = text.slice('client:'.length).split('?', 2);
    if (!/^[^\s/][^\s]{0,255}$/.test(identity)) throw new RestError('invalidTo', 'To: expected client:identity');
    const parameters = Object.fromEntries(new URLSearchParams(query));
    return { target: { kind: 'client', identity, parameters }, to: `client:${identity}` };
  }
  if (/^sips?:/i.test(text)) return sipParty(text, given);
  const number = normaliseNumber(text);
  if (!/^\+?[0-9]{2,15}$/.test(number)) {
    throw new RestError('invalidTo', `To: '${text.slice(0, 40)}' is no phone number, client or SIP address`);
  }
  return { target: { kind: 'number', number, sendDigits: given.SendDigits }, to: number };
}

function sipParty(text: string, given: CallParameters): { target: CallOrder['target']; to: string } {
  const [uri = '', query = ''] = text.split('?', 2);
  if (!/^sips?:[^\s@]+@[^\s@]+$|^sips?:[^\s@]+$/i.test(uri)) throw new RestError('invalidTo', 'To: expected a SIP URI');
  // Headers of the application's own, as everywhere in this API.
  const headers = [...new URLSearchParams(query)].filter(([name]) => /^x-[\w-]{1,64}$/i.test(name));
  const { SipAuthUsername: username, SipAuthPassword: password } = given;
  return { target: { kind: 'sip', uri, username, password, headers }, to: uri };
}

async function caller(
  { directory, records }: Pick<RestServices, 'directory' | 'records'>,
  accountSid: string,
  given: CallParameters,
  towards: CallOrder['target']['kind'],
): Promise<string> {
  const text = (given.CallerId ?? given.From)?.trim() ?? '';
  if (given.From === undefined || text === '') throw new RestError('noFrom');
  const named = /^(client|sips?):./i.test(text);
  if (named && towards === 'number') throw new RestError('invalidFrom', 'From: a number is called by a number');
  if (named) return text;
  const number = normaliseNumber(text);
  const isNumber = /^\+[0-9]{3,15}$/.test(number);
  if (towards !== 'number') {
    if (isNumber || /^[\w.+-]{1,64}$/.test(text)) return isNumber ? number : text;
    throw new RestError('invalidFrom', `From: '${text.slice(0, 40)}' is no phone number, client or SIP address`);
  }
  if (!isNumber) throw new RestError('invalidFrom', `From: '${text.slice(0, 40)}' is no E.164 number`);
  const own = directory.numberByE164(number)?.accountSid === accountSid;
  if (!own && (await records.callerIds.byNumber(accountSid, number)) === undefined) {
    throw new RestError(
      'callerNotAllowed',
      `From: ${number} is neither a number nor an outgoing caller id of the account`,
    );
  }
  return number;
}

function instructions(
  { directory }: Pick<RestServices, 'directory'>,
  accountSid: string,
  given: CallParameters,
): Pick<CallOrder, 'application' | 'document'> {
  const { ApplicationSid = '', Url = '', Twiml } = given;
  if (ApplicationSid !== '') return byApplication({ directory }, accountSid, ApplicationSid);
  if (Url === '' && Twiml === undefined) throw new RestError('invalidUrl', 'Url, Twiml or ApplicationSid is required');
  const { Method = 'POST', FallbackUrl = '', FallbackMethod = 'POST' } = given;
  const fallback = FallbackUrl === '' ? {} : { fallback: { url: FallbackUrl, method: FallbackMethod } };
  return {
    application: { voice: { url: Url, method: Method }, ...fallback, ...callback(given) },
    ...(Url === '' && Twiml !== undefined ? { document: Twiml } : {}),
  };
}

function byApplication(
  { directory }: Pick<RestServices, 'directory'>,
  accountSid: string,
  applicationSid: string,
): Pick<CallOrder, 'application'> {
  const found = isSid('application', applicationSid) ? directory.application(applicationSid) : undefined;
  if (found?.accountSid !== accountSid) throw new RestError('invalidApplication', 'ApplicationSid: not there');
  const { voiceUrl, voiceMethod, voiceFallbackUrl, voiceFallbackMethod, statusCallback, statusCallbackMethod } = found;
  const completed: StatusEvent[] = ['completed'];
  return {
    application: {
      applicationSid,
      voice: { url: voiceUrl, method: voiceMethod },
      ...(voiceFallbackUrl === undefined ? {} : { fallback: { url: voiceFallbackUrl, method: voiceFallbackMethod } }),
      ...(statusCallback === undefined
        ? {}
        : { statusCallback: { url: statusCallback, method: statusCallbackMethod, events: completed } }),
    },
  };
}

function recording(given: CallParameters): Pick<CallOrder, 'record'> {
  if (given.Record !== true) return {};
  const { RecordingStatusCallback: url = '', RecordingStatusCallbackMethod: method = 'POST', Trim } = given;
  const { RecordingStatusCallbackEvent: events = ['completed'], RecordingChannels, RecordingTrack } = given;
  return {
    record: {
      channels: RecordingChannels ?? 'mono',
      track: RecordingTrack ?? 'both',
      trim: Trim !== 'do-not-trim',
      ...(url === '' ? {} : { callback: { url, method, events } }),
    },
  };
}

function callback(given: CallParameters): Pick<CallOrder['application'], 'statusCallback'> {
  const { StatusCallback: url = '', StatusCallbackMethod: method = 'POST', StatusCallbackEvent: events } = given;
  if (url === '') return {};
  return {
    statusCallback: { url, method, events: events === undefined || events.length === 0 ? ['completed'] : events },
  };
}
