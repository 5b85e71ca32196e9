import type { TestServer } from '../../fixtures/server.ts';
import { Target } from '../../load/target.ts';
import { basic, openAccount } from './account.ts';
import type { Nuisance } from './ports.ts';

const CONNECTIONS = 64;

/** An account that asks for its calls over REST on 64 connections, each again as soon as it is answered. */
export async function flood(server: TestServer): Promise<Nuisance & { answers(): Promise<Record<string, number>> }> {
  const who = await openAccount(server, 'floods');
  const { pageUrl } = await server.state();
  const url = new URL(`/2010-04-01/Accounts/${who.account}/Calls.json`, pageUrl).href;
  const args = [url, basic(who), String(CONNECTIONS)];
  const { target } = await Target.start<object>('e2e/src/load/rest-flood.ts', { args });
  return {
    does: `asks REST on ${CONNECTIONS} connections as fast as it is answered`,
    begin: async () => {
      await target.ask('begin');
      return async () => {
        await target.ask('end');
      };
    },
    answers: () => target.ask('answers'),
    close: () => target.close(),
  };
}
