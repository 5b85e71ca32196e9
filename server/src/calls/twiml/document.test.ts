import { describe, expect, it } from 'vitest';
import twilio from 'twilio';
import type { TwimlVerb } from '@hookswitch/shared';
import { programFromResponse, programFromTwiml } from './document.ts';
import { parseXml } from './xml.ts';

const { VoiceResponse } = twilio.twiml;

function read(document: string): { verbs: readonly TwimlVerb[]; problems: string[] } {
  const result = programFromTwiml(document, 'http://app.test/');
  if (!result.ok) throw new Error(result.message);
  return { verbs: result.program.verbs, problems: result.problems.map(({ message }) => message) };
}

describe('TwiML', () => {
  it('CR-1 written by the official library is read without a problem', () => {
    const response = new VoiceResponse();
    response.say({ voice: 'Polly.Amy', language: 'en-GB', loop: 2 }, 'Grüße & <welcome>');
    response.play({ loop: 0 }, 'https://app.example.com/a.wav?x=1&y=2');
    response.play({ digits: 'wW12#' });
    response.pause({ length: 3 });
    const dial = response.dial({
      action: '/done',
      method: 'GET',
      timeout: 20,
      timeLimit: 600,
      callerId: '+15550100',
      hangupOnStar: true,
      answerOnBridge: true,
      sequential: true,
    });
    const events = ['initiated', 'ringing', 'answered', 'completed'] as const;
    dial.number({ sendDigits: '12', statusCallback: '/status', statusCallbackEvent: [...events] }, '+15550123');
    const client = dial.client({ statusCallbackMethod: 'GET' });
    client.identity('support/alice');
    client.parameter({ name: 'order', value: '17' });
    dial.sip({ username: 'u', password: 'p' }, 'sip:bob@example.com?X-A=1');
    response.redirect({ method: 'GET' }, '/next');
    response.reject({ reason: 'busy' });
    response.hangup();
    const { verbs, problems } = read(response.toString());
    expect(problems).toEqual([]);
    expect(verbs).toMatchObject([
      { verb: 'Say', text: 'Grüße & <welcome>', voice: 'Polly.Amy', language: 'en-GB', loop: 2 },
      { verb: 'Play', url: 'https://app.example.com/a.wav?x=1&y=2', loop: 0 },
      { verb: 'Play', url: '', digits: 'wW12#' },
      { verb: 'Pause', length: 3 },
      {
        verb: 'Dial',
        action: '/done',
        method: 'GET',
        timeout: 20,
        timeLimit: 600,
        callerId: '+15550100',
        hangupOnStar: true,
        answerOnBridge: true,
        sequential: true,
        nouns: [
          { noun: 'Number', number: '+15550123', sendDigits: '12', statusCallbackEvent: [...events] },
          { noun: 'Client', identity: 'support/alice', parameters: { order: '17' }, statusCallbackMethod: 'GET' },
          { noun: 'Sip', uri: 'sip:bob@example.com', headers: [['X-A', '1']], username: 'u', password: 'p' },
        ],
      },
      { verb: 'Redirect', url: '/next', method: 'GET' },
      { verb: 'Reject', reason: 'busy' },
      { verb: 'Hangup' },
    ]);
  });

  it('CR-1 defaults', () => {
    const { verbs } = read('<Response><Dial>+15550123</Dial><Redirect/><Pause/><Reject/></Response>');
    expect(verbs).toMatchObject([
      {
        timeout: 30,
        timeLimit: 14_400,
        method: 'POST',
        answerOnBridge: false,
        hangupOnStar: false,
        sequential: false,
        nouns: [{ noun: 'Number', number: '+15550123', statusCallbackEvent: ['completed'] }],
      },
      { url: '', method: 'POST' },
      { length: 1 },
      { reason: 'rejected' },
    ]);
  });

  it.each([
    ['<Response><Pause length="-1"/></Response>', 'attribute length="-1"'],
    ['<Response><Dial timeout="601"><Client>a</Client></Dial></Response>', 'expected at most 600'],
    ['<Response><Say colour="red">x</Say></Response>', 'attribute colour is not known'],
    ['<Response><Pay x="1"/></Response>', '<Pay> in line 1'],
    ['<Response>\n<Dial><Conference/></Dial></Response>', '<Conference> in line 2'],
    ['<Response><Play/></Response>', 'neither a URL nor digits'],
    ['<Response><Dial><Sip>bob</Sip></Dial></Response>', 'is not a SIP URI'],
    ['<Response><Dial><Sip>sip:b@x?X-A=a%0d%0aEvil: 1</Sip></Dial></Response>', 'others were left out'],
    ['<Response>words</Response>', 'text outside of any verb'],
    [`<Response><Dial>${'<Client>a</Client>'.repeat(11)}</Dial></Response>`, 'at most 10 parties'],
  ])('CR-1 %s is a warning and the call goes on', (document, problem) => {
    expect(read(document).problems.join('\n')).toContain(problem);
  });

  it('names of Object.prototype are unknown attributes and verbs like any other', () => {
    const { verbs, problems } = read('<Response><constructor/><Say toString="x" __proto__="y">hi</Say></Response>');
    expect(verbs).toMatchObject([{ verb: 'Say', text: 'hi', loop: 1 }]);
    expect(problems).toHaveLength(3);
  });

  it.each([
    ['', 'root element'],
    ['<Response>', 'unclosed'],
    ['<Response></Dial>', 'unexpected'],
    ['<Response/><Response/>', 'root'],
    ['<Response><Say>a & b</Say></Response>', 'unclosed'],
    ['<Response>\n<Say>&nbsp;</Say></Response>', '2:.*entity'],
    ['<Response><Say a="1" a="2"/></Response>', 'duplicate'],
    ['<!DOCTYPE lolz [<!ENTITY lol "lol">]><Response/>', 'DOCTYPE'],
    ['<Response>\u0000</Response>', 'disallowed'],
  ])('%s is not well-formed and the message says where', (document, word) => {
    const result = parseXml(document);
    expect(result.ok ? '' : result.message).toMatch(new RegExp(word, 'i'));
  });

  it('a byte order mark, blank lines before the declaration and CDATA are read', () => {
    const { verbs } = read(
      '\uFEFF\n\n<?xml version="1.0" encoding="UTF-8"?>\n<Response><Say><![CDATA[a < b]]></Say></Response>',
    );
    expect(verbs).toMatchObject([{ text: 'a < b' }]);
  });

  it.each([
    ['text/xml', '<Response><Hangup/></Response>', ['Hangup']],
    ['application/xml; charset=utf-8', '<Response><Hangup/></Response>', ['Hangup']],
    ['text/html', '<Response><Hangup/></Response>', ['Hangup']],
    ['', '<Response><Hangup/></Response>', ['Hangup']],
    ['audio/mpeg', '', ['Play', 'Hangup']],
    ['text/plain', 'Hello  there\n', ['Say', 'Hangup']],
    ['text/xml', '  ', []],
  ])('CR-1 a response of type "%s"', (contentType, body, verbs) => {
    const result = programFromResponse({ url: 'http://app.test/x', status: 200, contentType, body });
    expect(result.ok && result.program.verbs.map(({ verb }) => verb)).toEqual(verbs);
  });
});
