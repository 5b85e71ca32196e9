import { TWIML_CODES } from '@hookswitch/shared';
import type { DialNoun, DialVerb } from '@hookswitch/shared';
import type { DialTarget, StatusCallback } from '../ports.ts';
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
}

/** Attributes that are read and have no effect in this version. */
const DIAL_LATER = [
  'record',
  'recordingTrack',
  'trim',
  'recordingStatusCallback',
  'referUrl',
  'ringTone',
  'events',
] as const;
const NOUN_LATER = ['url', 'machineDetection', 'amdStatusCallback'] as const;

/** The parties that can be called, and a warning for everything that cannot or is not done yet. */
export function partiesOf(dial: DialVerb, context: VerbContext): { parties: Party[]; warnings: VerbEffect[] } {
  const warnings: VerbEffect[] = [];
  const later = [
    ...DIAL_LATER.filter((name) => dial[name] !== undefined).map((name) => `${name} of <Dial>`),
    ...dial.nouns.flatMap((noun) =>
      NOUN_LATER.filter((name) => noun[name] !== undefined).map((name) => `${name} of <${noun.noun}>`),
    ),
  ];
  for (const what of new Set(later)) warnings.push(warning(`attribute ${what} is not supported yet and has no effect`));
  const parties: Party[] = [];
  for (const noun of dial.nouns) {
    const aimed = aim(noun, dial.callerId, context);
    if ('kind' in aimed) warnings.push(aimed);
    else {
      const statusCallback = statusCallbackOf(noun, context);
      parties.push({ callSid: context.legSid(parties.length), statusCallback, ...aimed });
    }
  }
  return { parties, warnings };
}

function aim(
  noun: DialNoun,
  callerId: string | undefined,
  context: VerbContext,
): Pick<Party, 'target' | 'from' | 'to'> | VerbEffect {
  const from = callerId === undefined || callerId === '' ? context.root.from : normaliseNumber(callerId);
  switch (noun.noun) {
    case 'Client': {
      const identity = noun.identity.replace(/^client:/, '');
      return { target: { kind: 'client', identity, parameters: noun.parameters }, from, to: `client:${identity}` };
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
