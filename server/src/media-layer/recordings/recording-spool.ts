import { createReadStream } from 'node:fs';
import { mkdir, open, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { describeError, toError } from '../../kernel/index.ts';
import type { Log } from '../../kernel/index.ts';
import type { RecordingFile, RecordingFileFacts, RecordingFiles } from '../../media/ports.ts';
import type { RecordingStore, StoredRecording } from '../ports.ts';
import { RecordingError } from './recording-error.ts';
import { WAV_HEADER_BYTES, durationOf, wavHeader } from './wav-header.ts';

export interface RecordingSpoolOptions {
  /** Of this process alone; made when it is missing. */
  readonly directory: string;
  readonly store: RecordingStore;
  readonly log: Log;
}

/** A recording whose process died: what was written until then is stored now. */
export interface RecoveredRecording {
  readonly facts: RecordingFileFacts;
  /** Undefined: there was nothing in it, or it could not be stored (then it is tried again at the next start). */
  readonly stored: StoredRecording | undefined;
}

/** Most that waits for the disk, for one recording: a minute and more of it. Beyond, the recording fails. */
const MAX_PENDING = 4 * 1024 * 1024;

const factsSchema = z.object({
  accountSid: z.string(),
  callSid: z.string(),
  recordingSid: z.string(),
  channels: z.union([z.literal(1), z.literal(2)]),
  startedAt: z.number(),
  memo: z.looseObject({}).optional(),
});

/**
 * Recordings in the making: each a file of this machine that grows as the call goes on, so that the death of the process
 * costs no more than what was not written yet. A finished one goes to the store, and leaves the disk when it is safe there.
 */
export class RecordingSpool implements RecordingFiles {
  readonly #options: RecordingSpoolOptions;
  readonly #open = new Set<Promise<unknown>>();
  /** Recordings in the making, or on their way to the store. */
  readonly #live = new Set<SpoolFile>();

  private constructor(options: RecordingSpoolOptions) {
    this.#options = options;
  }

  /** @throws RecordingError `disk` */
  static async open(options: RecordingSpoolOptions): Promise<RecordingSpool> {
    try {
      await mkdir(options.directory, { recursive: true });
    } catch (error) {
      throw new RecordingError('disk', `recordings cannot be written to ${options.directory}`, { cause: error });
    }
    return new RecordingSpool(options);
  }

  get live(): number {
    return this.#live.size;
  }

  open(facts: RecordingFileFacts): RecordingFile {
    const path = this.#path(facts.recordingSid);
    const file: SpoolFile = new SpoolFile(path, facts, {
      finished: (stored) => this.#track(this.#store(path, stored)),
      over: () => {
        this.#live.delete(file);
      },
    });
    this.#live.add(file);
    return file;
  }

  /** Stores what an earlier process left behind. Call it once, before the first `open`. */
  async recover(): Promise<RecoveredRecording[]> {
    const { directory, log } = this.#options;
    const recovered: RecoveredRecording[] = [];
    for (const name of (await readdir(directory)).filter((each) => each.endsWith('.json'))) {
      const path = join(directory, name.replace(/\.json$/, ''));
      try {
        const facts = factsSchema.parse(JSON.parse(await readFile(`${path}.json`, 'utf8')));
        recovered.push({ facts: facts as RecordingFileFacts, stored: await this.#recoverOne(path, facts) });
      } catch (error) {
        log.error({ err: error, path }, 'a recording that was left behind cannot be recovered; it stays where it is');
      }
    }
    return recovered;
  }

  /** Waits for what is on its way to the store; what is still in the making stays on the disk for the next start. */
  async close(): Promise<void> {
    while (this.#open.size > 0) await Promise.allSettled([...this.#open]);
    await Promise.all([...this.#live].map((file) => file.abandon()));
    this.#live.clear();
  }

  async #recoverOne(path: string, facts: z.output<typeof factsSchema>): Promise<StoredRecording | undefined> {
    const size = await stat(`${path}.wav`).then(
      (found) => found.size,
      () => 0,
    );
    const block = 2 * facts.channels;
    const samples = Math.floor(Math.max(0, size - WAV_HEADER_BYTES) / block) * block;
    if (samples === 0) {
      await forget(path);
      return undefined;
    }
    const handle = await open(`${path}.wav`, 'r+');
    try {
      await seal(handle, facts.channels, samples);
    } finally {
      await handle.close();
    }
    const stored = storedFacts(facts, samples);
    await this.#store(path, stored);
    return stored;
  }

  async #store(path: string, stored: StoredRecording): Promise<void> {
    await this.#options.store.put(stored, createReadStream(`${path}.wav`));
    await forget(path);
  }

  async #track(work: Promise<void>): Promise<void> {
    this.#open.add(work);
    try {
      await work;
    } finally {
      this.#open.delete(work);
    }
  }

  #path(recordingSid: string): string {
    return join(this.#options.directory, recordingSid.replace(/[^A-Za-z0-9]/g, ''));
  }
}

interface SpoolFileEvents {
  /** The file is whole: store it. */
  finished(stored: StoredRecording): Promise<void>;
  /** Nothing is in the making any more. */
  over(): void;
}

class SpoolFile implements RecordingFile {
  readonly #path: string;
  readonly #facts: RecordingFileFacts;
  readonly #events: SpoolFileEvents;
  readonly #opened: Promise<FileHandle>;
  #tail: Promise<unknown>;
  #pending = 0;
  #waiting: Uint8Array[] = [];
  #problem: Error | undefined;
  #over = false;

  constructor(path: string, facts: RecordingFileFacts, events: SpoolFileEvents) {
    this.#path = path;
    this.#facts = facts;
    this.#events = events;
    this.#opened = this.#create();
    this.#tail = this.#opened.catch((error: unknown) => {
      this.#problem = toError(error);
    });
  }

  append(samples: Int16Array): void {
    if (this.#over || this.#problem !== undefined) return;
    const bytes = littleEndian(samples);
    this.#pending += bytes.length;
    if (this.#pending > MAX_PENDING) {
      this.#problem = new RecordingError('disk', 'the disk is too slow for the recordings of this machine');
      this.#waiting = [];
      return;
    }
    // One write for all that came meanwhile.
    if (this.#waiting.push(bytes) > 1) return;
    this.#tail = this.#tail.then(() => this.#write());
  }

  async finish(samples: number): Promise<{ bytes: number }> {
    this.#over = true;
    try {
      await this.#tail;
      const handle = await this.#opened;
      const { channels } = this.#facts;
      const dataBytes = samples * 2 * channels;
      try {
        if (this.#problem !== undefined) throw this.#problem;
        await seal(handle, channels, dataBytes);
      } finally {
        await handle.close();
      }
      const stored = storedFacts(this.#facts, dataBytes);
      await this.#events.finished(stored);
      return { bytes: stored.bytes };
    } catch (error) {
      if (error instanceof RecordingError) throw error;
      throw new RecordingError('disk', `the recording could not be kept: ${describeError(error)}`, { cause: error });
    } finally {
      this.#events.over();
    }
  }

  async discard(): Promise<void> {
    this.#over = true;
    await this.abandon();
    await forget(this.#path).catch(() => undefined);
    this.#events.over();
  }

  /** Leaves the file as it is. */
  async abandon(): Promise<void> {
    this.#over = true;
    await this.#tail;
    await this.#opened.then((handle) => handle.close()).catch(() => undefined);
  }

  async #create(): Promise<FileHandle> {
    await writeFile(`${this.#path}.json`, JSON.stringify(this.#facts));
    const handle = await open(`${this.#path}.wav`, 'w');
    // Sizes left open: readers of such a file take what is there.
    await handle.write(wavHeader(this.#facts.channels, 0));
    return handle;
  }

  async #write(): Promise<void> {
    const bytes = Buffer.concat(this.#waiting);
    this.#waiting = [];
    try {
      if (this.#problem === undefined) await (await this.#opened).appendFile(bytes);
    } catch (error) {
      this.#problem ??= toError(error);
    }
    this.#pending -= bytes.length;
  }
}

/** Cuts the file to its samples, completes the header, and waits for the disk. */
async function seal(handle: FileHandle, channels: 1 | 2, dataBytes: number): Promise<void> {
  await handle.truncate(WAV_HEADER_BYTES + dataBytes);
  await handle.write(wavHeader(channels, dataBytes), 0, WAV_HEADER_BYTES, 0);
  await handle.sync();
}

function storedFacts(
  { accountSid, callSid, recordingSid, channels, startedAt }: RecordingFileFacts | z.output<typeof factsSchema>,
  dataBytes: number,
): StoredRecording {
  const bytes = WAV_HEADER_BYTES + dataBytes;
  return { accountSid, callSid, recordingSid, channels, startedAt, bytes, durationMs: durationOf(channels, dataBytes) };
}

async function forget(path: string): Promise<void> {
  await rm(`${path}.wav`, { force: true });
  await rm(`${path}.json`, { force: true });
}

function littleEndian(samples: Int16Array): Uint8Array {
  const bytes = new Uint8Array(samples.length * 2);
  const view = new DataView(bytes.buffer);
  for (const [at, sample] of samples.entries()) view.setInt16(at * 2, sample, true);
  return bytes;
}
