// Prints the events of every call of an account as they happen. Nothing here is Hookswitch's own: a NATS client, a
// subject and JSON are all a backend needs.
//
//   node src/main.ts [NATS_URL ACCOUNT_SID]
//
// Without arguments it takes NATS_URL and HOOKSWITCH_ACCOUNT from the environment, or finds the server that runs on
// this machine by the file it leaves in its data directory.
import { connect } from 'nats';
import { eventLine } from './event-line.ts';
import { findRunningServer } from './run-state.ts';

const running = findRunningServer();
const address = process.argv[2] ?? process.env['NATS_URL'] ?? running?.url;
const account = process.argv[3] ?? process.env['HOOKSWITCH_ACCOUNT'] ?? running?.account;
if (address === undefined || account === undefined) {
  console.error('No running server was found. Start one with "npm start", or give NATS_URL and ACCOUNT_SID.');
  process.exit(1);
}

const url = new URL(address);
const login =
  url.username === '' ? {} : { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) };
const connection = await connect({
  servers: url.host,
  name: 'nats-subscriber example',
  maxReconnectAttempts: -1,
  ...login,
});
const subscription = connection.subscribe(`hs.ev.${account}.calls.>`);
await connection.flush();
console.log(`listening on ${subscription.getSubject()} at ${url.host}`);

const stop = (): void => {
  void connection.close();
};
process.once('SIGINT', stop);
process.once('SIGTERM', stop);

for await (const message of subscription) console.log(eventLine(message.string()));
