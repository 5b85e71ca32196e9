import { KNOWN_ELEMENTS } from '@hookswitch/shared';
import twilio from 'twilio';

type Attributes = Readonly<Record<string, string>>;
type Response = InstanceType<typeof twilio.twiml.VoiceResponse>;
/** The official library types its attributes; these come from our own schemas. */
type Any = never;

const RECORDED = '/prompt.wav';
const APPLICATION = `AP${'2'.repeat(32)}`;

/** How the official library writes each element, with what it needs around it. */
const WRITERS: Readonly<Record<string, (response: Response, attributes: Attributes) => void>> = {
  Say: (response, attributes) => void response.say(attributes as Any, 'Hello'),
  Play: (response, attributes) => void response.play(attributes as Any, RECORDED),
  Pause: (response, attributes) => void response.pause(attributes),
  Gather: (response, attributes) => void response.gather(attributes).say('Press'),
  Record: (response, attributes) => void response.record(attributes),
  Dial: (response, attributes) => void response.dial(attributes as Any).client('alice'),
  Number: (response, attributes) => {
    response.dial({ callerId: '+15550100' }).number(attributes as Any, '+15550123');
  },
  Client: (response, attributes) => void response.dial().client(attributes as Any, 'alice'),
  Sip: (response, attributes) => void response.dial().sip(attributes as Any, 'sip:desk@pbx.example'),
  Uri: (response, attributes) => {
    (response.dial().sip({}, '') as unknown as { uri(attributes: Attributes, uri: string): void }).uri(
      attributes,
      'sip:desk@pbx.example',
    );
  },
  Conference: (response, attributes) => void response.dial().conference(attributes as Any, 'room'),
  Queue: (response, attributes) => void response.dial().queue(attributes as Any, 'support'),
  Application: (response, attributes) => {
    response
      .dial()
      .application(attributes as Any)
      .applicationSid(APPLICATION);
  },
  Enqueue: (response, attributes) => void response.enqueue(attributes as Any, 'support'),
  Task: (response, attributes) => void response.enqueue({}, 'support').task(attributes as Any, '{}'),
  Leave: (response, attributes) => void response.leave(attributes),
  Redirect: (response, attributes) => void response.redirect(attributes as Any, '/next'),
  Reject: (response, attributes) => void response.reject(attributes),
  Hangup: (response, attributes) => void response.hangup(attributes),
  Refer: (response, attributes) => void response.refer(attributes).sip('sip:desk@pbx.example'),
  Echo: (response, attributes) => void response.echo(attributes),
  Connect: (response, attributes) => void response.connect(attributes).stream({ url: 'wss://app.test/audio' }),
  Start: (response, attributes) => void response.start(attributes).stream({ url: 'wss://app.test/audio' }),
  Stop: (response) => void response.stop().stream({ name: 'a' }),
  Stream: (response, attributes) => {
    response.start().stream({ url: 'wss://app.test/audio', ...attributes });
  },
  Recording: (response, attributes) => {
    (response.start() as unknown as { recording(attributes: Attributes): void }).recording(attributes);
  },
  Transcription: (response, attributes) => void response.start().transcription(attributes),
};

/** A document with this element, by the official library. Undefined for what stands only beside others (pairs). */
export function documentWith(element: string, attributes: Attributes): string | undefined {
  const write = WRITERS[element];
  if (write === undefined) return undefined;
  const response = new twilio.twiml.VoiceResponse();
  write(response, attributes);
  return response.toString();
}

/** Of these an attribute gets the first two that its schema takes, and the first one that it does not. */
const GOOD = [
  'true false',
  'GET POST',
  'both inbound',
  'both_tracks inbound_track',
  'mono dual',
  'do-not-trim trim-silence',
  'record-from-answer record-from-ringing-dual',
  'do-not-record record-from-start',
  'Enable DetectMessageEnd',
  'onEnter false',
  'busy rejected',
  'small off',
  'initiated completed',
  'in-progress completed',
  'start leave',
  'dtmf speech',
  '1 5',
  '20 5',
  '2500 4000',
  '600 1200',
  '# *',
  'us de',
  'audio/x-mulaw audio/x-mulaw',
  '8000 8000',
  'one another',
].map((pair) => pair.split(' ') as [string, string]);
/** Of whatever is asked. */
export const ADDRESSES: readonly [string, string] = ['/there', 'https://app.test/elsewhere'];
const BAD = ['no such value', '-1', 'x'.repeat(20_000)];

export interface CorpusEntry {
  readonly element: string;
  readonly attribute: string;
  readonly value: string;
  readonly good: boolean;
  readonly document: string;
}

/** Words and texts that other attributes of the same name do not take. */
const OWN: Readonly<Record<string, readonly [string, string]>> = {
  'Say.language': ['en-GB', 'en-US'],
  'Say.voice': ['woman', 'man'],
  'Gather.input': ['dtmf', 'dtmf speech'],
  'Gather.language': ['en-US', 'en-GB'],
  'Gather.hints': ['yes, no', 'one'],
  'Play.digits': ['1234', 'ww9'],
  'Number.sendDigits': ['1234', 'ww9'],
  'Dial.callerId': ['+15550100', '+15550188'],
  'Conference.coach': [`CA${'5'.repeat(32)}`, `CA${'6'.repeat(32)}`],
  'Conference.participantLabel': ['agent', 'caller'],
  'Transcription.languageCode': ['en-US', 'en-GB'],
  'Stream.url': ['wss://app.test/one', '/two'],
};

/** Every attribute of every known element: two values that are taken (of some there is one), and one that is not, if any is not. */
export function corpus(): CorpusEntry[] {
  return KNOWN_ELEMENTS.flatMap(({ name: element, attributes }) =>
    Object.entries(attributes.shape).flatMap(([attribute, schema]) => {
      const takes = (value: string): boolean =>
        (schema as { safeParse(given: string): { success: boolean } }).safeParse(value).success;
      const pair =
        OWN[`${element}.${attribute}`] ??
        (/(?:url|callback|action)$/i.test(attribute) ? ADDRESSES : GOOD.find((each) => each.every(takes))) ??
        [];
      const bad = BAD.find((value) => !takes(value));
      const values = [...new Set(pair)].map((value) => ({ value, good: true }));
      if (bad !== undefined) values.push({ value: bad, good: false });
      return values.flatMap(({ value, good }) => {
        const document = documentWith(element, { [attribute]: value });
        return document === undefined ? [] : [{ element, attribute, value, good, document }];
      });
    }),
  );
}
