/**
 * A peer of the hub benchmarks: the loop that a server with plain `ws` writes, `send` of the same text to every client.
 * Prints its port; `emit K TEXT` sends TEXT K times to all, any other line is answered with memory figures.
 */
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
import { runPeer } from './peer.ts';

const server = createServer();
const sockets = new WebSocketServer({ server, perMessageDeflate: false });
sockets.on('connection', (socket) => {
  socket.on('error', () => undefined);
});

await runPeer(server, (text) => {
  for (const socket of sockets.clients) socket.send(text);
});
