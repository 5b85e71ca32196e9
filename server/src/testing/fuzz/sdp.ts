import { seededRandom } from '../../kernel/index.ts';
import { SdpError, createSdpSession } from '../../sip/sdp/index.ts';
import type { LocalAudio, NegotiatedAudio } from '../../sip/sdp/index.ts';
import { sampleSdp } from '../../sip/testing/sdp.ts';
import { mutate, pick } from './mutation.ts';
import { FuzzRun } from './report.ts';
import type { FuzzOptions, FuzzReport } from './report.ts';

const KEY = 'inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz';

const SEEDS: readonly Buffer[] = [
  sampleSdp(),
  sampleSdp({ direction: 'sendonly' }),
  sampleSdp({ direction: 'inactive', port: 0 }),
  sampleSdp().replaceAll('IP4 127.0.0.1', 'IP6 2001:db8::1'),
  sampleSdp().replace('c=IN IP4 127.0.0.1', 'c=IN IP4 0.0.0.0'),
  sampleSdp().replace('RTP/AVP', 'RTP/SAVP') + `a=crypto:1 AES_CM_128_HMAC_SHA1_80 ${KEY}|2^20|1:4\r\n`,
  `${sampleSdp()}a=crypto:1 AES_CM_128_HMAC_SHA1_32 ${KEY}\r\na=crypto:2 AEAD_AES_128_GCM ${KEY}\r\n`,
  `${sampleSdp()}m=video 6024 RTP/AVP 107\r\nc=IN IP6 2001:db8::1\r\na=rtpmap:107 H263-1998/90000\r\n`,
  `${sampleSdp()}a=ptime:20\r\na=maxptime:150\r\na=rtcp:40001 IN IP4 127.0.0.1\r\na=rtcp-mux\r\na=ssrc:1 cname:x\r\n`,
  `${sampleSdp()}a=candidate:1 1 UDP 2130706431 10.0.1.1 8998 typ host\r\na=ice-ufrag:8hhY\r\na=fingerprint:sha-256 AB:CD\r\n`,
  `v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\nm=audio 0 RTP/AVP 0\r\nm=audio 4 RTP/AVP 18 0 8 96 97\r\nc=IN IP4 192.0.2.9\r\na=rtpmap:96 telephone-event/8000\r\na=rtpmap:97 PCMA/8000/1\r\na=fmtp:96 0-15,66\r\n`,
].map((text) => Buffer.from(text));

const LOCALS: readonly LocalAudio[] = [
  { address: '127.0.0.1', port: 30_000, codecs: ['PCMU', 'PCMA'] },
  { address: '2001:db8::2', port: 30_000, rtcpPort: 30_007, codecs: ['PCMA'], srtp: 'preferred' },
  { address: '192.0.2.1', port: 1, codecs: ['PCMU'], srtp: 'required', telephoneEvent: false },
];

/** Mutated SDP as offer, as answer and as a second offer: taken, or refused with an {@link SdpError}. */
export async function fuzzSdp(options: FuzzOptions): Promise<FuzzReport> {
  const run = new FuzzRun('SDP', options);
  const random = seededRandom(options.seed);
  await run.each(
    () => mutate(pick(SEEDS, random), random, SEEDS),
    (input) => {
      const text = input.toString('utf8');
      const session = createSdpSession(pick(LOCALS, random), random);
      const offered = attempt(() => {
        const { sdp, audio } = session.answerOffer(text);
        // What we answer is one line a line, and as many media lines as were offered.
        if (/[\u0000]|[^\r]\n|\r[^\n]/.test(sdp))
          throw new Error(`a broken line in our answer: ${JSON.stringify(sdp)}`);
        if (sdp.length > 4 * text.length + 4096) throw new Error('an answer much longer than its offer');
        return judge(audio);
      });
      const answered = attempt(() => {
        const asking = createSdpSession(pick(LOCALS, random), random);
        asking.createOffer();
        return judge(asking.acceptAnswer(text));
      });
      attempt(() => judge(session.answerOffer(sampleSdp({ version: 2 })).audio));
      return `offer ${offered}, answer ${answered}`;
    },
  );
  return run.report();
}

/** @throws Error for an agreement that nobody could work with */
function judge(audio: NegotiatedAudio): string {
  for (const port of [audio.remotePort, audio.remoteRtcpPort])
    if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(`port ${port}`);
  for (const type of [audio.payloadType, audio.telephoneEvent, audio.receiveTelephoneEvent])
    if (type !== undefined && (!Number.isInteger(type) || type < 0 || type > 127)) throw new Error(`type ${type}`);
  if (!(audio.ptime > 0 && audio.ptime < 1000)) throw new Error(`ptime ${audio.ptime}`);
  return 'taken';
}

function attempt(action: () => string): string {
  try {
    return action();
  } catch (error) {
    if (error instanceof SdpError) return error.reason;
    throw error;
  }
}
