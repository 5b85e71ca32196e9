/** Audio as telephony legs take it: one channel, without a container but for Opus (Ogg). `l16`: little-endian. */
export interface AudioForm {
  readonly codec: 'pcmu' | 'pcma' | 'l16' | 'opus';
  /** Samples a second. */
  readonly rate: 8000 | 16_000 | 48_000;
}

interface FormRow extends AudioForm {
  /** Of an address. */
  readonly extension: string;
  readonly contentType: string;
}

/** Every form that there is. */
const FORMS: readonly FormRow[] = [
  { codec: 'pcmu', rate: 8000, extension: 'ulaw', contentType: 'audio/basic' },
  { codec: 'pcma', rate: 8000, extension: 'alaw', contentType: 'audio/x-alaw' },
  { codec: 'l16', rate: 8000, extension: 's8k', contentType: 'audio/x-s16le;rate=8000;channels=1' },
  { codec: 'l16', rate: 16_000, extension: 's16k', contentType: 'audio/x-s16le;rate=16000;channels=1' },
  { codec: 'l16', rate: 48_000, extension: 's48k', contentType: 'audio/x-s16le;rate=48000;channels=1' },
  { codec: 'opus', rate: 48_000, extension: 'opus', contentType: 'audio/ogg;codecs=opus' },
];

/** What a telephone hears. */
export const TELEPHONE: AudioForm = { codec: 'pcmu', rate: 8000 };

export function findForm(codec: string, rate: number): AudioForm | undefined {
  const row = FORMS.find((form) => form.codec === codec && form.rate === rate);
  return row === undefined ? undefined : { codec: row.codec, rate: row.rate };
}

export function formOfExtension(extension: string): AudioForm | undefined {
  const row = FORMS.find((form) => form.extension === extension);
  return row === undefined ? undefined : { codec: row.codec, rate: row.rate };
}

export const extensionOf = (form: AudioForm): string => rowOf(form).extension;
export const contentTypeOf = (form: AudioForm): string => rowOf(form).contentType;

function rowOf({ codec, rate }: AudioForm): FormRow {
  const row = FORMS.find((form) => form.codec === codec && form.rate === rate);
  if (row === undefined) throw new RangeError(`there is no ${codec} at ${String(rate)} Hz`);
  return row;
}
