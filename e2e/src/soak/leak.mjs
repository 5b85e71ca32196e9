// Loaded into a server by `npm run soak -- calls --leak BYTES`: a server that forgets nothing of any INVITE, to show that the
// soak finds such a one.
import { Socket } from 'node:dgram';

const bytes = Number(process.env.HOOKSWITCH_SOAK_LEAK ?? 0);
const kept = [];
const { emit } = Socket.prototype;
Socket.prototype.emit = function (name, ...args) {
  if (bytes > 0 && name === 'message' && args[0].toString('latin1', 0, 7) === 'INVITE ')
    kept.push(Buffer.from(String(kept.length).padEnd(bytes, '.')).toString('latin1'));
  return emit.call(this, name, ...args);
};
