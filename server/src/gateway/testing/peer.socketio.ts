/**
 * A peer of the hub benchmarks: a Socket.IO server whose clients are all in one room, and `emit` to that room. Prints its
 * port; `emit K TEXT` emits TEXT K times, any other line is answered with memory figures.
 */
import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { runPeer } from './peer.ts';

const server = createServer();
const io = new Server(server, { serveClient: false, perMessageDeflate: false, httpCompression: false });
io.on('connection', (socket) => {
  void socket.join('bench');
  socket.emit('ready', 'joined');
});

await runPeer(server, (text) => {
  io.to('bench').emit('event', text);
});
