import type { TortureCase } from './case.ts';
import { APPLICATION_INVITE, APPLICATION_REGISTER, message, offer, sdpHeaders } from './case.ts';

const V6_SDP = offer('2001:db8::20', 'IP6');
const MANY_SDP = [
  'v=0',
  'o=bob 280744730 28977631 IN IP4 host.example.com',
  's=',
  't=0 0',
  'm=audio 22334 RTP/AVP 0',
  'c=IN IP4 192.0.2.1',
  'm=video 6024 RTP/AVP 107',
  'c=IN IP6 2001:db8::1',
  'a=rtpmap:107 H263-1998/90000',
  '',
].join('\r\n');

/** A REGISTER between IPv6 hosts. */
function register(name: string, uri: string, via = 'SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111'): Buffer {
  return message([
    `REGISTER ${uri} SIP/2.0`,
    'To: sip:user@example.com',
    'From: sip:user@example.com;tag=81x2',
    `Via: ${via}`,
    `Call-ID: ${name}@3d9485ad0c49859b`,
    'Max-Forwards: 70',
    'Contact: "Caller" <sip:caller@[2001:db8::1]>',
    'CSeq: 98176 REGISTER',
    'Content-Length: 0',
  ]);
}

function bye(name: string, via: string): Buffer {
  return message([
    'BYE sip:user@[2001:db8::10] SIP/2.0',
    'To: sip:user@example.com;tag=bd76ya',
    'From: sip:user@example.com;tag=81x2',
    `Via: ${via}`,
    `Call-ID: ${name}@3d9485ad0c49859b`,
    'Max-Forwards: 70',
    'CSeq: 321 BYE',
    'Content-Length: 0',
  ]);
}

function invite(name: string, via: readonly string[], body: string): Buffer {
  return message(
    [
      'INVITE sip:user@[2001:db8::10] SIP/2.0',
      'To: sip:user@[2001:db8::10]',
      'From: sip:user@example.com;tag=81x2',
      ...via.map((value) => `Via: ${value}`),
      `Call-ID: ${name}@[2001:db8::20]`,
      'Max-Forwards: 70',
      'Contact: "Caller" <sip:caller@[2001:db8::20]>',
      'CSeq: 8612 INVITE',
      ...sdpHeaders(body),
    ],
    body,
  );
}

/** RFC 5118: SIP with IPv6. */
export const RFC5118: readonly TortureCase[] = [
  {
    section: '4.1',
    name: 'ipv6-good',
    bytes: register('ipv6-good', 'sip:[2001:db8::10]'),
    answer: APPLICATION_REGISTER,
    why: 'IPv6 references as the grammar wants them',
    facts: { host: '2001:db8::10', viaHost: '2001:db8::9:1', contactHost: '2001:db8::1' },
  },
  {
    section: '4.2',
    name: 'ipv6-bad',
    bytes: register('ipv6-bad', 'sip:2001:db8::10'),
    refused: 400,
    answer: 400,
    why: 'an IPv6 address without brackets',
  },
  {
    section: '4.3',
    name: 'port-ambiguous',
    bytes: register('port-ambiguous', 'sip:[2001:db8::10:5070]'),
    answer: APPLICATION_REGISTER,
    why: 'what looks like a port within the brackets is part of the address',
    facts: { host: '2001:db8::10:5070', port: undefined },
  },
  {
    section: '4.4',
    name: 'port-unambiguous',
    bytes: register('port-unambiguous', 'sip:[2001:db8::10]:5070'),
    answer: APPLICATION_REGISTER,
    why: 'a port behind the brackets',
    facts: { host: '2001:db8::10', port: 5070 },
  },
  {
    section: '4.5',
    name: 'via-received-param-with-delim',
    bytes: bye('with-delim', 'SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKas3-111'),
    answer: 481,
    why: 'received with brackets, as some write it; the dialog does not exist',
    facts: { received: '[2001:db8::9:255]' },
  },
  {
    section: '4.5',
    name: 'via-received-param-no-delim',
    bytes: bye('no-delim', 'SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255;branch=z9hG4bKas3'),
    answer: 481,
    why: 'received without brackets, as the grammar wants it; the dialog does not exist',
    facts: { received: '2001:db8::9:255' },
  },
  {
    section: '4.6',
    name: 'ipv6-in-sdp',
    bytes: invite('ipv6-in-sdp', ['SIP/2.0/UDP [2001:db8::20];branch=z9hG4bKas3-111'], V6_SDP),
    answer: APPLICATION_INVITE,
    why: 'an offer from an IPv6 address',
    facts: { sdp: V6_SDP },
  },
  {
    section: '4.7',
    name: 'mult-ip-in-header',
    bytes: bye(
      'mult-ip-in-header',
      'SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bKas3-111\r\n' +
        'Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKjhja8781hjuaij65144\r\n' +
        'Via: SIP/2.0/TCP [2001:db8::9:255];branch=z9hG4bK451jj;received=192.0.2.200',
    ),
    answer: 481,
    why: 'both families on the path of one request',
    facts: { viaPort: 6050, vias: 3 },
  },
  {
    section: '4.8',
    name: 'mult-ip-in-sdp',
    bytes: invite('mult-ip-in-sdp', ['SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111'], MANY_SDP),
    answer: APPLICATION_INVITE,
    why: 'media lines of both families; the session has no address of its own',
    facts: { sdp: MANY_SDP },
  },
  {
    section: '4.9',
    name: 'ipv4-mapped-ipv6',
    bytes: invite('ipv4-mapped-ipv6', ['SIP/2.0/UDP [::ffff:192.0.2.10]:19823;branch=z9hG4bKbh19'], V6_SDP),
    answer: APPLICATION_INVITE,
    why: 'IPv4 addresses mapped into IPv6',
    facts: { viaHost: '::ffff:192.0.2.10', viaPort: 19823 },
  },
  {
    section: '4.10',
    name: 'ipv6-bug-abnf-3-colons',
    bytes: message([
      'OPTIONS sip:user@[2001:db8:::192.0.2.1] SIP/2.0',
      'To: sip:user@[2001:db8:::192.0.2.1]',
      'From: sip:user@example.com;tag=810x2',
      'Via: SIP/2.0/UDP lab1.east.example.com;branch=z9hG4bKas3-111',
      'Call-ID: G9559905523997077@hlau_4100',
      'Max-Forwards: 70',
      'CSeq: 689 OPTIONS',
      'Content-Length: 0',
    ]),
    answer: 200,
    why: 'three colons, which the grammar of RFC 3261 allows by mistake: taken, as the RFC advises',
    facts: { host: '2001:db8:::192.0.2.1' },
  },
];
