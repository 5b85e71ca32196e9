import type { Credentials, TestServer } from '../../fixtures/server.ts';
import { signToken } from '../../fixtures/token.ts';
import { hubLoadProgram } from '../../load/compile.ts';
import { HubLoad } from '../../load/hub-load.ts';
import { nativeClients } from '../../load/hub-servers.ts';
import { openAccount } from './account.ts';
import { publishEvent } from './publish.ts';
import type { Nuisance } from './ports.ts';

const SOCKETS = 1000;
const EVENTS_PER_S = 20;
const PADDING = 'x'.repeat(3500);

/** An account with a thousand subscribers that do not read, and 20 events of 3.5 kB a second for each of them. */
export async function unread(server: TestServer): Promise<Nuisance> {
  const who = await openAccount(server, 'never reads');
  const compiled = await hubLoadProgram();
  const { gateway } = await server.state();
  return {
    does: `${SOCKETS} sockets that never read, ${EVENTS_PER_S} events of 3.5 kB a second for each`,
    begin: async () => {
      const kind = nativeClients({ token: signToken(who, { identity: 'deaf' }), topic: 'app.>' });
      const load = await HubLoad.open(compiled.program, Number(new URL(gateway.ws).port), SOCKETS, kind);
      load.stall(SOCKETS);
      const end = publishSteadily(server, who);
      return async () => {
        await end();
        await load.close();
      };
    },
    close: () => compiled.remove(),
  };
}

function publishSteadily(server: TestServer, who: Credentials): () => Promise<void> {
  let last = Promise.resolve();
  const timer = setInterval(() => {
    last = publishEvent(server, who, { padding: PADDING });
  }, 1000 / EVENTS_PER_S);
  return async () => {
    clearInterval(timer);
    await last;
  };
}
