import { subscribeHub } from '../../fixtures/hub-events.ts';
import type { Credentials, TestServer } from '../../fixtures/server.ts';
import { callWithProbe } from '../../fixtures/sip-probe.ts';
import { signToken } from '../../fixtures/token.ts';
import { basic } from './account.ts';
import { publishEvent } from './publish.ts';
import type { Quiet } from './ports.ts';

const CALLS = 30;
const REQUESTS = 200;
const EVENTS = 100;
/** Between requests, and between events: whoever does little does not hurry, milliseconds. */
const PAUSE_MS = 5;

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, PAUSE_MS));

/** From INVITE to the first sound, call after call. @param number of an application that plays something at once */
export async function calls(server: TestServer, number: string): Promise<Quiet> {
  const { sip } = await server.state();
  const series = async (): Promise<number[]> => {
    const times: number[] = [];
    for (let n = 0; n < CALLS; n++) {
      const probe = await callWithProbe({ server: sip, number });
      times.push((await probe.firstSound) - probe.invitedAt);
      await probe.hangup();
    }
    return times;
  };
  return { name: 'call', series, close: () => Promise.resolve() };
}

/** A page of calls over REST, one request after the other. */
export async function requests(server: TestServer, who: Credentials): Promise<Quiet> {
  const url = new URL(`/2010-04-01/Accounts/${who.account}/Calls.json`, (await server.state()).pageUrl);
  const headers = { authorization: basic(who) };
  const series = async (): Promise<number[]> => {
    const times: number[] = [];
    for (let n = 0; n < REQUESTS; n++) {
      const began = performance.now();
      const response = await fetch(url, { headers });
      await response.arrayBuffer();
      if (!response.ok) throw new Error(`a page of calls was answered ${response.status}`);
      times.push(performance.now() - began);
      await pause();
    }
    return times;
  };
  return { name: 'rest', series, close: () => Promise.resolve() };
}

/** From publishing over REST to the event at a subscriber on a WebSocket, one after the other. */
export async function events(server: TestServer, who: Credentials): Promise<Quiet> {
  const { gateway } = await server.state();
  const seen = await subscribeHub(gateway.ws, signToken(who, { identity: 'quiet' }), 'app.>');
  let count = 0;
  const series = async (): Promise<number[]> => {
    const times: number[] = [];
    for (let n = 0; n < EVENTS; n++) {
      const number = count++;
      const began = performance.now();
      const arrived = seen.waitFor('app.bench', ({ data }) => data['number'] === number);
      await publishEvent(server, who, { number });
      await arrived;
      times.push(performance.now() - began);
      await pause();
    }
    return times;
  };
  return { name: 'event', series, close: () => seen.close() };
}
