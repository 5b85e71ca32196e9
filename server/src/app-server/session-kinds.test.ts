import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { eventually } from '../bus/testing/eventually.ts';
import { CALL, CallWorld, settle } from '../calls/testing/call-world.fake.ts';
import { seededRandom, silentLog, systemClock } from '../kernel/index.ts';
import { CallbackSender } from './callback-sender.ts';
import { UndiciInstructions } from './instructions.undici.ts';
import { MemorySessionStore } from './session-state/session-store.memory.ts';
import { StoredSessionState } from './session-state/stored-session-state.ts';
import { UpgradeRequests } from './upgrade-requests.ts';

const seen: { path: string; cookie: string | undefined }[] = [];
let visits = 0;
const server = createServer((request, response) => {
  const { pathname: path } = new URL(request.url ?? '', 'http://x');
  seen.push({ path, cookie: request.headers.cookie });
  request.resume();
  visits += 1;
  response.setHeader('set-cookie', visits === 1 ? ['sid=7; Path=/', 'n=1; Path=/'] : `n=${visits}; Path=/`);
  if (path === '/bad') response.writeHead(500).end();
  else {
    const noun = `<Client statusCallback="/party" statusCallbackEvent="initiated ringing completed">alice</Client>`;
    const body = path === '/voice' ? `<Dial action="/action">${noun}</Dial>` : '<Redirect>/bad</Redirect>';
    response
      .setHeader('content-type', 'text/xml')
      .end(`<Response>${path === '/fallback' ? '<Reject/>' : body}</Response>`);
  }
});
let base = '';

beforeEach(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

it('SS-3 instructions, action, callbacks of every leg, fallback and upgrade requests share one session', async () => {
  const parts = { clock: systemClock, random: seededRandom(1), log: silentLog };
  const keys = { authToken: () => 'token' };
  const sessions = new StoredSessionState({ store: new MemorySessionStore(), ...parts });
  const instructions = new UndiciInstructions({ keys, sessions, ...parts });
  const callbacks = new CallbackSender({ instructions, ...parts });
  const world = new CallWorld(undefined, () => ({ instructions, callbacks }));
  world.application = {
    ...world.application!,
    voice: { url: `${base}/voice`, method: 'POST' },
    fallback: { url: `${base}/fallback`, method: 'POST' },
    statusCallback: { url: `${base}/status`, method: 'POST', events: ['completed'] },
  };
  await world.call();
  await eventually(async () => {
    await settle();
    expect(world.legs.placed).toHaveLength(1);
  });
  const accountSid = world.legs.placed[0]!.accountSid;
  world.router.legEvent({ kind: 'leg-ringing', callSid: world.party(0), earlyMedia: false });
  world.legs.remoteEnd(world.party(0), 'busy', 486);
  await eventually(async () => {
    await settle();
    expect(world.story().at(-1)).toContain('ended');
  });
  await callbacks.drained();
  const paths = new Set(seen.map(({ path }) => path));
  expect(paths).toEqual(new Set(['/voice', '/party', '/action', '/bad', '/fallback', '/status']));
  expect(seen.slice(1).every(({ cookie }) => cookie?.includes('sid=7'))).toBe(true);
  const upgrades = new UpgradeRequests({ keys, sessions });
  const url = `${base.replace('http:', 'ws:')}/stream`;
  // The call alone is known of it.
  const upgrade = await upgrades.begin({ accountSid, callSid: CALL, url });
  expect(upgrade!.headers['cookie']).toContain('sid=7');
  await upgrade!.keep(['stream=1; Path=/']);
  const headers = await upgrades.headers({ accountSid, callSid: CALL, url });
  expect(headers['cookie']).toContain('stream=1');
  expect(await upgrades.begin({ accountSid, callSid: CALL, url: 'http://not.ws/' })).toBeUndefined();
  await callbacks.close();
  await instructions.close();
}, 20_000);
