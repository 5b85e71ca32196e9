// The demo application server as a program. Its first line on stdout is "listening <url>"; then one line a request.
//
//   PORT                                         port on 127.0.0.1 (default: a free one)
//   HOOKSWITCH_AUTH_TOKEN                        checks the signature of webhooks
//   HOOKSWITCH_ACCOUNT, _API_KEY, _API_SECRET    signs tokens: GET /token?identity=alice
//   HOOKSWITCH_APPLICATION                       sid of the application that browsers' calls run
//   HOOKSWITCH_CALLER_ID                         number shown to the telephone network (default +15550100)
//   HOOKSWITCH_PARENT_PID                        ends when that process is gone
import type { AddressInfo } from 'node:net';
import { createDemoApp } from './server.ts';
import type { TokenSigner } from './token.ts';

const PARENT_CHECK_MS = 2_000;
const { env } = process;

const setting = (name: string): string | undefined => (env[name] === '' ? undefined : env[name]);

function signerFrom(): TokenSigner | undefined {
  const account = setting('HOOKSWITCH_ACCOUNT');
  const apiKey = setting('HOOKSWITCH_API_KEY');
  const apiSecret = setting('HOOKSWITCH_API_SECRET');
  if (account === undefined || apiKey === undefined || apiSecret === undefined) return undefined;
  return { account, apiKey, apiSecret, application: setting('HOOKSWITCH_APPLICATION') };
}

const server = createDemoApp({
  authToken: setting('HOOKSWITCH_AUTH_TOKEN'),
  signer: signerFrom(),
  callerId: setting('HOOKSWITCH_CALLER_ID') ?? '+15550100',
  log: (line) => {
    console.log(line);
  },
});

server.on('error', (error) => {
  console.error(`The demo application cannot listen: ${error.message}`);
  process.exit(1);
});
server.listen(Number(setting('PORT') ?? 0), '127.0.0.1', () => {
  console.log(`listening http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});

const stop = (): void => {
  server.close();
  server.closeAllConnections();
  clearInterval(parentCheck);
};
const parent = Number(setting('HOOKSWITCH_PARENT_PID') ?? 0);
const parentCheck = setInterval(() => {
  if (parent === 0 || process.ppid === parent) return;
  stop();
}, PARENT_CHECK_MS);
parentCheck.unref();
process.once('SIGINT', stop);
process.once('SIGTERM', stop);
