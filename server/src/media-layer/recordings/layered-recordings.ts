import type { KeptRecording, RecordingBody, RecordingStore, RecordingUse, StoredRecording } from '../ports.ts';
import type { Housekeeping } from '../resources/housekeeping.ts';

/** The store of recordings, whose removal takes along what the media layer made of them. */
export class LayeredRecordings implements RecordingStore {
  readonly #store: RecordingStore;
  readonly #housekeeping: Pick<Housekeeping, 'purge'>;

  constructor(store: RecordingStore, housekeeping: Pick<Housekeeping, 'purge'>) {
    this.#store = store;
    this.#housekeeping = housekeeping;
  }

  put(facts: StoredRecording, file: AsyncIterable<Uint8Array>): Promise<void> {
    return this.#store.put(facts, file);
  }

  stat(accountSid: string, recordingSid: string): Promise<KeptRecording | undefined> {
    return this.#store.stat(accountSid, recordingSid);
  }

  read(
    accountSid: string,
    recordingSid: string,
    range?: { readonly start: number; readonly end: number },
  ): Promise<RecordingBody | undefined> {
    return this.#store.read(accountSid, recordingSid, range);
  }

  /** The recording first: nothing more is made of it then. */
  async remove(accountSid: string, recordingSid: string): Promise<boolean> {
    const removed = await this.#store.remove(accountSid, recordingSid);
    await this.#housekeeping.purge(accountSid, { by: 'recording', recording: recordingSid });
    return removed;
  }

  usage(accountSid: string): Promise<RecordingUse> {
    return this.#store.usage(accountSid);
  }

  /** What was made of them goes when room is needed: nobody knows their sids any more. */
  purge(before: number, accountSid?: string): Promise<number> {
    return this.#store.purge(before, accountSid);
  }
}
