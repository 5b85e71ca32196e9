import { hookswitch, leadNumbersTo } from '../../fixtures/application.ts';
import type { TestServer } from '../../fixtures/server.ts';
import { Target } from '../../load/target.ts';
import { TrunkLoad } from '../../load/trunk-load.ts';
import { openAccount } from './account.ts';
import type { Nuisance } from './ports.ts';

/** Calls that wait for instructions which never come: the server gives up after 15 s. */
const HANGING = 100;
const HANGS = '+15550196';

/** An account whose application server takes requests and never answers them, and its calls. */
export async function hangingCalls(server: TestServer): Promise<Nuisance> {
  const { account } = await openAccount(server, 'hangs');
  await hookswitch(server, 'trunks', 'add', '--name', 'hangs', '--allow', '127.0.0.1/32', '--account', account);
  const { target, hello } = await Target.start<{ port: number }>('e2e/src/load/twiml-application.ts');
  await leadNumbersTo(server, `http://127.0.0.1:${hello.port}`, [HANGS], account);
  const { sip } = await server.state();
  return {
    does: `${HANGING} calls whose application server never answers`,
    begin: async () => {
      const calls = await TrunkLoad.open(sip);
      for (let n = 0; n < HANGING; n++) {
        // Over when its server has been waited for, or with the round: neither is of interest.
        void calls
          .call({ number: HANGS, from: `+1557${String(n).padStart(7, '0')}`, rtpPort: 9 })
          .catch(() => undefined);
      }
      await askedFor(target);
      return async () => {
        await calls.cancel();
        calls.close();
      };
    },
    close: () => target.close(),
  };
}

/** Until the server that hangs was asked. */
async function askedFor(target: Target): Promise<void> {
  const asked = async (): Promise<number> => (await target.ask<Record<string, number>>('counts'))['/voice'] ?? 0;
  const before = await asked();
  for (let look = 0; look < 100 && (await asked()) === before; look++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
