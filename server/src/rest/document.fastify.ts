import { fastify } from 'fastify';
import { silentLog, systemClock, systemRandom } from '../kernel/index.ts';
import { restApi } from './api.fastify.ts';
import { PageTokens } from './page-tokens.ts';

/** The OpenAPI document, indented. Routes are described here, not called: they have nothing to work with. */
export async function openApiDocument(): Promise<string> {
  const nothing = {} as never;
  const app = fastify();
  await app.register(
    restApi({
      store: nothing,
      directory: nothing,
      revocations: nothing,
      presence: nothing,
      nats: nothing,
      bridgeRequests: nothing,
      callMessages: nothing,
      registrations: nothing,
      records: nothing,
      callRequests: nothing,
      callControl: nothing,
      endUnheld: nothing,
      conferences: nothing,
      queues: nothing,
      recordingFiles: nothing,
      transcode: nothing,
      hub: nothing,
      pages: new PageTokens(new Uint8Array(32)),
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
    }),
  );
  const answer = await app.inject('/docs/api/json');
  await app.close();
  return `${JSON.stringify(answer.json(), undefined, 2)}\n`;
}
