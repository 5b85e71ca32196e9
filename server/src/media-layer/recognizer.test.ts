import { describe, expect, it } from 'vitest';
import { decodeWav, encodeWav } from '../media/index.ts';
import { createRecognizer } from './recognizer.child.ts';
import { MemoryRecordingStore } from './recordings/recording-store.memory.ts';
import { transcode } from './recordings/transcode.child.ts';
import { createSpeech } from './speech.child.ts';
import { createTranscriber } from './transcriber.ts';

const accountSid = `AC${'a'.repeat(32)}`;
const said = async (text: string): Promise<Int16Array> => decodeWav(await createSpeech().synthesize({ text }));

describe('the offline recognizer (weak)', () => {
  it('CR-5 hears the one of the hints that was said, at telephone quality', async () => {
    const recognizer = createRecognizer();
    const hints = ['sales', 'technical support', 'billing'];
    const heard: string[] = [];
    for (const text of hints) {
      const result = await recognizer.recognise({ accountSid, samples: await said(text), language: 'en-US', hints });
      heard.push(result.ok ? result.text : result.message);
    }
    expect(heard).toEqual(hints);
  });

  it('CR-5 says why it cannot', async () => {
    const request = { accountSid, samples: new Int16Array(800), language: 'en-US', hints: [] };
    expect(await createRecognizer({ program: 'no-such-program' }).recognise(request)).toEqual({
      ok: false,
      message: 'no-such-program is not installed: run npm run setup',
    });
    expect(await createRecognizer().recognise({ ...request, language: 'fr-FR' })).toMatchObject({ ok: false });
    expect(await createRecognizer().recognise(request)).toEqual({ ok: true, text: '', confidence: 0 });
  });

  it('CR-5 writes a recording down', async () => {
    const store = new MemoryRecordingStore();
    const facts = {
      accountSid,
      callSid: '',
      recordingSid: 'RE1',
      channels: 1,
      bytes: 0,
      durationMs: 2000,
      startedAt: 0,
    } as const;
    const wav = await createSpeech().synthesize({ text: 'hello' });
    await store.put(facts, once(encodeWav(decodeWav(wav))));
    const result = await createTranscriber(store, createRecognizer()).transcribe({ accountSid, recordingSid: 'RE1' });
    expect(result).toMatchObject({ ok: true });
    expect(await createTranscriber(store, createRecognizer()).transcribe({ accountSid, recordingSid: 'RE2' })).toEqual({
      ok: false,
      message: 'the recording is not there any more',
    });
  });
});

describe('other forms of a recording', () => {
  it('CR-5 mp3, as long as the recording', async () => {
    const wav = await createSpeech().synthesize({ text: 'one two three four five six seven' });
    const parts: Uint8Array[] = [];
    for await (const part of transcode(once(wav), { format: 'mp3' })) parts.push(part);
    const mp3 = Buffer.concat(parts);
    // An MPEG frame header, or an ID3 tag before it.
    expect(mp3.subarray(0, 3).toString('latin1') === 'ID3' || mp3[0] === 0xff).toBe(true);
    const back: Uint8Array[] = [];
    for await (const part of transcode(once(wav), { format: 'wav', channels: 1 })) back.push(part);
    const seconds = decodeWav(Buffer.concat(back)).length / 8000;
    expect(mp3.length / 4000).toBeGreaterThan(seconds * 0.9);
    expect(mp3.length / 4000).toBeLessThan(seconds * 1.3);
  });

  it('CR-5 a program that is missing, or a file that is none, rejects', async () => {
    const read = async (wav: Uint8Array, ffmpeg?: string): Promise<void> => {
      const options = ffmpeg === undefined ? {} : { ffmpeg };
      for await (const part of transcode(once(wav), { format: 'mp3', ...options })) expect(part).toBeDefined();
    };
    await expect(read(new Uint8Array(100), 'no-such-program')).rejects.toMatchObject({ reason: 'transcode' });
    await expect(read(new Uint8Array(100))).rejects.toMatchObject({ reason: 'transcode' });
  });
});

// eslint-disable-next-line @typescript-eslint/require-await -- an iterable of what is there already
async function* once(part: Uint8Array): AsyncGenerator<Uint8Array> {
  yield part;
}
