const SAMPLE_RATE = 8000;
export const WAV_HEADER_BYTES = 44;

/** Header of a WAV file of 16-bit samples at 8 kHz. @param dataBytes size of the samples */
export function wavHeader(channels: 1 | 2, dataBytes: number): Uint8Array {
  const header = new Uint8Array(WAV_HEADER_BYTES);
  const view = new DataView(header.buffer);
  const tag = (at: number, text: string): void => {
    header.set(new TextEncoder().encode(text), at);
  };
  tag(0, 'RIFF');
  view.setUint32(4, WAV_HEADER_BYTES - 8 + dataBytes, true);
  tag(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, SAMPLE_RATE, true);
  view.setUint32(28, SAMPLE_RATE * 2 * channels, true);
  view.setUint16(32, 2 * channels, true);
  view.setUint16(34, 16, true);
  tag(36, 'data');
  view.setUint32(40, dataBytes, true);
  return header;
}

/** Milliseconds that so many bytes of samples last. */
export function durationOf(channels: 1 | 2, dataBytes: number): number {
  return dataBytes / (2 * channels) / (SAMPLE_RATE / 1000);
}
