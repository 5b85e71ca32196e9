/** What an application answers to the call router: a document of verbs, carried out from top to bottom. */

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

const escapeXml = (text: string): string => text.replace(/[&<>"]/g, (char) => ESCAPES[char] ?? char);

const element = (name: string, attributes: Readonly<Record<string, string>>, content = ''): string => {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeXml(value)}"`);
  return content === '' ? `<${name}${written.join('')}/>` : `<${name}${written.join('')}>${content}</${name}>`;
};

const respond = (...verbs: string[]): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<Response>${verbs.join('')}</Response>\n`;

const say = (text: string): string => element('Say', {}, escapeXml(text));

const dial = (target: string, more: Readonly<Record<string, string>> = {}): string =>
  element('Dial', { timeout: '30', action: '/dial-done', ...more }, target);

/** How an incoming call is answered; each may be set in the query of the number's voice URL. */
export interface IncomingOptions {
  /** The identity to ring. */
  readonly client: string;
  /** What the caller hears first; empty for nothing, and then the call is answered only when the client answers. */
  readonly greeting: string;
  /** Seconds until the client counts as not answering. */
  readonly timeout: string;
}

/** A call from the telephone network rings a browser. */
export function incomingCall({ client, greeting, timeout }: IncomingOptions): string {
  const ring = dial(element('Client', {}, escapeXml(client)), { timeout, answerOnBridge: 'true' });
  return greeting === '' ? respond(ring) : respond(say(greeting), ring);
}

const NOT_CONNECTED: Readonly<Record<string, string>> = {
  busy: 'The person you called is busy.',
  'no-answer': 'The person you called does not answer.',
  failed: 'The person you called cannot be reached.',
  canceled: 'The call was cancelled.',
};

/** After a Dial: hang up when there was a conversation, else say first why there was none. */
export function afterDial(dialCallStatus: string): string {
  if (dialCallStatus === 'completed' || dialCallStatus === 'answered') return respond(element('Hangup', {}));
  const reason = NOT_CONNECTED[dialCallStatus] ?? 'The call could not be connected.';
  return respond(say(`${reason} Goodbye.`), element('Hangup', {}));
}

const NUMBER = /^\+?[0-9]{3,15}$/;
const IDENTITY = /^[^/\s]+(?:\/[^/\s]+)*$/;

/**
 * A call that a browser makes.
 *
 * @param to what the user dialled: a number, a SIP URI, `client:bob` or just `bob`
 * @param callerId the number that the telephone network is shown
 */
export function outgoingCall(to: string, callerId: string): string {
  const dialled = to.trim();
  const number = dialled.replace(/[\s().-]/g, '');
  if (NUMBER.test(number)) return respond(dial(element('Number', {}, number), { callerId, answerOnBridge: 'true' }));
  if (/^sips?:[^\s]+$/.test(dialled)) {
    return respond(dial(element('Sip', {}, escapeXml(dialled)), { callerId, answerOnBridge: 'true' }));
  }
  const identity = dialled.replace(/^client:/, '');
  if (IDENTITY.test(identity)) {
    return respond(dial(element('Client', {}, escapeXml(identity)), { answerOnBridge: 'true' }));
  }
  return respond(say('That is no number, address or name I can call. Goodbye.'), element('Hangup', {}));
}
