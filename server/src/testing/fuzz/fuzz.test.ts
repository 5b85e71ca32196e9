import { describe, expect, it } from 'vitest';
import { checkMessage, parseMessage } from '../../sip/message/index.ts';
import { SdpError, createSdpSession } from '../../sip/sdp/index.ts';
import { requestText } from '../../sip/testing/messages.ts';
import { sampleSdp } from '../../sip/testing/sdp.ts';
import { seededRandom } from '../../kernel/index.ts';
import { FUZZERS } from './index.ts';

describe('bytes of strangers: nothing throws, every request is answered, nothing is left (npm test runs 100 000 each)', () => {
  it.each(Object.entries(FUZZERS))('%s', async (_name, fuzz) => {
    const report = await fuzz({ seed: 20_260_101, inputs: 3000 });
    const outcomes = Object.values(report.outcomes).reduce((sum, count) => sum + count, 0);
    expect(outcomes).toBe(3000);
    // A run whose inputs all end the same way has not got anywhere.
    expect(Object.keys(report.outcomes).length).toBeGreaterThan(3);
  });
});

/** What a parser could be made to go over again and again, `n` times the piece. */
const HOSTILE: Readonly<Record<string, (n: number) => string>> = {
  'commas in Via': (n) => requestText({ via: `Via: SIP/2.0/UDP h${',a'.repeat(n / 2)}` }),
  'commas in Contact': (n) => requestText({ extra: [`Route: ${'<sip:a>,'.repeat(n / 8)}`] }),
  'open brackets': (n) => requestText({ extra: [`Route: ${'<'.repeat(n)}`] }),
  'brackets and commas': (n) => requestText({ from: `From: ${'<,'.repeat(n / 2)}` }),
  'open quotes': (n) => requestText({ to: `To: ${'"'.repeat(n)}` }),
  'escapes that never close': (n) => requestText({ to: `To: "${'\\"'.repeat(n / 2)}` }),
  parameters: (n) => requestText({ to: `To: <sip:a@b>${';a=b'.repeat(n / 4)}` }),
  'empty parameters': (n) => requestText({ to: `To: <sip:a@b>${';'.repeat(n)}` }),
  'quoted parameters': (n) => requestText({ to: `To: <sip:a@b>${';a="'.repeat(n / 4)}` }),
  'URI parameters': (n) => requestText({ uri: `sip:a@b${';a'.repeat(n / 2)}` }),
  'a long URI': (n) => requestText({ uri: `sip:${'@'.repeat(n)}` }),
  colons: (n) => requestText({ uri: `sip:${':'.repeat(n)}` }),
  'blanks in a value': (n) => requestText({ to: `To:${' '.repeat(n)}x` }),
  folding: (n) => requestText({ extra: [`Subject: a${'\r\n b'.repeat(n / 4)}`] }),
  'folding of nothing': (n) => requestText({ extra: [`Subject: a${'\r\n '.repeat(n / 3)}`] }),
  'short lines': (n) => requestText({ extra: Array<string>(Math.floor(n / 6)).fill('a: b') }),
  'empty names': (n) => requestText({ extra: Array<string>(Math.floor(n / 3)).fill(':') }),
  'one name many times': (n) => requestText({ extra: Array<string>(Math.floor(n / 16)).fill('Call-ID: x') }),
  'lone CRs': (n) => requestText({ extra: [`Subject: ${'\ra'.repeat(n / 2)}`] }),
  NULs: (n) => requestText({ extra: [`Subject: ${'\u0000'.repeat(n)}`] }),
  digits: (n) => requestText().replace(/CSeq: 1/, `CSeq: ${'1'.repeat(n)}`),
  'a version that never ends': (n) => `OPTIONS sip:a SIP/${'1'.repeat(n)}\r\n\r\n`,
  'blanks in the request line': (n) => `OPTIONS${' '.repeat(n)}sip:a SIP/2.0\r\n\r\n`,
  'a status line that never ends': (n) => `SIP/2.0${' '.repeat(n)}2\r\n\r\n`,
  'media lines': (n) => sdpOf('m=audio 1 RTP/AVP 0\r\n'.repeat(n / 21)),
  'payload types': (n) => sdpOf(`m=audio 1 RTP/AVP${' 96'.repeat(n / 3)}\r\n`),
  'payload types and maps': (n) =>
    sdpOf(`m=audio 1 RTP/AVP${' 96'.repeat(n / 6)}\r\n${'a=rtpmap:96 x/1\r\n'.repeat(n / 34)}`),
  attributes: (n) => sdpOf(`m=audio 1 RTP/AVP 0\r\n${'a=x\r\n'.repeat(n / 5)}`),
  'an attribute that never ends': (n) => sdpOf(`m=audio 1 RTP/AVP 0\r\na=fmtp:0 ${'a=1;'.repeat(n / 4)}\r\n`),
  'crypto lines': (n) => sdpOf(`m=audio 1 RTP/SAVP 0\r\n${'a=crypto:1 AES inline:a|b|c\r\n'.repeat(n / 29)}`),
};

function sdpOf(media: string): string {
  return sampleSdp().replace(/m=audio[^]*/, media);
}

/** Least CPU time of several goes, milliseconds: other work on the machine does not count. */
function cpuOf(text: string): number {
  const bytes = Buffer.from(text);
  const local = { address: '127.0.0.1', port: 30_000, codecs: ['PCMU'], srtp: 'preferred' } as const;
  let best = Infinity;
  for (let go = 0; go < 7; go++) {
    const before = process.cpuUsage();
    const parsed = parseMessage(bytes);
    if (parsed !== undefined) {
      checkMessage(parsed);
      for (const { key, value } of parsed.message.headers.lines) {
        parsed.message.headers.all(key);
        if (value.length < 0) return 0;
      }
    } else {
      try {
        createSdpSession(local, seededRandom(1)).answerOffer(text);
      } catch (error) {
        if (!(error instanceof SdpError)) throw error;
      }
    }
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1000);
  }
  return best;
}

describe('no input takes more than its share of time', () => {
  it.each(Object.entries(HOSTILE))('%s', (_name, text) => {
    // The first sizes only warm the code up.
    cpuOf(text(1000));
    const small = cpuOf(text(8000));
    const large = cpuOf(text(32_000));
    expect(large, `${small} ms for 8 000, ${large} ms for 32 000`).toBeLessThan(Math.max(10, 8 * small));
  });
});
