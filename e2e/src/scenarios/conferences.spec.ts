import { openApplication } from '../fixtures/application.ts';
import type { Application } from '../fixtures/application.ts';
import { callWithPhone } from '../fixtures/rtp-phone.ts';
import type { RtpPhone } from '../fixtures/rtp-phone.ts';
import type { RtpPacket } from '../fixtures/rtp-stream.ts';
import { startSecond } from '../fixtures/second-node.ts';
import { startServer } from '../fixtures/server.ts';
import type { TestServer } from '../fixtures/server.ts';
import { expect, serverOptions, test } from '../fixtures/test.ts';
import { amplitudeAt, linearOfMuLaw } from '../fixtures/tone.ts';

/** Far from each other and from each other's harmonics. */
const TONES = [420, 710, 1030, 1370, 1730];
/** Of full scale: a phone says its tone at half of it. */
const HEARD = 0.1;
const SILENT = 0.04;
const STRETCHES = 10;

/** The tones of the second that came last: of ten stretches of it most hold them. A busy machine tears holes into it. */
function tonesIn(packets: readonly RtpPacket[]): { heard: number[]; silent: number[] } {
  const last = packets.filter(({ payloadType }) => payloadType === 0).slice(-STRETCHES * 5);
  const stretches = Array.from({ length: STRETCHES }, (_, at) =>
    Int16Array.from(last.slice(at * 5, at * 5 + 5).flatMap(({ payload }) => [...payload].map(linearOfMuLaw))),
  );
  const level = (hz: number): number =>
    stretches.map((samples) => amplitudeAt(samples, 8000, hz)).sort((x, y) => x - y)[STRETCHES / 2] ?? 0;
  return { heard: TONES.filter((hz) => level(hz) > HEARD), silent: TONES.filter((hz) => level(hz) < SILENT) };
}

const hears = async (phone: RtpPhone | undefined, heard: readonly number[]): Promise<void> => {
  await expect.poll(() => tonesIn(phone?.media.received ?? []).heard, { timeout: 20_000 }).toEqual(heard);
};

async function call(server: TestServer, number: string, toneHz: number): Promise<RtpPhone> {
  const { sip } = await server.state();
  const phone = await callWithPhone({ server: sip, number, toneHz });
  await phone.answered;
  return phone;
}

async function hangUpAll(phones: RtpPhone[]): Promise<void> {
  for (const phone of phones.splice(0)) await phone.hangup();
}

test('CR-5 five parties on two nodes: each hears exactly the four others; who leaves is heard no more', async ({
  host,
}) => {
  const first = await startServer(serverOptions(host));
  const second = await startSecond(host, first);
  const told = 'statusCallback="/conference" statusCallbackEvent="start end join leave"';
  const answer = (): string => `<Dial><Conference beep="false" ${told}>five</Conference></Dial>`;
  const application = await openApplication(first, ['+15550180'], answer);
  const phones: RtpPhone[] = [];
  try {
    for (const [at, toneHz] of TONES.entries()) {
      phones.push(await call(at % 2 === 0 ? first : second, application.number, toneHz));
    }
    await application.waitForRequest(({ params }) => params['StatusCallbackEvent'] === 'conference-start');
    for (const [at, phone] of phones.entries()) {
      const own = TONES[at] ?? 0;
      await hears(
        phone,
        TONES.filter((hz) => hz !== own),
      );
      const silent = (): number[] => tonesIn(phone.media.received).silent;
      await expect.poll(silent, { message: `party ${own} Hz hears itself` }).toEqual([own]);
    }
    await phones.splice(1, 1)[0]?.hangup();
    await application.waitForRequest(({ params }) => params['StatusCallbackEvent'] === 'participant-leave');
    await hears(phones[0], TONES.slice(2));
    await hangUpAll(phones);
    await application.waitForRequest(({ params }) => params['StatusCallbackEvent'] === 'conference-end');
    expect(numbersOf(application)).toEqual(numbersOf(application).map((_, at) => at + 1));
  } finally {
    await hangUpAll(phones);
    await application.close();
    await second.stop();
    await first.stop();
  }
});

function numbersOf({ requests }: Application): number[] {
  return requests.filter(({ path }) => path === '/conference').map(({ params }) => Number(params['SequenceNumber']));
}

test('CR-5 a caller waits with music and its own announcements; an agent on another node takes it', async ({
  host,
}) => {
  const first = await startServer(serverOptions(host));
  const second = await startSecond(host, first);
  const application = await openApplication(first, ['+15550181', '+15550182'], ({ path, params }) => {
    if (path === '/after') return '<Pause length="20"/>';
    if (path === '/whisper') return '<Pause length="1"/>';
    return params['To'] === '+15550181'
      ? '<Enqueue action="/after">help</Enqueue>'
      : '<Dial action="/done"><Queue url="/whisper">help</Queue></Dial>';
  });
  const phones: RtpPhone[] = [];
  try {
    const caller = await call(first, '+15550181', TONES[0] ?? 0);
    phones.push(caller);
    const loudest = (): number =>
      Math.max(...caller.media.received.slice(-50).flatMap(({ payload }) => [...payload].map(linearOfMuLaw)));
    await expect.poll(loudest, 'hold music').toBeGreaterThan(1000);
    const agent = await call(second, '+15550182', TONES[1] ?? 0);
    phones.push(agent);
    const whisper = await application.waitForRequest(({ path }) => path === '/whisper');
    expect(Object.keys(whisper.params)).toEqual(expect.arrayContaining(['QueueSid', 'QueueTime', 'DequeingCallSid']));
    await hears(caller, TONES.slice(1, 2));
    await hears(agent, TONES.slice(0, 1));
    await phones.pop()?.hangup();
    const after = await application.waitForRequest(({ path }) => path === '/after');
    expect(after.params).toMatchObject({ QueueResult: 'bridged', To: '+15550181' });
    const done = await application.waitForRequest(({ path }) => path === '/done');
    expect(done.params).toMatchObject({ DialCallStatus: 'completed', DialCallSid: after.params['CallSid'] });
  } finally {
    await hangUpAll(phones);
    await application.close();
    await second.stop();
    await first.stop();
  }
});
