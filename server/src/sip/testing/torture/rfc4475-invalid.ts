import type { TortureCase } from './case.ts';
import { APPLICATION_INVITE, APPLICATION_REGISTER, message, offer, sdpHeaders } from './case.ts';

const SDP = offer();

/** Headers of a request that is right but for what its case is about. */
function usual(name: string, method: string, changed: Readonly<Record<string, string>> = {}): string[] {
  const headers: Record<string, string> = {
    To: 'sip:user@example.com',
    From: 'sip:caller@example.net;tag=242etr',
    'Max-Forwards': '6',
    'Call-ID': `${name}.0ha0isndaksdj`,
    CSeq: `8 ${method}`,
    Via: `SIP/2.0/UDP 192.0.2.15;branch=z9hG4bK${name}`,
    Contact: '<sip:caller@host5.example.net>',
    ...changed,
  };
  return Object.entries(headers).map(([key, value]) => `${key}: ${value}`);
}

/** A message with an offer that is right but for what its case is about. */
function invite(name: string, start: string, changed: Readonly<Record<string, string>> = {}): Buffer {
  return message([start, ...usual(name, 'INVITE', changed), ...sdpHeaders(SDP)], SDP);
}

const framing: readonly TortureCase[] = [
  {
    section: '3.1.2.1',
    name: 'badinv01',
    bytes: invite('badinv01', 'INVITE sip:user@example.com SIP/2.0', {
      Via: 'SIP/2.0/UDP 192.0.2.15;;,;,,',
      Contact: '"Joe" <sip:joe@example.org>;;;;',
    }),
    refused: 400,
    answer: 400,
    why: 'separators without anything between them. DEVIATION: in Contact alone they are passed over',
  },
  {
    section: '3.1.2.2',
    name: 'clerr',
    bytes: message(
      [
        'INVITE sip:user@example.com SIP/2.0',
        ...usual('clerr', 'INVITE'),
        'Content-Type: application/sdp',
        'Content-Length: 9999',
      ],
      SDP,
    ),
    refused: 400,
    answer: 400,
    why: 'the datagram is shorter than its Content-Length (section 18.3)',
  },
  {
    section: '3.1.2.3',
    name: 'ncl',
    bytes: message(
      [
        'INVITE sip:user@example.com SIP/2.0',
        ...usual('ncl', 'INVITE'),
        'Content-Type: application/sdp',
        'Content-Length: -999',
      ],
      SDP,
    ),
    refused: 400,
    answer: 400,
    why: 'a negative Content-Length',
  },
  {
    section: '3.1.2.4',
    name: 'scalar02',
    bytes: message([
      'REGISTER sip:example.com SIP/2.0',
      ...usual('scalar02', 'REGISTER', {
        CSeq: '36893488147419103232 REGISTER',
        'Max-Forwards': '300',
        Expires: '10000000000000000000000000000000000000000000',
        Contact: '<sip:user@host129.example.com>;expires=280297596632815',
      }),
      'Content-Length: 0',
    ]),
    refused: 400,
    answer: 400,
    why: 'CSeq is not below 2^31 and Max-Forwards not below 256',
  },
  {
    section: '3.1.2.5',
    name: 'scalarlg',
    bytes: message([
      'SIP/2.0 503 Service Unavailable',
      'Via: SIP/2.0/TCP host129.example.com;branch=z9hG4bKzzxdiwo34sw;received=192.0.2.129',
      'To: <sip:user@example.com>',
      'From: <sip:other@example.net>;tag=2easdjfejw',
      'CSeq: 9292394834772304023312 OPTIONS',
      'Call-ID: scalarlg.noase0of0234hn2qofoaf0232aewf2394r',
      'Retry-After: 949302838503028349304023988',
      'Warning: 1812 overture "In Progress"',
      'Content-Length: 0',
    ]),
    refused: 400,
    answer: 'dropped',
    why: 'a response with a CSeq that cannot be ours is dropped',
  },
  {
    section: '3.1.2.6',
    name: 'quotbal',
    bytes: invite('quotbal', 'INVITE sip:user@example.com SIP/2.0', {
      To: '"Mr. J. User <sip:j.user@example.com>',
    }),
    refused: 400,
    answer: 400,
    why: 'the quoted string of To never closes',
  },
  {
    section: '3.1.2.7',
    name: 'ltgtruri',
    bytes: invite('ltgtruri', 'INVITE <sip:user@example.com> SIP/2.0'),
    refused: 400,
    answer: 400,
    why: 'a Request-URI in angle brackets',
  },
  {
    section: '3.1.2.8',
    name: 'lwsruri',
    bytes: invite('lwsruri', 'INVITE sip:user@example.com; lr SIP/2.0'),
    refused: 400,
    answer: 400,
    why: 'white space within the Request-URI',
  },
  {
    section: '3.1.2.9',
    name: 'lwsstart',
    bytes: invite('lwsstart', 'INVITE  sip:user@example.com  SIP/2.0'),
    refused: 400,
    answer: 400,
    why: 'more than one space between the elements of the request line',
  },
  {
    section: '3.1.2.10',
    name: 'trws',
    bytes: message([
      'OPTIONS sip:remote-target@example.com SIP/2.0  ',
      ...usual('trws', 'OPTIONS'),
      'Content-Length: 0',
    ]),
    refused: 400,
    answer: 400,
    why: 'white space at the end of the request line',
  },
];

const values: readonly TortureCase[] = [
  {
    section: '3.1.2.11',
    name: 'escruri',
    bytes: invite('escruri', 'INVITE sip:user@example.com?Route=%3Csip:example.com%3E SIP/2.0'),
    refused: 400,
    answer: 400,
    why: 'a Request-URI may not have headers (section 19.1.1, table 1)',
  },
  {
    section: '3.1.2.12',
    name: 'baddate',
    bytes: invite('baddate', 'INVITE sip:user@example.com SIP/2.0', { Date: 'Fri, 01 Jan 2010 16:00:00 EST' }),
    answer: APPLICATION_INVITE,
    why: 'Date is not needed for anything, and a malformed header that is not needed is ignored (section 8.2)',
    facts: { 'header:date': 'Fri, 01 Jan 2010 16:00:00 EST' },
  },
  {
    section: '3.1.2.13',
    name: 'regbadct',
    bytes: message([
      'REGISTER sip:example.com SIP/2.0',
      ...usual('regbadct', 'REGISTER', { Contact: 'sip:user@example.com?Route=%3Csip:sip.example.com%3E' }),
      'l: 0',
    ]),
    refused: 400,
    answer: 400,
    why: 'a URI with a question mark must be in angle brackets (section 20)',
  },
  {
    section: '3.1.2.14',
    name: 'badaspec',
    bytes: message([
      'OPTIONS sip:user@example.org SIP/2.0',
      ...usual('badaspec', 'OPTIONS', { To: '"Watson, Thomas" < sip:t.watson@example.org >' }),
      'l: 0',
    ]),
    answer: 200,
    why: 'blanks within the brackets. DEVIATION: the grammar has none; the RFC leaves it to us, and nothing is ambiguous',
    facts: { toUser: 't.watson' },
  },
  {
    section: '3.1.2.15',
    name: 'baddn',
    bytes: message([
      'OPTIONS sip:t.watson@example.org SIP/2.0',
      ...usual('baddn', 'OPTIONS', { From: 'Bell, Alexander <sip:a.g.bell@example.com>;tag=43' }),
      'l: 0',
    ]),
    answer: 200,
    why: 'a comma in an unquoted display name. DEVIATION: From is no list, so the RFC lets us take what was meant',
    facts: { fromName: 'Bell, Alexander', fromTag: '43' },
  },
  {
    section: '3.1.2.16',
    name: 'badvers',
    bytes: message([
      'OPTIONS sip:t.watson@example.org SIP/7.0',
      ...usual('badvers', 'OPTIONS', { Via: 'SIP/7.0/UDP c.example.com;branch=z9hG4bKkdjuw' }),
      'l: 0',
    ]),
    refused: 505,
    answer: 505,
    why: 'a version that we do not speak (section 21.5.6)',
  },
  {
    section: '3.1.2.17',
    name: 'mismatch01',
    bytes: message([
      'OPTIONS sip:user@example.com SIP/2.0',
      ...usual('mismatch01', 'OPTIONS', { CSeq: '8 INVITE' }),
      'l: 0',
    ]),
    refused: 400,
    answer: 400,
    why: 'the method of CSeq is another one',
  },
  {
    section: '3.1.2.18',
    name: 'mismatch02',
    bytes: message([
      'NEWMETHOD sip:user@example.com SIP/2.0',
      ...usual('mismatch02', 'NEWMETHOD', { CSeq: '8 INVITE' }),
      'l: 0',
    ]),
    refused: 501,
    answer: 501,
    why: 'the method of CSeq is another one and that of the request unknown: of 400 and 501 the RFC favours 501',
  },
  {
    section: '3.1.2.19',
    name: 'bigcode',
    bytes: message([
      'SIP/2.0 4294967301 better not break the receiver',
      'Via: SIP/2.0/UDP 192.0.2.105;branch=z9hG4bK2398ndaoe',
      'Call-ID: bigcode.asdof3uj203asdnf3429uasdhfas3ehjasdfas9i',
      'CSeq: 353494 INVITE',
      'From: <sip:user@example.com>;tag=39ansfi3',
      'To: <sip:user@example.edu>;tag=902jndnke3',
      'Content-Length: 0',
      'Contact: <sip:user@host105.example.com>',
    ]),
    refused: 400,
    answer: 'dropped',
    why: 'no status has ten digits: the response is dropped',
    facts: { kind: 'response' },
  },
];

/** RFC 4475 section 3.1.2: malformed. */
export const RFC4475_INVALID: readonly TortureCase[] = [...framing, ...values];

/** RFC 4475 sections 3.2 to 3.4: what transaction layer and application make of it; and RFC 2543. */
export const RFC4475_BEYOND: readonly TortureCase[] = [
  {
    section: '3.2.1',
    name: 'badbranch',
    bytes: message([
      'OPTIONS sip:user@example.com SIP/2.0',
      ...usual('badbranch', 'OPTIONS', { Via: 'SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK' }),
      'l: 0',
    ]),
    answer: 200,
    why: 'a branch that is the cookie alone identifies nothing: matched as RFC 2543 does',
  },
  {
    section: '3.3.1',
    name: 'insuf',
    bytes: message(
      [
        'INVITE sip:user@example.com SIP/2.0',
        'CSeq: 193942 INVITE',
        'Via: SIP/2.0/UDP 192.0.2.95;branch=z9hG4bKkdj.insuf',
        ...sdpHeaders(SDP),
      ],
      SDP,
    ),
    refused: 400,
    answer: 400,
    why: 'From, To and Call-ID are missing',
  },
  {
    section: '3.3.2',
    name: 'unkscm',
    bytes: message([
      'OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0',
      ...usual('unkscm', 'OPTIONS'),
      'l: 0',
    ]),
    refused: 416,
    answer: 416,
    why: 'an unknown scheme (section 8.2.2.1)',
  },
  {
    section: '3.3.3',
    name: 'novelsc',
    bytes: message(['OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0', ...usual('novelsc', 'OPTIONS'), 'l: 0']),
    refused: 416,
    answer: 416,
    why: 'a scheme that exists and that we do not speak',
  },
  {
    section: '3.3.4',
    name: 'unksm2',
    bytes: message([
      'REGISTER sip:example.com SIP/2.0',
      ...usual('unksm2', 'REGISTER', {
        To: 'isbn:2983792873',
        From: '<http://www.example.com>;tag=3234233',
        Contact: '<name:John_Smith>',
      }),
      'l: 0',
    ]),
    answer: APPLICATION_REGISTER,
    why: 'well-formed: what to make of the schemes of To and Contact is for the registrar to decide',
    facts: { toUri: { scheme: 'other', text: 'isbn:2983792873' }, fromTag: '3234233' },
  },
  {
    section: '3.3.5',
    name: 'bext01',
    bytes: message([
      'OPTIONS sip:user@example.com SIP/2.0',
      ...usual('bext01', 'OPTIONS', {
        'Proxy-Require': 'nothingSupportsThis, nothingSupportsThisEither',
        Require: 'nothingSupportsThis, nothingSupportsThisEither',
      }),
      'l: 0',
    ]),
    answer: 420,
    why: 'option tags in Require that we do not know, named in Unsupported (section 8.2.2.3)',
  },
  {
    section: '3.3.6',
    name: 'invut',
    bytes: message(
      [
        'INVITE sip:user@example.com SIP/2.0',
        ...usual('invut', 'INVITE'),
        'Content-Type: application/unknownformat',
        'Content-Length: 40',
      ],
      '<audio>\r\n <pcmu port="443"/>\r\n</audio>\r\n',
    ),
    answer: 415,
    why: 'a body of a type that we do not take, named in Accept (section 8.2.3)',
  },
  {
    section: '3.3.7',
    name: 'regaut01',
    bytes: message([
      'REGISTER sip:example.com SIP/2.0',
      ...usual('regaut01', 'REGISTER', { Authorization: 'NoOneKnowsThisScheme opaque-data=here' }),
      'Content-Length:0',
    ]),
    answer: APPLICATION_REGISTER,
    why: 'well-formed: credentials of another scheme are none, which is for the registrar to say',
  },
  {
    section: '3.3.8',
    name: 'multi01',
    bytes: message(
      [
        'INVITE sip:user@company.com SIP/2.0',
        ...usual('multi01', 'INVITE'),
        'Call-ID: multi01.98asdh@192.0.2.2',
        'CSeq: 59 INVITE',
        'From: sip:caller@example.net;tag=3413415',
        'To: sip:user2@example.com',
        'Max-Forwards: 5',
        ...sdpHeaders(SDP),
      ],
      SDP,
    ),
    refused: 400,
    answer: 400,
    why: 'headers that may come once come twice',
  },
  {
    section: '3.3.9',
    name: 'mcl01',
    bytes: message(
      ['OPTIONS sip:user@example.com SIP/2.0', ...usual('mcl01', 'OPTIONS'), 'Content-Length: 13', 'Content-Length: 5'],
      'There is no way to know how many octets are supposed to be here.',
    ),
    refused: 400,
    answer: 400,
    why: 'two lengths that differ',
  },
  {
    section: '3.3.10',
    name: 'bcast',
    bytes: message([
      'SIP/2.0 200 OK',
      'Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923',
      'Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23',
      'Call-ID: bcast.0384840201234ksdfak3j2erwedfsASdf',
      'CSeq: 35 INVITE',
      'From: sip:user@example.com;tag=11141343',
      'To: sip:user@example.edu;tag=2229',
      'Content-Length: 0',
      'Contact: <sip:user@host28.example.com>',
    ]),
    answer: 'dropped',
    why: 'no transaction of ours waits for it, and a user agent forwards nothing',
  },
  {
    section: '3.3.11',
    name: 'zeromf',
    bytes: message([
      'OPTIONS sip:user@example.com SIP/2.0',
      ...usual('zeromf', 'OPTIONS', { 'Max-Forwards': '0' }),
      'l: 0',
    ]),
    answer: 200,
    why: 'a request that has arrived needs no more hops (section 11)',
  },
  {
    section: '3.3.12',
    name: 'cparam01',
    bytes: message([
      'REGISTER sip:example.com SIP/2.0',
      ...usual('cparam01', 'REGISTER', { Contact: 'sip:+19725552222@gw1.example.net;unknownparam' }),
      'l: 0',
    ]),
    answer: APPLICATION_REGISTER,
    why: 'without brackets the parameter belongs to the header (section 20.10)',
    facts: { contactParams: 1, contactUriParams: 0 },
  },
  {
    section: '3.3.13',
    name: 'cparam02',
    bytes: message([
      'REGISTER sip:example.com SIP/2.0',
      ...usual('cparam02', 'REGISTER', { Contact: '<sip:+19725552222@gw1.example.net;unknownparam>' }),
      'l: 0',
    ]),
    answer: APPLICATION_REGISTER,
    why: 'within brackets the parameter belongs to the URI',
    facts: { contactParams: 0, contactUriParams: 1 },
  },
  {
    section: '3.3.14',
    name: 'regescrt',
    bytes: message([
      'REGISTER sip:example.com SIP/2.0',
      ...usual('regescrt', 'REGISTER', { Contact: '<sip:user@example.com?Route=%3Csip:sip.example.com%3E>' }),
      'l: 0',
    ]),
    answer: APPLICATION_REGISTER,
    why: 'a Contact URI may have headers',
    facts: { contactUriHeaders: 'Route=%3Csip:sip.example.com%3E' },
  },
  {
    section: '3.3.15',
    name: 'sdp01',
    bytes: invite('sdp01', 'INVITE sip:user@example.com SIP/2.0', { Accept: 'text/nobodyKnowsThis' }),
    refused: 406,
    answer: 406,
    why: 'the caller takes no SDP, and we have nothing else to answer with (section 21.4.7)',
  },
  {
    section: '3.4.1',
    name: 'inv2543',
    bytes: message(
      [
        'INVITE sip:UserB@example.com SIP/2.0',
        'Via: SIP/2.0/UDP iftgw.example.com',
        'From: <sip:+13035551111@ift.client.example.net;user=phone>',
        'Record-Route: <sip:UserB@example.com;maddr=ss1.example.com>',
        'To: sip:+16505552222@ss1.example.net;user=phone',
        'Call-ID: inv2543.1717@ift.client.example.com',
        'CSeq: 56 INVITE',
        ...sdpHeaders(SDP),
      ],
      SDP,
    ),
    answer: 400,
    why: 'readable without branch, From tag and Max-Forwards. DEVIATION: without Contact there is nowhere to send our BYE',
    facts: { 'toParam:user': 'phone', maxForwards: undefined },
  },
];
