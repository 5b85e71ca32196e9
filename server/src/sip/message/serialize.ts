import { ReceivedLine } from './header-list.ts';
import type { HeaderLine } from './header-list.ts';
import type { AnyMessage } from './message.ts';
import { headerTitle } from './names.ts';

/** The message as bytes. Content-Length is written anew from the body, whatever the headers say (section 20.14). */
export function serialize(message: AnyMessage): Buffer {
  let head =
    message.kind === 'request'
      ? `${message.method} ${message.uri} SIP/2.0\r\n`
      : `SIP/2.0 ${String(message.status)} ${message.reason}\r\n`;
  for (const line of message.headers.lines) {
    if (line.key !== 'content-length') head += line instanceof ReceivedLine ? received(line) : built(line);
  }
  head += `Content-Length: ${String(message.body.length)}\r\n\r\n`;
  const bytes = Buffer.from(head, 'utf8');
  return message.body.length === 0 ? bytes : Buffer.concat([bytes, message.body]);
}

/** A received line goes out as it came, but for a compact name, which becomes the long one. */
function received(line: ReceivedLine): string {
  return line.isCompact ? built(line) : `${line.written}\r\n`;
}

function built({ key, name, value }: HeaderLine): string {
  return `${name.length === 1 ? headerTitle(key) : name}: ${value}\r\n`;
}
