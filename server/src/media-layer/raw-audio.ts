/** WAVE format tags of headerless kinds of audio that origins serve. */
const RAW_KINDS: Readonly<Record<string, number>> = {
  'audio/basic': 7,
  'audio/pcmu': 7,
  'audio/mulaw': 7,
  'audio/x-mulaw': 7,
  'audio/ulaw': 7,
  'audio/pcma': 6,
  'audio/alaw': 6,
  'audio/x-alaw': 6,
};

/** The body as a WAV file: as it is when it is one, wrapped when it is headerless G.711, else undefined. */
export function asWav(body: Uint8Array, contentType: string): Uint8Array | undefined {
  if (body.length >= 12 && ascii(body, 0) === 'RIFF' && ascii(body, 8) === 'WAVE') return body;
  const kind = (contentType.split(';')[0] ?? '').trim().toLowerCase();
  const tag = Object.hasOwn(RAW_KINDS, kind) ? RAW_KINDS[kind] : undefined;
  // Sun's audio/basic files begin with .snd and a header, which is not read here.
  if (tag === undefined || body.length === 0 || ascii(body, 0) === '.snd') return undefined;
  const wav = new Uint8Array(44 + body.length);
  const view = new DataView(wav.buffer);
  wav.set(new TextEncoder().encode('RIFF____WAVEfmt '));
  view.setUint32(4, wav.length - 8, true);
  view.setUint32(16, 16, true);
  view.setUint16(20, tag, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, 8000, true);
  view.setUint32(28, 8000, true);
  view.setUint16(32, 1, true);
  view.setUint16(34, 8, true);
  wav.set(new TextEncoder().encode('data'), 36);
  view.setUint32(40, body.length, true);
  wav.set(body, 44);
  return wav;
}

function ascii(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}
