import fc from 'fast-check';
import { parse } from 'sdp-transform';
import { expect, it } from 'vitest';
import { readSections } from './sections.ts';

const LINES = [
  'c=IN IP4 192.0.2.1',
  'c=IN IP6 2001:db8::1',
  'c=IN IP4 0.0.0.0',
  'a=sendonly',
  'a=recvonly',
  'a=inactive',
  'a=sendrecv',
  'a=rtpmap:0 PCMU/8000',
  'a=rtpmap:8 PCMA/8000/1',
  'a=rtpmap:96 opus/48000/2',
  'a=rtpmap:101 telephone-event/8000',
  'a=rtpmap:97 nothing',
  'a=fmtp:101 0-16',
  'a=ptime:20',
  'a=ptime:30',
  'a=maxptime:60',
  'a=rtcp:40001',
  'a=rtcp:40003 IN IP4 192.0.2.1',
  'a=x-unknown:1',
  'b=AS:64',
  'i=title',
  'm=audio 4000 RTP/AVP 0 8 101',
  'm=video 4002 RTP/AVP 96',
  'z=0 0',
];

it('reads what another library reads, in any order of lines', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...LINES), { maxLength: 40 }), (lines) => {
      const text = ['v=0', 'o=- 1 1 IN IP4 192.0.2.9', 's=-', 't=0 0', ...lines].join('\r\n');
      const theirs = parse(text);
      const ours = readSections(text);
      expect([ours.session.address, ours.session.direction]).toEqual([theirs.connection?.ip, theirs.direction]);
      expect(ours.media).toHaveLength(theirs.media.length);
      for (const [index, section] of ours.media.entries()) {
        const media = theirs.media[index];
        expect([section.address, section.direction, section.rtcpPort, section.ptime, section.maxptime]).toEqual([
          media?.connection?.ip,
          media?.direction,
          media?.rtcp?.port,
          media?.ptime,
          media?.maxptime,
        ]);
        expect(section.rtpmaps).toEqual(
          media?.rtp.map(({ payload, codec, rate, encoding }) => ({
            payloadType: payload,
            name: codec.toUpperCase(),
            rate: rate ?? 8000,
            channels: encoding ?? 1,
          })),
        );
      }
    }),
  );
});

it('takes bare CR and LF as line ends, and passes over what it cannot read', () => {
  const { session, media } = readSections('v=0\nc=IN\ra=rtpmap:x\na=ptime:\na=rtpmap:5 A/x/y\nm=audio\na=sendonly');
  expect(session.address).toBeUndefined();
  expect(session.rtpmaps).toEqual([{ payloadType: 5, name: 'A', rate: 8000, channels: 1 }]);
  expect(media.map(({ line, direction }) => [line, direction])).toEqual([['m=audio', 'sendonly']]);
});
