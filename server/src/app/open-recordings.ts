import { join } from 'node:path';
import type { SpeechRecognizer } from '../bridge/ports.ts';
import type { RecordingSource, Transcriber } from '../calls/ports.ts';
import { Housekeeping, LayeredRecordings, RecordingSpool, createTranscriber } from '../media-layer/index.ts';
import type { RecordingStore, RecoveredRecording } from '../media-layer/index.ts';
import { NatsBodies } from '../media-layer/cache/bodies.nats.ts';
import { NatsCatalog } from '../media-layer/cache/catalog.nats.ts';
import { createRecognizer } from '../media-layer/recognizer.child.ts';
import { NatsRecordingStore } from '../media-layer/recordings/recording-store.nats.ts';
import type { BusParts } from './open-stores.ts';
import type { Platform } from './platform.ts';

/** Recordings of this process, and what understands speech. */
export interface RecordingParts {
  /** Where every process finds the finished ones. */
  readonly store: RecordingStore;
  /** What legs need: where recordings go while they grow, and who understands speech. */
  readonly ofLegs: { readonly recordings: RecordingSpool; readonly recognizer: SpeechRecognizer };
  readonly transcriber: Transcriber;
  /** Where REST is reached, empty until that is known: for the addresses of recordings. */
  readonly apiUrl: () => string;
  readonly announce: (url: string) => void;
}

/** Calls that run on are recorded to `recordings/` in the data directory, finished ones go to the object store. */
export async function openRecordings(platform: Platform, { bus, outbox }: BusParts): Promise<RecordingParts> {
  const { config, startup, log } = platform;
  const store = await startup.step('store of recordings', () => NatsRecordingStore.open(bus));
  const files = await startup.step(
    'recordings',
    () => RecordingSpool.open({ directory: join(config.dataDir, 'recordings'), store, log }),
    (spool) => spool.close(),
  );
  for (const recovered of await files.recover()) tellRecovered(outbox, recovered);
  const recognizer = createRecognizer();
  let api = '';
  return {
    store,
    ofLegs: { recordings: files, recognizer },
    transcriber: createTranscriber(store, recognizer),
    apiUrl: () => api,
    announce: (url) => {
      api = url;
    },
  };
}

/**
 * Finished recordings, for REST. What goes takes along what the media layer made of it, also where that runs in other processes.
 *
 * @param here of the media layer in this process
 */
export async function openRecordingFiles(
  { startup, clock, log }: Platform,
  { bus }: BusParts,
  here: Housekeeping | undefined,
): Promise<RecordingStore> {
  const store = await startup.step('files of recordings', () => NatsRecordingStore.open(bus));
  if (here !== undefined) return new LayeredRecordings(store, here);
  const catalog = await startup.step(
    'catalogue of what is made of recordings',
    () => NatsCatalog.open(bus),
    (opened) => {
      opened.close();
    },
  );
  const bodies = await startup.step('store of what is made of recordings', () => NatsBodies.open(bus));
  return new LayeredRecordings(store, new Housekeeping({ catalog, bodies, clock, log }));
}

/** What the bridge keeps with a recording. */
interface Memo {
  readonly source?: RecordingSource;
  readonly track?: 'both' | 'inbound' | 'outbound';
}

/** The process that began it told nobody of its end. */
function tellRecovered(outbox: BusParts['outbox'], { facts, stored }: RecoveredRecording): void {
  const { accountSid, callSid, recordingSid, channels, startedAt, memo } = facts;
  const { source = 'RecordVerb', track = 'both' } = (memo ?? {}) as Memo;
  const common = { recordingSid, callSid, source, channels, track, startedAt };
  if (stored === undefined) outbox.emit({ accountSid, type: 'recording.absent', subject: recordingSid, data: common });
  else {
    const { durationMs, bytes } = stored;
    const data = { ...common, durationSeconds: durationMs / 1000, bytes, recovered: true };
    outbox.emit({ accountSid, type: 'recording.completed', subject: recordingSid, data });
  }
}
