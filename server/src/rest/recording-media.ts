import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type { RecordingRecord } from '../records/index.ts';
import { RestError } from './errors.ts';
import type { RestServices } from './services.ts';

export interface Wanted {
  readonly recording: RecordingRecord;
  readonly format: 'wav' | 'mp3';
  /** Both channels mixed into one. */
  readonly mono: boolean;
  /** The Range header (RFC 9110 section 14.2). */
  readonly range: string | undefined;
}

const TYPES = { wav: 'audio/wav', mp3: 'audio/mpeg' } as const;
/** A file that has to be made first is kept whole in memory: hours of mp3 fit, minutes of WAV do. */
const MAX_MADE = 64 * 1024 * 1024;

/** Sends the audio, or the part of it that was asked for. @throws RestError `notFound`, `tooLarge` */
export async function sendRecording(
  services: RestServices,
  reply: FastifyReply,
  wanted: Wanted,
): Promise<FastifyReply> {
  const { accountSid, sid, status } = wanted.recording;
  if (status !== 'completed') throw new RestError('notFound', `The recording has no audio: it is ${status}`);
  void reply.header('accept-ranges', 'bytes').type(TYPES[wanted.format]);
  if (wanted.format === 'mp3' || wanted.mono) return await sendMade(services, reply, wanted);
  const facts = await services.recordingFiles.stat(accountSid, sid);
  if (facts === undefined) throw new RestError('notFound');
  const part = readRange(wanted.range, facts.bytes);
  if (part === 'unsatisfiable') return unsatisfiable(reply, facts.bytes);
  const found = await services.recordingFiles.read(accountSid, sid, part);
  if (found === undefined) throw new RestError('notFound');
  head(reply, part, facts.bytes);
  return reply.send(Readable.from(found.body));
}

async function sendMade(
  { recordingFiles, transcode }: RestServices,
  reply: FastifyReply,
  { recording, format, mono, range }: Wanted,
): Promise<FastifyReply> {
  const found = await recordingFiles.read(recording.accountSid, recording.sid);
  if (found === undefined) throw new RestError('notFound');
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of transcode(found.body, { format, ...(mono ? { channels: 1 as const } : {}) })) {
    size += chunk.byteLength;
    if (size > MAX_MADE) throw new RestError('tooLarge', 'The recording is too long for this form: take it as it is');
    chunks.push(chunk);
  }
  const file = Buffer.concat(chunks);
  const part = readRange(range, file.byteLength);
  if (part === 'unsatisfiable') return unsatisfiable(reply, file.byteLength);
  head(reply, part, file.byteLength);
  return reply.send(part === undefined ? file : file.subarray(part.start, part.end + 1));
}

interface Part {
  readonly start: number;
  /** Included. */
  readonly end: number;
}

function head(reply: FastifyReply, part: Part | undefined, size: number): void {
  if (part === undefined) {
    void reply.header('content-length', String(size));
    return;
  }
  const { start, end } = part;
  void reply
    .code(206)
    .headers({ 'content-range': `bytes ${start}-${end}/${size}`, 'content-length': String(end - start + 1) });
}

function unsatisfiable(reply: FastifyReply, size: number): FastifyReply {
  return reply.code(416).header('content-range', `bytes */${size}`).send('');
}

/** One range; several at once, and what is no range, are answered with the whole. */
function readRange(header: string | undefined, size: number): Part | 'unsatisfiable' | undefined {
  const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
  if (from === '' && to === '') return undefined;
  const start = from === '' ? Math.max(0, size - Number(to)) : Number(from);
  const end = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1);
  if (from !== '' && to !== '' && Number(to) < Number(from)) return undefined;
  return start >= size || (from === '' && to === '0') ? 'unsatisfiable' : { start, end };
}
