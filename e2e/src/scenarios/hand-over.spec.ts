import { AGENT_TONE, PSTN_TONE, expect, pstnUri, test } from '../fixtures/test.ts';
import { isHandOverOff } from '../fixtures/media-path.ts';
import { readWav, tonePresence } from '../fixtures/tone.ts';

/** Runs in the page: how much of one frequency is heard, every 20 ms for so many milliseconds, full scale 1. */
async function record({ hz, ms }: { hz: number; ms: number }): Promise<number[]> {
  interface Softphone {
    readonly hookswitch: {
      readonly device: { readonly activeCall: { getRemoteStream(): MediaStream | undefined } | undefined };
    };
  }
  const stream = (window as unknown as Softphone).hookswitch.device.activeCall?.getRemoteStream();
  if (stream === undefined) throw new Error('there is no call to listen to');
  const context = new AudioContext({ sampleRate: 8000 });
  const analyser = context.createAnalyser();
  analyser.fftSize = 256;
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const levels: number[] = [];
  const end = performance.now() + ms;
  while (performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    analyser.getFloatTimeDomainData(samples);
    let [re, im] = [0, 0];
    for (const [i, sample] of samples.entries()) {
      const angle = (2 * Math.PI * hz * i) / 8000;
      re += sample * Math.cos(angle);
      im += sample * Math.sin(angle);
    }
    levels.push((2 * Math.hypot(re, im)) / samples.length);
  }
  await context.close();
  return levels;
}

/** Longest run of windows without the tone, after it was first there, in milliseconds. */
function longestGapMs(present: readonly boolean[]): number {
  let [longest, run] = [0, 0];
  const end = present.lastIndexOf(true);
  for (const there of present.slice(present.indexOf(true), end)) {
    run = there ? 0 : run + 1;
    longest = Math.max(longest, run);
  }
  return longest * 20;
}

const changes = (output: string): string[] =>
  [...output.matchAll(/"owner":"(node|plain)","reason":"([a-z-]+)"/g)].map(([, owner, reason]) => `${owner} ${reason}`);

test.skip(isHandOverOff, 'the server is started without');

test('BR-4 a call goes to the media worker and back again and again, and neither party hears of it', async ({
  server,
  agent,
  pstn,
}) => {
  const alice = await agent({ identity: 'alice' });
  const peer = await pstn();
  const earlier = changes(server.process.output()).length;
  const path = (): string[] => changes(server.process.output()).slice(earlier);
  await peer.dial(await pstnUri(server));
  await expect(alice.page.getByTestId('incoming-card')).toBeVisible();
  await alice.page.getByTestId('answer').click();
  await peer.event('CALL_ESTABLISHED');
  await alice.waitToHear(PSTN_TONE);
  const recording = alice.page.evaluate(record, { hz: PSTN_TONE, ms: 12_000 });
  for (let round = 1; round <= 3; round++) {
    await expect.poll(() => path().filter((change) => change === 'plain bridged').length).toBe(round);
    await alice.page.waitForTimeout(800);
    // A key of the phone is heard without a return, one of ours needs it.
    await peer.sendDigit(String(round));
    await expect(alice.page.getByTestId('digits-received')).toContainText(String(round));
    await alice.page.getByTestId('keypad-7').click();
    expect((await peer.event('CALL_DTMF_START')).param).toBe('7');
  }
  await expect.poll(() => path().filter((change) => change === 'plain bridged').length).toBe(4);
  const levels = await recording;
  await alice.waitToHear(PSTN_TONE);
  await alice.page.getByTestId('hangup').click();
  await peer.event('CALL_CLOSED');
  expect(longestGapMs(levels.map((level) => level > 0.05))).toBeLessThanOrEqual(60);
  const [file = ''] = await peer.recordings();
  const present = tonePresence(await readWav(file), AGENT_TONE);
  // The call begins where the tone stays for half a second.
  const start = present.findIndex((_, at) => present.slice(at, at + 25).every(Boolean));
  // The keys take the place of 100 ms of audio each.
  expect(longestGapMs(present.slice(start))).toBeLessThanOrEqual(180);
  expect(path().slice(0, 7)).toEqual([
    ...Array.from({ length: 3 }, () => ['plain bridged', 'node dtmf']).flat(),
    'plain bridged',
  ]);
});
