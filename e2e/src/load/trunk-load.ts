import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { once } from 'node:events';

interface Dialog {
  readonly number: string;
  readonly from: string;
  readonly callId: string;
  readonly tag: string;
  readonly branch: string;
  readonly rtpPort: number;
  to: string;
  target: string;
  answered: PromiseWithResolvers<{ address: string; port: number }>;
  bye: PromiseWithResolvers<void>;
}

/** Many calls from one SIP socket over loopback: just enough of RFC 3261 to set them up and end them. */
export class TrunkLoad {
  readonly #socket: Socket;
  readonly #server: { readonly host: string; readonly port: number };
  readonly #dialogs = new Map<string, Dialog>();

  private constructor(socket: Socket, server: { readonly host: string; readonly port: number }) {
    this.#socket = socket;
    this.#server = server;
    socket.on('message', (bytes) => {
      this.#receive(bytes.toString('utf8'));
    });
  }

  static async open(server: { readonly host: string; readonly port: number }): Promise<TrunkLoad> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new TrunkLoad(socket, { host: server.host === '0.0.0.0' ? '127.0.0.1' : server.host, port: server.port });
  }

  /** Resolves with where the call's media goes once it is answered. */
  async call(options: { number: string; from: string; rtpPort: number }): Promise<{ address: string; port: number }> {
    const callId = randomBytes(8).toString('hex');
    const { host, port } = this.#server;
    const dialog: Dialog = {
      ...options,
      callId,
      tag: randomBytes(4).toString('hex'),
      branch: `z9hG4bK${randomBytes(8).toString('hex')}`,
      to: `<sip:${options.number}@${host}>`,
      target: `sip:${options.number}@${host}:${port}`,
      answered: Promise.withResolvers(),
      bye: Promise.withResolvers(),
    };
    this.#dialogs.set(callId, dialog);
    const sdp = `v=0\r\no=load 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio ${options.rtpPort} RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\n`;
    this.#send(this.#request(dialog, ['INVITE', 1], dialog.branch, sdp));
    return dialog.answered.promise;
  }

  /** BYE to every call; waits for the answers, a few seconds at most. */
  async hangUp(): Promise<void> {
    const all = [...this.#dialogs.values()];
    for (const dialog of all) this.#send(this.#request(dialog, ['BYE', 2], `z9hG4bK${randomBytes(8).toString('hex')}`));
    const limit = new Promise((resolve) => setTimeout(resolve, 3000));
    await Promise.race([Promise.all(all.map(({ bye }) => bye.promise)), limit]);
    this.#dialogs.clear();
  }

  /** CANCEL to every call that is not answered yet; waits a few seconds at most for their ends. */
  async cancel(): Promise<void> {
    const all = [...this.#dialogs.values()];
    for (const dialog of all) this.#send(this.#request(dialog, ['CANCEL', 1], dialog.branch));
    const limit = new Promise((resolve) => setTimeout(resolve, 3000));
    await Promise.race([Promise.allSettled(all.map(({ answered }) => answered.promise)), limit]);
    this.#dialogs.clear();
  }

  close(): void {
    this.#socket.close();
  }

  #receive(text: string): void {
    const dialog = this.#dialogs.get(/^Call-ID:\s*(\S+)/im.exec(text)?.[1] ?? '');
    if (dialog === undefined) return;
    const status = Number(/^SIP\/2\.0 (\d{3})/.exec(text)?.[1] ?? 0);
    const method = /^CSeq:\s*\d+\s+(\w+)/im.exec(text)?.[1];
    if (status === 0) {
      if (/^(BYE|OPTIONS|UPDATE|INVITE) /.test(text)) this.#send(accepted(text));
      if (text.startsWith('BYE ')) {
        dialog.bye.resolve();
        dialog.answered.reject(new Error(`call to ${dialog.number} was ended`));
      }
    } else if (method === 'BYE') dialog.bye.resolve();
    else if (method === 'INVITE' && status >= 200) this.#final(dialog, status, text);
  }

  #final(dialog: Dialog, status: number, text: string): void {
    dialog.to = /^To:\s*(.+?)\r?$/im.exec(text)?.[1] ?? dialog.to;
    if (status >= 300) {
      this.#send(this.#request(dialog, ['ACK', 1], dialog.branch));
      dialog.answered.reject(new Error(`call to ${dialog.number} was refused: ${text.split('\r\n')[0] ?? ''}`));
      return;
    }
    dialog.target = /^Contact:.*<([^>]+)>/im.exec(text)?.[1] ?? dialog.target;
    this.#send(this.#request(dialog, ['ACK', 1], `z9hG4bK${randomBytes(8).toString('hex')}`));
    const address = /^c=IN IP4 (\S+)/m.exec(text)?.[1] ?? this.#server.host;
    dialog.answered.resolve({ address, port: Number(/^m=audio (\d+)/m.exec(text)?.[1] ?? 0) });
  }

  #request(dialog: Dialog, [method, cseq]: readonly [string, number], branch: string, body = ''): string {
    const { address, port } = this.#socket.address();
    return [
      `${method} ${dialog.target} SIP/2.0`,
      `Via: SIP/2.0/UDP ${address}:${port};branch=${branch};rport`,
      'Max-Forwards: 70',
      `From: <sip:${dialog.from}@${address}>;tag=${dialog.tag}`,
      `To: ${dialog.to}`,
      `Call-ID: ${dialog.callId}`,
      `CSeq: ${cseq} ${method}`,
      `Contact: <sip:${dialog.from}@${address}:${port}>`,
      ...(body === '' ? [] : ['Content-Type: application/sdp']),
      `Content-Length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n');
  }

  #send(text: string): void {
    this.#socket.send(text, this.#server.port, this.#server.host);
  }
}

function accepted(request: string): string {
  const copied = request
    .split('\r\n')
    .filter((line) => /^(via|from|to|call-id|cseq):/i.test(line))
    .join('\r\n');
  return `SIP/2.0 200 OK\r\n${copied}\r\nContent-Length: 0\r\n\r\n`;
}
