import { TWIML_CODES } from '@hookswitch/shared';
import type { ApplicationNoun, ClientNoun, DialNoun, DialVerb, NumberNoun, SipNoun } from '@hookswitch/shared';
import type { DialTarget, MachineDetectionOptions, StatusCallback } from '../ports.ts';
import { isDialable, normaliseNumber } from '../numbers.ts';
import type { VerbContext, VerbEffect } from './verb.ts';
import { warning } from './verb.ts';

/** One party of a Dial, ready to be placed. */
export interface Party {
  readonly callSid: string;
  readonly target: DialTarget;
  readonly from: string;
  readonly to: string;
  readonly statusCallback: StatusCallback | undefined;
  /** Where it goes when it is not reached, in this order. */
  readonly alternatives?: readonly Pick<Party, 'target' | 'to'>[];
  /** Instructions run for it before the merge. */
  readonly whisper?: HttpRequest | undefined;
  /** Who answers is found out. */
  readonly machine?: MachineDetection | undefined;
}

export interface HttpRequest {
  readonly url: string;
  readonly method: 'GET' | 'POST';
}

export interface MachineDetection {
  readonly options: MachineDetectionOptions;
  /** Who is told. */
  readonly callback: HttpRequest | undefined;
}

/** The parties that can be called, and a warning for everything that cannot. */
export function partiesOf(dial: DialVerb, context: VerbContext): { parties: Party[]; warnings: VerbEffect[] } {
  const warnings: VerbEffect[] = [];
  const parties: Party[] = [];
  for (const noun of dial.nouns) {
    const aimed = aimAt(noun, dial.callerId, context);
    if ('kind' in aimed) warnings.push(aimed);
    else parties.push({ callSid: context.legSid(parties.length), ...aimed, ...extrasOf(noun, context) });
  }
  return { parties, warnings };
}

function extrasOf(noun: DialNoun, context: VerbContext): Omit<Party, 'callSid' | 'target' | 'from' | 'to'> {
  const alternatives =
    noun.noun === 'Sip'
      ? noun.alternatives.map((address) => {
          return { target: { kind: 'sip' as const, ...address, headers: noun.headers }, to: address.uri };
        })
      : [];
  return {
    statusCallback: statusCallbackOf(noun, context),
    alternatives,
    whisper: requestOf(noun.url, noun.method, context),
    machine: noun.noun === 'Number' || noun.noun === 'Sip' ? machineOf(noun, context) : undefined,
  };
}

function requestOf(
  reference: string | undefined,
  method: 'GET' | 'POST',
  context: VerbContext,
): HttpRequest | undefined {
  const url = reference === undefined ? undefined : context.resolve(reference);
  return url === undefined ? undefined : { url, method };
}

function machineOf(noun: NumberNoun | SipNoun, context: VerbContext): MachineDetection | undefined {
  if (noun.machineDetection === undefined) return undefined;
  return {
    options: {
      mode: noun.machineDetection === 'Enable' ? 'enable' : 'message-end',
      timeoutMs: noun.machineDetectionTimeout * 1000,
      speechThresholdMs: noun.machineDetectionSpeechThreshold,
      speechEndThresholdMs: noun.machineDetectionSpeechEndThreshold,
      silenceTimeoutMs: noun.machineDetectionSilenceTimeout,
    },
    callback: requestOf(noun.amdStatusCallback, noun.amdStatusCallbackMethod, context),
  };
}

/** What a noun is called by. */
type Aimable =
  | Pick<ApplicationNoun, 'noun' | 'applicationSid' | 'parameters' | 'customerId' | 'copyParentTo'>
  | Pick<ClientNoun, 'noun' | 'identity' | 'parameters'>
  | Pick<NumberNoun, 'noun' | 'number' | 'sendDigits'>
  | Pick<SipNoun, 'noun' | 'uri' | 'username' | 'password' | 'headers'>;

/** Where a noun leads and who is shown to call; a warning when it cannot be called. */
export function aimAt(
  noun: Aimable,
  callerId: string | undefined,
  context: VerbContext,
): Pick<Party, 'target' | 'from' | 'to'> | VerbEffect {
  const from = callerId === undefined || callerId === '' ? context.root.from : normaliseNumber(callerId);
  switch (noun.noun) {
    case 'Client': {
      const identity = noun.identity.replace(/^client:/, '');
      return { target: { kind: 'client', identity, parameters: noun.parameters }, from, to: `client:${identity}` };
    }
    case 'Application': {
      const { applicationSid, customerId, copyParentTo } = noun;
      const own = Object.entries(noun.parameters).map(([name, value]) => [`Param_${name}`, value] as const);
      const params = { ...Object.fromEntries(own), CustomerId: customerId ?? context.accountSid };
      const to = copyParentTo ? context.root.to : applicationSid;
      return { target: { kind: 'application', applicationSid, params }, from, to };
    }
    case 'Sip': {
      const { uri, username, password, headers } = noun;
      return { target: { kind: 'sip', uri, username, password, headers }, from, to: uri };
    }
    case 'Number': {
      const number = normaliseNumber(noun.number);
      if (!isDialable(number)) {
        return warning(
          `<Number>${noun.number.slice(0, 40)}</Number> is not a phone number; write it as +15550100`,
          TWIML_CODES.dialNumber,
        );
      }
      if (from.startsWith('client:') || from.startsWith('sip:')) {
        return warning(
          `<Number> called by ${from} needs a number to show: set callerId="+..." in <Dial>`,
          TWIML_CODES.dialCallerId,
        );
      }
      return { target: { kind: 'number', number, sendDigits: noun.sendDigits }, from, to: number };
    }
  }
}

function statusCallbackOf(noun: DialNoun, context: VerbContext): StatusCallback | undefined {
  if (noun.statusCallback === undefined) return undefined;
  const url = context.resolve(noun.statusCallback);
  return url === undefined ? undefined : { url, method: noun.statusCallbackMethod, events: noun.statusCallbackEvent };
}
