import { describe, expect, it } from 'vitest';
import { checkMessage, parseMessage, refusal, serialize } from '../../message/index.ts';
import type { ParsedMessage } from '../../message/index.ts';
import { testAgent } from '../agent.ts';
import { APPLICATION_INVITE, APPLICATION_REGISTER } from './case.ts';
import type { TortureCase } from './case.ts';
import { readFact } from './facts.ts';
import { RFC4475_BEYOND, RFC4475_INVALID } from './rfc4475-invalid.ts';
import { RFC4475_VALID } from './rfc4475-valid.ts';
import { RFC5118 } from './rfc5118.ts';

const RFC4475 = [...RFC4475_VALID, ...RFC4475_INVALID, ...RFC4475_BEYOND];

function parse(bytes: Buffer): ParsedMessage {
  const parsed = parseMessage(bytes);
  if (parsed === undefined) throw new Error('not taken for SIP');
  return parsed;
}

/** The status lines of the final answers of a whole user agent, given time for all its timers. */
function answersOf(bytes: Buffer): { answers: string[]; errors: unknown[]; pending: number } {
  const { agent, clock, transport, errors } = testAgent({
    onInvite: (call) => {
      call.reject(APPLICATION_INVITE);
    },
    onRequest: (request) => {
      if (request.method !== 'REGISTER') return false;
      request.respond(APPLICATION_REGISTER);
      return true;
    },
  });
  transport.deliver(bytes);
  const answers = transport.take().filter((text) => !/^SIP\/2\.0 1/.test(text));
  clock.advance(180_000);
  expect(agent.stats).toMatchObject({ transactions: 0, dialogs: 0, calls: 0 });
  agent.close();
  return { answers, errors, pending: clock.pendingTimers };
}

function header(text: string, name: string): string | undefined {
  return new RegExp(`^${name}\\s*: ?(.*)$`, 'mi').exec(text)?.[1]?.trim();
}

describe.each<[string, number, readonly TortureCase[]]>([
  ['RFC 4475', 49, RFC4475],
  ['RFC 5118', 11, RFC5118],
])('%s: all %i torture messages', (_rfc, count, cases) => {
  it('are here', () => {
    expect(new Set(cases.map(({ name }) => name)).size).toBe(count);
    expect(cases).toHaveLength(count);
  });

  describe.each(cases.map((one) => [`${one.section} ${one.name}`, one] as const))('%s', (_name, one) => {
    it(`parsed and checked: ${String(one.refused ?? 'fine')} (${one.why})`, () => {
      const parsed = parse(one.bytes);
      expect(refusal(checkMessage(parsed))?.status).toBe(one.refused);
      for (const [name, value] of Object.entries(one.facts ?? {}))
        expect(readFact(parsed.message, name), name).toEqual(value);
    });

    it(`a user agent: ${String(one.answer)}`, () => {
      const { answers, errors, pending } = answersOf(one.bytes);
      const statuses = answers.map((text) => Number(/^SIP\/2\.0 (\d{3}) /.exec(text)?.[1]));
      expect(statuses).toEqual(one.answer === 'dropped' ? [] : [one.answer]);
      expect({ errors, pending }).toEqual({ errors: [], pending: 0 });
      for (const answer of answers) {
        // An answer is a message that we take ourselves, and finds its way by the request's Vias.
        const back = parse(Buffer.from(answer)).message;
        const { message } = parse(one.bytes);
        expect(back.headers.all('via').slice(1)).toEqual(message.headers.all('via').slice(1));
        expect(back.callId).toBe(message.callId);
        expect(back.headers.get('cseq')).toBe(message.headers.get('cseq'));
      }
    });

    it('written and read again it says the same', () => {
      const { message } = parse(one.bytes);
      const again = parse(serialize(message)).message;
      const lines = (of: typeof message): string[][] =>
        of.headers.lines.filter(({ key }) => key !== 'content-length').map(({ key, value }) => [key, value]);
      expect(lines(again)).toEqual(lines(message));
      expect(again.body).toEqual(message.body);
    });

    it('cut anywhere it is a partial message, never an exception', () => {
      for (let length = 0; length < one.bytes.length; length++) {
        const parsed = parseMessage(one.bytes.subarray(0, length));
        if (parsed !== undefined) checkMessage(parsed);
      }
    });
  });
});

describe('what goes with the answers', () => {
  const answer = (name: string): string =>
    answersOf(RFC4475.find((one) => one.name === name)?.bytes ?? Buffer.alloc(0)).answers[0] ?? '';

  it('RFC 3261 section 21.4.15: 420 names the option tags', () => {
    expect(header(answer('bext01'), 'Unsupported')).toBe('nothingSupportsThis, nothingSupportsThisEither');
  });

  it('RFC 3261 section 21.4.13: 415 names what we take', () => {
    expect(header(answer('invut'), 'Accept')).toBe('application/sdp');
  });

  it('RFC 3261 section 21.4.6: 405 names our methods', () => {
    expect(header(answer('mpart01'), 'Allow')).toContain('INVITE');
  });

  it('RFC 3261 section 21.4.1: the reason phrase of 400 says what is missing', () => {
    expect(answer('insuf')).toMatch(/^SIP\/2\.0 400 Bad Request \(From: From is missing\)/);
  });

  it('RFC 4475 section 3.2.1: two requests whose branch is the cookie alone are two', () => {
    const { transport, agent } = testAgent();
    const text = RFC4475.find(({ name }) => name === 'badbranch')?.bytes.toString() ?? '';
    transport.deliver(text);
    transport.deliver(text.replace('Call-ID: ', 'Call-ID: another-').replace('tag=', 'tag=another'));
    expect(transport.take().map((sent) => header(sent, 'Call-ID'))).toEqual([
      'badbranch.0ha0isndaksdj',
      'another-badbranch.0ha0isndaksdj',
    ]);
    agent.close();
  });
});
