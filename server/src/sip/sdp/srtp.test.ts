import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../kernel/index.ts';
import type { LocalAudio, SdpSession, SrtpPolicy } from './index.ts';
import { SdpError, createSdpSession } from './index.ts';
import { readCryptoLine } from './crypto.ts';

let seed = 0;
function session(srtp: SrtpPolicy, local: Partial<LocalAudio> = {}): SdpSession {
  const audio = { address: '192.0.2.10', port: 40_000, codecs: ['PCMU', 'PCMA'] as const, srtp, ...local };
  return createSdpSession(audio, seededRandom(++seed));
}

const KEY = Buffer.from('0123456789abcdefsalt0salt0salt').toString('base64');
const OTHER_KEY = Buffer.from('fedcba9876543210salt1salt1salt').toString('base64');
const CM80 = `a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}`;

function sdp(...lines: readonly string[]): string {
  return ['v=0', 'o=peer 7 1 IN IP4 198.51.100.7', 's=-', 'c=IN IP4 198.51.100.7', 't=0 0', ...lines, ''].join('\r\n');
}
const SAVP = 'm=audio 30000 RTP/SAVP 0 8';
const AVP = 'm=audio 30000 RTP/AVP 0 8';

function reasonOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof SdpError) return `${error.reason} ${error.warning.slice(0, 3)}`;
    throw error;
  }
  return 'none';
}

/** What an answer to `offer` says of its audio: profile, tag and suite, or why there is none. */
function answerTo(policy: SrtpPolicy, ...offer: readonly string[]): string {
  let text = '';
  const refused = reasonOf(() => {
    text = session(policy).answerOffer(sdp(...offer)).sdp;
  });
  if (refused !== 'none') return refused;
  const lines = text.split('\r\n');
  const media = lines.filter((line) => line.startsWith('m=')).map((line) => line.split(' ').slice(1, 3).join(' '));
  const crypto = lines.filter((line) => line.startsWith('a=crypto:')).map((line) => line.slice(9).split(' inline')[0]);
  return [...media, ...crypto].join(', ');
}

describe('RFC 4568 answering an offer by policy', () => {
  const [plain, secure] = ['40000 RTP/AVP', '40000 RTP/SAVP, 1 AES_CM_128_HMAC_SHA1_80'];
  const beside = '40000 RTP/AVP, 1 AES_CM_128_HMAC_SHA1_80';
  it.each<[string, readonly string[], Record<SrtpPolicy, string>]>([
    ['plain', [AVP], { off: plain, preferred: plain, required: 'srtp-required 302' }],
    ['SRTP', [SAVP, CM80], { off: 'srtp-off 302', preferred: secure, required: secure }],
    ['SRTP beside RTP on one line', [AVP, CM80], { off: plain, preferred: beside, required: beside }],
    ['SRTP without a key', [SAVP], { off: 'srtp-off 302', preferred: 'no-crypto 306', required: 'no-crypto 306' }],
    [
      'RTP/SAVPF',
      ['m=audio 30000 RTP/SAVPF 0', CM80],
      { off: 'srtp-off 302', preferred: secure.replace('SAVP', 'SAVPF'), required: secure.replace('SAVP', 'SAVPF') },
    ],
    [
      'RTP/AVPF',
      ['m=audio 30000 RTP/AVPF 0'],
      { off: `${plain}F`, preferred: `${plain}F`, required: 'srtp-required 302' },
    ],
    [
      'two lines, one of each kind',
      [AVP, 'm=audio 30002 RTP/SAVP 0', CM80],
      {
        off: `${plain}, 0 RTP/SAVP`,
        preferred: `0 RTP/AVP, ${secure}`,
        required: `0 RTP/AVP, ${secure}`,
      },
    ],
  ])('%s', (_name, offer, expected) => {
    for (const policy of ['off', 'preferred', 'required'] as const) {
      expect(answerTo(policy, ...offer), policy).toBe(expected[policy]);
    }
  });

  it('takes the first suite of the peer that it knows, with the peer’s tag', () => {
    const gcm = `a=crypto:7 AEAD_AES_128_GCM inline:${Buffer.alloc(28, 1).toString('base64')}`;
    expect(answerTo('required', SAVP, 'a=crypto:3 F8_128_HMAC_SHA1_80 inline:x', gcm, CM80)).toBe(
      '40000 RTP/SAVP, 7 AEAD_AES_128_GCM',
    );
  });

  it('gives the media both keys, and the answer ours', () => {
    const { sdp: answer, audio } = session('preferred').answerOffer(sdp(SAVP, CM80));
    expect(audio.srtp?.suite).toBe('AES_CM_128_HMAC_SHA1_80');
    expect(Buffer.from(audio.srtp?.remote.key ?? []).toString()).toBe('0123456789abcdef');
    expect(Buffer.from(audio.srtp?.remote.salt ?? []).toString()).toBe('salt0salt0salt');
    const ours = Buffer.concat([audio.srtp?.local.key ?? Buffer.alloc(0), audio.srtp?.local.salt ?? Buffer.alloc(0)]);
    expect(ours.length).toBe(30);
    expect(answer).toContain(`a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${ours.toString('base64')}\r\n`);
  });
});

describe('RFC 4568 section 9.1 reading a=crypto', () => {
  const suite = 'AES_CM_128_HMAC_SHA1_80';
  it.each([
    [`a=crypto:1 ${suite} inline:${KEY}|2^20`, true],
    [`a=crypto:1 ${suite} inline:${KEY}|1048576`, true],
    [`a=crypto:1 ${suite} inline:${KEY} WSH=128`, true],
    [`a=crypto:1 ${suite} inline:${KEY} KDR=0 -later=1`, true],
    [`a=crypto:1 ${suite} INLINE:${KEY}`, true],
    [`a=crypto:1 ${suite} inline:${KEY}|2^20|1:4`, false],
    [`a=crypto:1 ${suite} inline:${KEY}|1:4`, false],
    [`a=crypto:1 ${suite} inline:${KEY}|2^20|1:4;inline:${OTHER_KEY}|2^20|2:4`, false],
    [`a=crypto:1 ${suite} inline:${KEY}|2^49`, false],
    [`a=crypto:1 ${suite} inline:${KEY}|0`, false],
    [`a=crypto:1 ${suite} inline:${KEY} UNENCRYPTED_SRTP`, false],
    [`a=crypto:1 ${suite} inline:${KEY} WSH=64 UNAUTHENTICATED_SRTP`, false],
    [`a=crypto:1 ${suite} inline:${KEY} KDR=5`, false],
    [`a=crypto:1 ${suite} inline:${KEY.slice(4)}`, false],
    [`a=crypto:1 AES_256_CM_HMAC_SHA1_80 inline:${KEY}`, false],
    [`a=crypto:1 toString inline:${KEY}`, false],
    [`a=crypto:x ${suite} inline:${KEY}`, false],
    [`a=crypto:1 ${suite}`, false],
    [`a=crypto:1 ${suite} uri:https://keys.example/1`, false],
  ])('%s', (line, usable) => {
    expect(readCryptoLine(line) !== undefined).toBe(usable);
  });

  it('what is odd about one line costs only that line', () => {
    expect(answerTo('required', SAVP, `a=crypto:1 ${suite} inline:${KEY}|1:4`, CM80.replace(':1', ':2'))).toBe(
      '40000 RTP/SAVP, 2 AES_CM_128_HMAC_SHA1_80',
    );
  });
});

describe('RFC 4568 offering', () => {
  /** The audio line and the crypto lines without their keys. */
  const offerOf = (policy: SrtpPolicy): string[] =>
    session(policy)
      .createOffer()
      .split('\r\n')
      .filter((line) => /^(m=|a=crypto)/.test(line))
      .map((line) => line.replace(/ inline.*/, ''));

  it('off: plain RTP; preferred: RTP with keys beside; required: RTP/SAVP', () => {
    const crypto = [
      'a=crypto:1 AES_CM_128_HMAC_SHA1_80',
      'a=crypto:2 AEAD_AES_256_GCM',
      'a=crypto:3 AES_CM_128_HMAC_SHA1_32',
    ];
    expect(offerOf('off')).toEqual(['m=audio 40000 RTP/AVP 0 8 101']);
    expect(offerOf('preferred')).toEqual(['m=audio 40000 RTP/AVP 0 8 101', ...crypto]);
    expect(offerOf('required')).toEqual(['m=audio 40000 RTP/SAVP 0 8 101', ...crypto]);
  });

  it.each<[SrtpPolicy, readonly string[], string]>([
    ['preferred', [AVP], 'plain'],
    ['preferred', [AVP, CM80], 'AES_CM_128_HMAC_SHA1_80'],
    ['preferred', [SAVP, CM80], 'AES_CM_128_HMAC_SHA1_80'],
    ['preferred', [SAVP], 'no-crypto 306'],
    ['required', [AVP], 'srtp-required 302'],
    ['required', [SAVP, CM80], 'AES_CM_128_HMAC_SHA1_80'],
    ['required', [SAVP, CM80.replace('SHA1_80', 'SHA1_32')], 'no-crypto 306'],
    ['required', [SAVP, CM80.replace(':1', ':9')], 'no-crypto 306'],
    ['off', [SAVP, CM80], 'srtp-off 302'],
    ['off', [AVP, CM80], 'plain'],
  ])('%s, answered with %j: %s', (policy, answer, expected) => {
    const ours = session(policy);
    ours.createOffer();
    let agreed = '';
    const refused = reasonOf(() => {
      agreed = ours.acceptAnswer(sdp(...answer)).srtp?.suite ?? 'plain';
    });
    expect(refused === 'none' ? agreed : refused).toBe(expected);
  });

  it('two of our own sessions agree, each with the other’s key', () => {
    for (const [offering, answering] of [
      ['required', 'required'],
      ['preferred', 'required'],
      ['required', 'preferred'],
      ['preferred', 'preferred'],
    ] as const) {
      const [caller, callee] = [session(offering), session(answering)];
      const { sdp: answer, audio } = callee.answerOffer(caller.createOffer());
      const { srtp } = caller.acceptAnswer(answer);
      expect(srtp?.local).toEqual(audio.srtp?.remote);
      expect(srtp?.remote).toEqual(audio.srtp?.local);
    }
  });
});

describe('RFC 4568 section 7.1.4 changing the session', () => {
  it('our key and the profile stay through re-INVITEs; the peer’s new key is taken', () => {
    const ours = session('preferred');
    const first = ours.answerOffer(sdp(SAVP, CM80)).audio.srtp;
    const second = ours.answerOffer(sdp(SAVP, `a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${OTHER_KEY}`)).audio.srtp;
    expect(second?.local).toEqual(first?.local);
    expect(Buffer.from(second?.remote.key ?? []).toString()).toBe('fedcba9876543210');
    const offer = ours.createOffer();
    expect(offer).toContain('m=audio 40000 RTP/SAVP ');
    expect(ours.acceptAnswer(sdp(SAVP, CM80)).srtp?.local).toEqual(first?.local);
  });

  it('the same offer again has the same version, tags and keys', () => {
    const ours = session('required');
    const offer = ours.createOffer();
    ours.acceptAnswer(sdp(SAVP, CM80.replace('_80', '_32').replace(':1', ':3')));
    expect(ours.createOffer()).toBe(offer);
  });

  it('a suite that went out of use never has its old key again', () => {
    const ours = session('preferred');
    const first = ours.answerOffer(sdp(SAVP, CM80)).audio.srtp;
    ours.answerOffer(sdp(SAVP, `a=crypto:1 AEAD_AES_128_GCM inline:${Buffer.alloc(28, 1).toString('base64')}`));
    expect(ours.answerOffer(sdp(SAVP, CM80)).audio.srtp?.local).not.toEqual(first?.local);
  });

  it('a refused change leaves the keys in force', () => {
    const ours = session('required');
    ours.answerOffer(sdp(SAVP, CM80));
    const { audio } = ours;
    expect(reasonOf(() => ours.answerOffer(sdp(AVP)))).toBe('srtp-required 302');
    expect(ours.audio).toBe(audio);
  });

  it('preferred: the peer may go back to plain RTP', () => {
    const ours = session('preferred');
    ours.answerOffer(sdp(SAVP, CM80));
    expect(ours.answerOffer(sdp(AVP)).audio.srtp).toBeUndefined();
  });
});

describe('keys stay secret', () => {
  it('are in no error and no Warning', () => {
    let message = '';
    try {
      session('off').answerOffer(sdp(SAVP, CM80));
    } catch (error) {
      message = String(error) + (error as SdpError).warning;
    }
    expect(message).toContain('SRTP is off');
    expect(message).not.toContain(KEY.slice(0, 8));
  });

  it('a Warning is one quoted string whatever the SDP holds', () => {
    const { warning } = new SdpError('no-audio', 'it has "quotes", \\ and \r\n umlauts ü');
    expect(warning).toBe(`304 hookswitch "it has 'quotes', ' and ?? umlauts ?"`);
  });
});

it('no mutation of a crypto line throws, or is taken with a wrong key length', () => {
  fc.assert(
    fc.property(fc.nat(CM80.length - 1), fc.string({ maxLength: 3 }), fc.nat(5), (at, insert, cut) => {
      const line = readCryptoLine(CM80.slice(0, at) + insert + CM80.slice(at + cut));
      if (line !== undefined) expect([line.master.key.length, line.master.salt.length]).toEqual([16, 14]);
    }),
    { numRuns: 2000 },
  );
});
