const [TEXT, BINARY, CLOSE, PONG] = [0x81, 0x82, 0x88, 0x8a];
/** Of a control frame's payload. */
const MOST_CONTROL_BYTES = 125;

/** One unmasked, final text frame (RFC 6455 section 5.2) as a server sends it. */
export function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const frame = withHeader(TEXT, length);
  frame.write(text, frame.length - length);
  return frame;
}

/** A text frame, or a binary one for bytes. */
export function messageFrame(data: string | Buffer): Buffer {
  if (typeof data === 'string') return textFrame(data);
  const frame = withHeader(BINARY, data.length);
  data.copy(frame, frame.length - data.length);
  return frame;
}

/** A frame with its header; the payload is still to be filled in. */
function withHeader(first: number, length: number): Buffer {
  const header = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(header + length);
  frame[0] = first;
  if (header === 2) frame[1] = length;
  else if (header === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  return frame;
}

/** @param code undefined: the client gave none, and gets none */
export function closeFrame(code?: number, reason = ''): Buffer {
  if (code === undefined) return Buffer.from([CLOSE, 0]);
  let text = Buffer.from(reason);
  if (text.length > MOST_CONTROL_BYTES - 2)
    text = Buffer.from(
      text
        .subarray(0, MOST_CONTROL_BYTES - 2)
        .toString('utf8')
        .replace(/\uFFFD+$/, ''),
    );
  return Buffer.concat([Buffer.from([CLOSE, 2 + text.length, code >> 8, code & 255]), text]);
}

/** @param payload of the ping */
export function pongFrame(payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from([PONG, payload.length]), payload]);
}
