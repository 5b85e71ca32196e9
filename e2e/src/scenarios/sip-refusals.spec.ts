import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { expect, test } from '../fixtures/test.ts';

interface Request {
  readonly method: string;
  readonly uri: string;
  /** Headers that replace the usual ones; undefined leaves one out. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
}

/** Sends one datagram and gives the status line of the first final answer. */
async function ask(server: { host: string; port: number }, request: Request | Buffer, waitMs = 4000): Promise<string> {
  const socket = createSocket('udp4');
  socket.bind(0, server.host);
  await once(socket, 'listening');
  const { address, port } = socket.address();
  const id = randomBytes(8).toString('hex');
  const text = (wish: Request): string => {
    const headers: Record<string, string | undefined> = {
      Via: `SIP/2.0/UDP ${address}:${port};branch=z9hG4bK${id};rport`,
      From: `<sip:+15550177@${address}>;tag=${id}`,
      To: `<${wish.uri}>`,
      'Call-ID': id,
      CSeq: `1 ${wish.method}`,
      Contact: `<sip:+15550177@${address}:${port}>`,
      'Max-Forwards': '70',
      'Content-Length': '0',
      ...wish.headers,
    };
    const lines = Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [`${name}: ${value}`],
    );
    return [`${wish.method} ${wish.uri} SIP/2.0`, ...lines, '', ''].join('\r\n');
  };
  const answer = Promise.withResolvers<string>();
  socket.on('message', (bytes) => {
    const [line = ''] = bytes.toString('utf8').split('\r\n');
    if (!/^SIP\/2\.0 1\d\d/.test(line)) answer.resolve(line);
  });
  const timer = setTimeout(() => {
    answer.resolve('nothing');
  }, waitMs);
  socket.send(Buffer.isBuffer(request) ? request : text(request), server.port, server.host);
  const line = await answer.promise;
  clearTimeout(timer);
  socket.close();
  return line;
}

const anyCall = { method: 'INVITE', uri: 'sip:+15550100@hookswitch.invalid' } as const;
const tooManyCommas = ','.repeat(5000);

const ANSWERS: readonly { readonly what: string; readonly request: Request; readonly line: RegExp }[] = [
  { what: 'OPTIONS', request: { method: 'OPTIONS', uri: 'sip:hookswitch.invalid' }, line: / 200 / },
  {
    what: 'an INVITE to a number that nobody has',
    request: { method: 'INVITE', uri: 'sip:+15559999@hookswitch.invalid' },
    line: / 404 /,
  },
  { what: 'an INVITE without Call-ID', request: { ...anyCall, headers: { 'Call-ID': undefined } }, line: / 400 / },
  { what: 'an INVITE with two CSeqs in one', request: { ...anyCall, headers: { CSeq: '1 2 INVITE' } }, line: / 400 / },
  { what: 'a CSeq of another method', request: { ...anyCall, headers: { CSeq: '1 BYE' } }, line: / 400 / },
  { what: 'an INVITE without From', request: { ...anyCall, headers: { From: undefined } }, line: / 400 / },
  {
    what: 'a required extension that we do not have',
    request: { ...anyCall, headers: { Require: 'timetravel' } },
    line: / 420 /,
  },
  {
    what: 'a method that we do not have',
    request: { method: 'PUBLISH', uri: 'sip:hookswitch.invalid' },
    line: / (405|501) /,
  },
  { what: 'a BYE of no dialog', request: { method: 'BYE', uri: 'sip:hookswitch.invalid' }, line: / 481 / },
];

test('SIP requests that are no call of ours get the answer of the RFC', async ({ server }) => {
  const { sip } = await server.state();
  for (const { what, request, line } of ANSWERS) expect(await ask(sip, request), what).toMatch(line);
});

test('garbage on the SIP port harms nobody', async ({ server }) => {
  const { sip, health } = await server.state();
  const datagrams = [
    Buffer.alloc(0),
    Buffer.from('\r\n\r\n'),
    Buffer.from([0xff, 0, 0x80, 0xc3, 0x28]),
    Buffer.from('INVITE sip:x SIP/2.0\r\n'),
    Buffer.from(`INVITE sip:+15550100@x SIP/2.0\r\nVia: ${tooManyCommas}\r\n\r\n`),
    Buffer.from('SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1\r\nCSeq: 1 INVITE\r\n\r\n'),
    randomBytes(1400),
  ];
  for (const datagram of datagrams) await ask(sip, datagram, 50);
  expect(await ask(sip, { method: 'OPTIONS', uri: 'sip:hookswitch.invalid' })).toMatch(/ 200 /);
  expect((await fetch(health)).status).toBe(200);
});

test('a caller from an address that no trunk allows is turned away with 403', async ({ sipp }) => {
  const caller = await sipp({ call: true, scenario: 'forbidden', stranger: true, number: '+15550100' });
  await caller.done();
});

test('sipp asks whether the server lives', async ({ sipp }) => {
  const caller = await sipp({ call: true, scenario: 'options' });
  await caller.done();
});
