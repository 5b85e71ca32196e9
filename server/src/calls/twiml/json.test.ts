import { describe, expect, it } from 'vitest';
import twilio from 'twilio';
import { instructionsSchema } from '@hookswitch/shared';
import type { TwimlElement } from '@hookswitch/shared';
import { programFromJson, programFromResponse, programFromText, programFromTwiml } from './document.ts';
import { parseXml } from './xml.ts';

/** The JSON document that says what a TwiML one says. */
function jsonOf({ name, attributes, children }: TwimlElement, key: 'verb' | 'noun'): unknown {
  const isSpeech = name.startsWith(name.charAt(0).toLowerCase());
  return {
    [key]: isSpeech ? name : name.charAt(0).toLowerCase() + name.slice(1),
    ...attributes,
    children: children.map((child) => (typeof child === 'string' ? child : jsonOf(child, 'noun'))),
  };
}

function both(xml: string): { xml: unknown; json: unknown } {
  const parsed = parseXml(xml);
  if (!parsed.ok) throw new Error(parsed.message);
  const instructions = parsed.root.children.map((child) => (typeof child === 'string' ? child : jsonOf(child, 'verb')));
  const plain = (result: ReturnType<typeof programFromJson>): unknown =>
    JSON.parse(JSON.stringify(result).replace(/ in (?:line|instruction) \d+/g, ' in some place'));
  const url = 'http://app.test/';
  return { xml: plain(programFromTwiml(xml, url)), json: plain(programFromJson(JSON.stringify(instructions), url)) };
}

describe('CR-7 JSON instructions', () => {
  it('are the equal of TwiML: the same verbs, defaults and warnings', () => {
    const response = new twilio.twiml.VoiceResponse();
    const gather = response.gather({ action: '/g', input: ['dtmf', 'speech'], numDigits: 4, hints: 'a, b' });
    gather.say({ voice: 'Polly.Amy', loop: 2 }, 'Press & hold <4>');
    gather.play('/a.wav');
    gather.pause({ length: 2 });
    const say = response.say('Hello');
    say.break({ time: '1s' });
    say.emphasis({ level: 'strong' }, 'now');
    const dial = response.dial({ action: '/d', timeout: 20, record: 'record-from-answer' });
    const client = dial.client({ statusCallback: '/s', statusCallbackEvent: ['ringing', 'answered'] });
    client.identity('alice');
    client.parameter({ name: 'order', value: '17' });
    dial.number({ sendDigits: '12' }, '+15550123');
    dial.sip({ username: 'u' }, 'sip:bob@example.com?X-A=1');
    response.dial().conference({ muted: true, startConferenceOnEnter: false }, 'Room');
    response.enqueue({ waitUrl: '/wait' }, 'support');
    response.record({ maxLength: 30, playBeep: false });
    response.redirect({ method: 'GET' }, '/next');
    const { xml, json } = both(response.toString());
    expect(json).toEqual(xml);
    expect(JSON.stringify(xml)).toContain('"ok":true');
  });

  it.each([
    '<Response><Frobnicate/><Say frob="1" loop="-5">x</Say>loose</Response>',
    '<Response><Dial timeout="soon"><Fax>1</Fax>+15550100</Dial><Pause length="99999"/></Response>',
    '<Response/>',
  ])('warn as TwiML does: %s', (document) => {
    const { xml, json } = both(document);
    expect(json).toEqual(xml);
  });

  it('numbers, booleans and lists stand for their words; null for nothing', () => {
    const document = [
      { verb: 'say', text: 'Hello', loop: 2, voice: null },
      { verb: 'dial', hangupOnStar: true, children: [{ noun: 'client', text: 'a', statusCallbackEvent: ['ringing'] }] },
    ];
    expect(instructionsSchema.safeParse([document[1]]).success).toBe(true);
    const result = programFromJson(JSON.stringify({ instructions: document }), undefined);
    expect(result).toMatchObject({
      ok: true,
      problems: [],
      program: {
        verbs: [
          { verb: 'Say', text: 'Hello', loop: 2 },
          { verb: 'Dial', hangupOnStar: true, nouns: [{ identity: 'a', statusCallbackEvent: ['ringing'] }] },
        ],
      },
    });
  });

  it('a warning names the instruction', () => {
    const result = programFromJson('[{"verb":"pause"},{"verb":"frobnicate"}]', undefined);
    expect(result).toMatchObject({
      ok: true,
      problems: [{ code: 12_200, message: expect.stringContaining('instruction 2') as string }],
    });
  });

  const deep = (levels: number): string => `${'[{"verb":"say","children":'.repeat(levels)}[]${'}]'.repeat(levels)}`;
  it.each([
    ['not JSON', '[{"verb":', 12_100],
    ['no list', '{"verb":"say"}', 12_100],
    ['a number', '7', 12_100],
    ['no verb', '[{"text":"x"}]', 12_100],
    ['a verb that is no name', '[{"verb":"<Say>"}]', 12_100],
    ['an object for an attribute', '[{"verb":"say","voice":{}}]', 12_100],
    ['text that is none', '[{"verb":"say","text":7}]', 12_100],
    ['too deep', deep(17), 12_100],
    ['very deep', deep(2000), 12_100],
    ['brackets without end', '['.repeat(60_000), 12_100],
    ['too many', JSON.stringify(Array.from({ length: 1000 }, () => ({ verb: 'echo' }))), 12_100],
    [
      'too many attributes',
      JSON.stringify([{ verb: 'say', ...Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`a${n}`, 1])) }]),
      12_100,
    ],
    ['too long', JSON.stringify([{ verb: 'say', text: 'x'.repeat(65_536) }]), 11_750],
  ])('refused: %s', (_name, document, code) => {
    expect(programFromJson(document, undefined)).toMatchObject({ ok: false, code });
  });

  it('keys of objects are names, whatever they are', () => {
    const result = programFromJson('[{"verb":"say","text":"x","__proto__":"y","constructor":"z"}]', undefined);
    expect(result).toMatchObject({ ok: true, program: { verbs: [{ verb: 'Say', text: 'x' }] } });
    expect(result.ok && result.problems.length).toBeGreaterThan(0);
  });

  it('CR-1 by Content-Type, and by the first character when there is none to go by', () => {
    const answer = { url: 'http://app.test/', status: 200, body: '[{"verb":"hangup"}]' };
    for (const contentType of ['application/json', 'application/json; charset=utf-8', 'application/vnd.x+json']) {
      expect(programFromResponse({ ...answer, contentType })).toMatchObject({
        program: { verbs: [{ verb: 'Hangup' }] },
      });
    }
    expect(programFromResponse({ ...answer, contentType: 'application/pdf' })).toMatchObject({ code: 12_300 });
    expect(programFromText(' [{"verb":"echo"}]', undefined)).toMatchObject({ program: { verbs: [{ verb: 'Echo' }] } });
    expect(programFromText('<Response><Hangup/></Response>', undefined)).toMatchObject({ ok: true });
  });
});
