import type { SpeechRecognizer } from '../bridge/ports.ts';
import type { Transcriber } from '../calls/ports.ts';
import { describeError } from '../kernel/index.ts';
import type { RecordingStore } from './ports.ts';
import { WAV_HEADER_BYTES } from './recordings/wav-header.ts';

/** Longest recording that is written down, milliseconds: two minutes, as in the 2010 API. */
const MAX_MS = 120_000;

/** Writes recordings down by a recognizer of speech. */
export function createTranscriber(store: RecordingStore, recognizer: SpeechRecognizer): Transcriber {
  return {
    async transcribe({ accountSid, recordingSid }) {
      try {
        const recording = await store.read(accountSid, recordingSid);
        if (recording === undefined) return { ok: false, message: 'the recording is not there any more' };
        if (recording.facts.durationMs > MAX_MS)
          return { ok: false, message: 'the recording is longer than two minutes' };
        const parts: Uint8Array[] = [];
        for await (const part of recording.body) parts.push(part);
        const samples = samplesOf(Buffer.concat(parts), recording.facts.channels);
        const result = await recognizer.recognise({ accountSid, samples, language: 'en-US', hints: [] });
        return result.ok ? { ok: true, text: result.text } : result;
      } catch (error) {
        return { ok: false, message: describeError(error) };
      }
    },
  };
}

/** Both channels mixed. */
function samplesOf(wav: Uint8Array, channels: 1 | 2): Int16Array {
  const view = new DataView(wav.buffer, wav.byteOffset + WAV_HEADER_BYTES);
  const samples = new Int16Array(Math.floor(view.byteLength / 2 / channels));
  for (let at = 0; at < samples.length; at++) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++) sum += view.getInt16((at * channels + channel) * 2, true);
    samples[at] = Math.max(-32_768, Math.min(32_767, sum));
  }
  return samples;
}
