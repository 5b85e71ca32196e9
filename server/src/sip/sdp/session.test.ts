import fc from 'fast-check';
import { parse } from 'sdp-transform';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../kernel/index.ts';
import { sampleSdp } from '../testing/sdp.ts';
import { SdpError, createSdpSession } from './index.ts';
import type { LocalAudio, MediaDirection, SdpSession } from './index.ts';

function session(local: Partial<LocalAudio> = {}): SdpSession {
  return createSdpSession({ address: '192.0.2.10', port: 40_000, codecs: ['PCMU', 'PCMA'], ...local }, seededRandom(1));
}

function offer(lines: readonly string[], head: readonly string[] = ['c=IN IP4 198.51.100.7']): string {
  return ['v=0', 'o=peer 7 1 IN IP4 198.51.100.7', 's=-', ...head, 't=0 0', ...lines, ''].join('\r\n');
}

function reasonOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof SdpError) return `${error.reason} ${error.status}`;
    throw error;
  }
  return 'none';
}

describe('answering an offer (RFC 3264 section 6)', () => {
  it('takes PCMU, PCMA by the order of the caller, and telephone-event with the number of the offer', () => {
    const text = offer([
      'm=audio 30000 RTP/AVP 9 8 0 96',
      'a=rtpmap:9 G722/8000',
      'a=rtpmap:96 telephone-event/8000',
      'a=fmtp:96 0-15',
    ]);
    const { sdp, audio } = session().answerOffer(text);
    expect(audio).toEqual({
      remoteAddress: '198.51.100.7',
      remotePort: 30_000,
      remoteRtcpPort: 30_001,
      codec: 'PCMU',
      payloadType: 0,
      receivePayloadTypes: { PCMU: 0 },
      telephoneEvent: 96,
      receiveTelephoneEvent: 96,
      direction: 'sendrecv',
      heldByPeer: false,
      ptime: 20,
    });
    expect(sdp).toContain('m=audio 40000 RTP/AVP 0 96\r\n');
    expect(sdp).toContain('a=rtpmap:96 telephone-event/8000\r\n');
    expect(session({ codecs: ['PCMA', 'PCMU'] }).answerOffer(text).audio.payloadType).toBe(8);
  });

  it('takes dynamic numbers, and none of the static ones that the offer gave another meaning', () => {
    const { audio } = session().answerOffer(
      offer([
        'm=audio 30000 RTP/AVP 0 97 98',
        'a=rtpmap:0 opus/48000/2',
        'a=rtpmap:97 pcma/8000',
        'a=rtpmap:98 PCMU/16000',
      ]),
    );
    expect([audio.codec, audio.payloadType, audio.telephoneEvent]).toEqual(['PCMA', 97, undefined]);
  });

  it('keeps every media line in its place, refused ones with port 0', () => {
    const { sdp } = session().answerOffer(
      offer([
        'm=video 30002 RTP/AVP 96',
        'a=rtpmap:96 H264/90000',
        'm=audio 0 RTP/AVP 0',
        'm=audio 30004 RTP/SAVPF 0',
        'm=audio 30006/2 RTP/AVP 8',
        'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
        'm=x-unknown 5 foo bar',
      ]),
    );
    expect(sdp.split('\r\n').filter((line) => line.startsWith('m='))).toEqual([
      'm=video 0 RTP/AVP 96',
      'm=audio 0 RTP/AVP 0',
      'm=audio 0 RTP/SAVPF 0',
      'm=audio 40000 RTP/AVP 8',
      'm=application 0 UDP/DTLS/SCTP webrtc-datachannel',
      'm=x-unknown 0 foo bar',
    ]);
    expect(parse(sdp).media).toHaveLength(6);
  });

  it.each<[MediaDirection, MediaDirection, MediaDirection, boolean]>([
    ['sendrecv', 'sendrecv', 'sendrecv', false],
    ['sendonly', 'sendrecv', 'recvonly', true],
    ['recvonly', 'sendrecv', 'sendonly', false],
    ['inactive', 'sendrecv', 'inactive', true],
    ['sendrecv', 'sendonly', 'sendonly', false],
    ['sendonly', 'sendonly', 'inactive', true],
    ['recvonly', 'recvonly', 'inactive', false],
    ['sendrecv', 'inactive', 'inactive', false],
  ])('section 6.1: offered %s and wishing %s answers %s', (offered, wish, expected, held) => {
    const { sdp, audio } = session().answerOffer(sampleSdp({ direction: offered }), { direction: wish });
    expect(sdp).toContain(`a=${expected}\r\n`);
    expect([audio.direction, audio.heldByPeer]).toEqual([expected, held]);
  });

  it('section 8.4: the unspecified address is hold as of RFC 2543, and the end of it resumes', () => {
    const sdp = session();
    sdp.answerOffer(sampleSdp());
    const held = sdp.answerOffer(sampleSdp({ version: 2 }).replace('c=IN IP4 127.0.0.1', 'c=IN IP4 0.0.0.0')).audio;
    expect([held.remoteAddress, held.heldByPeer, held.direction]).toEqual([undefined, true, 'recvonly']);
    const resumed = sdp.answerOffer(sampleSdp({ version: 3 })).audio;
    expect([resumed.remoteAddress, resumed.heldByPeer, resumed.direction]).toEqual(['127.0.0.1', false, 'sendrecv']);
  });

  it('reads direction and address of the session level, ptime, maxptime and a=rtcp', () => {
    const { audio } = session().answerOffer(
      offer(
        ['m=audio 30000 RTP/AVP 0', 'a=ptime:40', 'a=maxptime:30', 'a=rtcp:30555 IN IP4 198.51.100.7'],
        ['c=IN IP4 198.51.100.9', 'a=sendonly'],
      ),
    );
    expect(audio).toMatchObject({
      remoteAddress: '198.51.100.9',
      direction: 'recvonly',
      ptime: 30,
      remoteRtcpPort: 30_555,
    });
  });

  it('takes an RTCP port that is no whole number for none', () => {
    const { audio } = session().answerOffer(offer(['m=audio 30000 RTP/AVP 0', 'a=rtcp:1.5 IN IP4 198.51.100.7']));
    expect(audio.remoteRtcpPort).toBe(30_001);
  });

  it('section 8: the version goes up only when the description changes', () => {
    const sdp = session();
    const version = (text: string): number => parse(text).origin.sessionVersion;
    const first = sdp.answerOffer(sampleSdp()).sdp;
    expect(version(sdp.answerOffer(sampleSdp({ version: 2 })).sdp)).toBe(version(first));
    expect(version(sdp.answerOffer(sampleSdp({ direction: 'sendonly' })).sdp)).toBe(version(first) + 1);
    expect(parse(sdp.createOffer()).origin.sessionId).toBe(parse(first).origin.sessionId);
  });

  it('a re-offer that still holds the codec in use keeps it', () => {
    const sdp = session();
    sdp.answerOffer(offer(['m=audio 30000 RTP/AVP 8']));
    expect(sdp.answerOffer(offer(['m=audio 30000 RTP/AVP 0 8'])).audio.codec).toBe('PCMA');
  });
});

describe('our offer (RFC 3264 sections 5 and 8)', () => {
  it('late offer: offers all codecs, takes the answer', () => {
    const sdp = session();
    const text = sdp.createOffer();
    expect(text).toContain('m=audio 40000 RTP/AVP 0 8 101\r\n');
    const audio = sdp.acceptAnswer(offer(['m=audio 30000 RTP/AVP 8 0 99', 'a=rtpmap:99 telephone-event/8000']));
    expect(audio).toMatchObject({
      codec: 'PCMA',
      payloadType: 8,
      receivePayloadTypes: { PCMU: 0, PCMA: 8 },
      telephoneEvent: 99,
      receiveTelephoneEvent: 101,
    });
    expect(sdp.audio).toBe(audio);
  });

  it('hold and resume by us', () => {
    const sdp = session();
    sdp.answerOffer(sampleSdp());
    expect(sdp.createOffer({ direction: 'sendonly' })).toContain('a=sendonly');
    expect(sdp.acceptAnswer(sampleSdp({ direction: 'recvonly' }))).toMatchObject({
      direction: 'sendonly',
      heldByPeer: false,
    });
    sdp.createOffer();
    expect(sdp.acceptAnswer(sampleSdp())).toMatchObject({ direction: 'sendrecv' });
  });

  it('section 8: media lines stay in their places in a new offer', () => {
    const sdp = session();
    sdp.answerOffer(offer(['m=video 30002 RTP/AVP 96', 'm=audio 30000 RTP/AVP 0']));
    expect(
      sdp
        .createOffer()
        .split('\r\n')
        .filter((line) => line.startsWith('m=')),
    ).toEqual(['m=video 0 RTP/AVP 96', 'm=audio 40000 RTP/AVP 0 8 101']);
  });

  it('a refused answer and one without an offer are errors that leave things as they were', () => {
    const sdp = session();
    const before = sdp.answerOffer(sampleSdp()).audio;
    expect(reasonOf(() => sdp.acceptAnswer(sampleSdp()))).toBe('no-offer 488');
    sdp.createOffer();
    expect(reasonOf(() => sdp.acceptAnswer(offer(['m=audio 0 RTP/AVP 0'])))).toBe('rejected 488');
    expect(reasonOf(() => sdp.acceptAnswer(offer(['m=audio 30000 RTP/AVP 18'])))).toBe('no-codec 488');
    sdp.cancelOffer();
    expect(sdp.audio).toBe(before);
  });

  it('announces IPv6 and an RTCP port that is not the next one', () => {
    const text = session({ address: '2001:db8::5', rtcpPort: 40_777, telephoneEvent: false }).createOffer();
    expect(text).toContain('c=IN IP6 2001:db8::5\r\n');
    expect(text).toContain('a=rtcp:40777\r\n');
    expect(text).not.toContain('telephone-event');
  });
});

describe('hostile SDP', () => {
  it.each<[string, string, string]>([
    ['nothing', '', 'malformed 400'],
    ['no SDP', '<xml/>', 'malformed 400'],
    ['a broken media line', offer(['m=audio']), 'malformed 400'],
    ['a port out of range', offer(['m=audio 70000 RTP/AVP 0']), 'malformed 400'],
    ['too large', offer(['a='.padEnd(40_000, 'x')]), 'too-large 400'],
    ['too many media lines', offer(Array<string>(40).fill('m=audio 1 RTP/AVP 0')), 'too-large 400'],
    ['no media', offer([]), 'no-audio 488'],
    ['no address', offer(['m=audio 30000 RTP/AVP 0'], []), 'no-audio 488'],
    ['a host name for address', offer(['m=audio 30000 RTP/AVP 0'], ['c=IN IP4 evil.example']), 'no-audio 488'],
    ['a multicast address', offer(['m=audio 30000 RTP/AVP 0'], ['c=IN IP4 224.2.1.1/127']), 'no-audio 488'],
    ['only encrypted audio', offer(['m=audio 30000 RTP/SAVP 0']), 'srtp-off 488'],
    ['audio with keys from DTLS', offer(['m=audio 30000 UDP/TLS/RTP/SAVPF 0']), 'no-audio 488'],
    ['an address that looks like a number', offer(['m=audio 30000 RTP/AVP 0'], ['c=IN IP4 10.1']), 'no-audio 488'],
    ['a codec that looks like a number', offer(['m=audio 30000 RTP/AVP 0', 'a=rtpmap:0 711/8000']), 'no-codec 488'],
    ['no codec of ours', offer(['m=audio 30000 RTP/AVP 18 3']), 'no-codec 488'],
  ])('is a typed error: %s', (_what, text, reason) => {
    expect(reasonOf(() => session().answerOffer(text))).toBe(reason);
  });

  it('no mutation throws anything but SdpError', () => {
    const text = sampleSdp();
    fc.assert(
      fc.property(fc.nat(text.length), fc.nat(30), fc.string({ maxLength: 8 }), (at, remove, insert) => {
        const mutated = text.slice(0, at) + insert + text.slice(at + remove);
        expect(reasonOf(() => session().answerOffer(mutated))).toMatch(/^none$|^[a-z-]+ (400|488)$/);
      }),
      { numRuns: 3000 },
    );
  });
});
