import { spawn } from 'node:child_process';
import { Readable } from 'node:stream';
import { describeError } from '../../kernel/index.ts';
import { RecordingError } from './recording-error.ts';

export interface TranscodeOptions {
  readonly format: 'wav' | 'mp3';
  /** What is kept of a recording with two channels: both as they are, or both mixed into one (default: as they are). */
  readonly channels?: 1 | 2;
  /** Program by name or path (default ffmpeg). */
  readonly ffmpeg?: string;
}

/** Longest that a child may take, milliseconds: an hour of audio takes seconds. */
const TIMEOUT_MS = 120_000;

/**
 * A WAV file in another form, by ffmpeg in a child process: as it comes, nothing is kept in memory. Whoever stops reading
 * ends the child.
 *
 * @throws RecordingError `transcode` while it is read
 */
export async function* transcode(
  wav: AsyncIterable<Uint8Array>,
  { format, channels, ffmpeg = 'ffmpeg' }: TranscodeOptions,
): AsyncGenerator<Uint8Array> {
  const form = format === 'mp3' ? ['-codec:a', 'libmp3lame', '-b:a', '32k', '-f', 'mp3'] : ['-f', 'wav'];
  const mixed = channels === undefined ? [] : ['-ac', String(channels)];
  const args = ['-hide_banner', '-loglevel', 'error', '-f', 'wav', '-i', 'pipe:0', ...mixed, ...form, 'pipe:1'];
  const child = spawn(ffmpeg, args, { stdio: ['pipe', 'pipe', 'pipe'], timeout: TIMEOUT_MS, killSignal: 'SIGKILL' });
  let failed: Error | undefined;
  const ended = Promise.withResolvers<number | null>();
  child.on('error', (error) => {
    failed ??= error;
  });
  child.on('close', ended.resolve);
  let complaint = '';
  child.stderr.on('data', (text: Buffer) => {
    complaint = `${complaint}${text.toString()}`.slice(0, 300);
  });
  // What the child leaves unread is no fault of its own.
  child.stdin.on('error', () => undefined);
  const source = Readable.from(wav);
  source.on('error', (error) => {
    failed ??= error;
    child.kill('SIGKILL');
  });
  source.pipe(child.stdin);
  try {
    for await (const chunk of child.stdout) yield chunk as Uint8Array;
    const code = await ended.promise;
    if (failed !== undefined) throw failed;
    if (code !== 0) throw new RecordingError('transcode', `${ffmpeg} failed: ${complaint.trim()}`);
  } catch (error) {
    if (error instanceof RecordingError) throw error;
    throw new RecordingError('transcode', `${ffmpeg} could not be run: ${describeError(error)}`, { cause: error });
  } finally {
    source.destroy();
    child.kill('SIGKILL');
    await ended.promise;
  }
}
