import { writeSync } from 'node:fs';
import type { Socket } from 'node:net';

/** What of a TCP socket has to be known; looked for, never relied on. A TLS socket has no descriptor of its own. */
interface SocketInside {
  readonly _handle?: { readonly fd?: unknown } | null;
  readonly encrypted?: unknown;
}

/**
 * Writes to a TCP connection by the shortest way: what the operating system takes at once goes to it directly, and only the
 * rest, or what comes while something waits, through the stream with its requests and callbacks. The same bytes in the same
 * order as `socket.write`; half of the CPU that Node adds to the system call. See docs/adr/0024-speed-of-the-hub.md.
 */
export function writeTcp(socket: Socket, bytes: Buffer): void {
  const { _handle: handle, encrypted } = socket as SocketInside;
  const fd = handle?.fd;
  if (typeof fd !== 'number' || fd < 0 || encrypted === true || socket.writableLength > 0 || !socket.writable) {
    socket.write(bytes);
    return;
  }
  const written = tryWrite(fd, bytes);
  if (written < bytes.length) socket.write(written === 0 ? bytes : bytes.subarray(written));
}

/** Bytes that were taken. The stream finds out for itself what is wrong with a connection that takes none. */
function tryWrite(fd: number, bytes: Buffer): number {
  try {
    return writeSync(fd, bytes);
  } catch {
    return 0;
  }
}
