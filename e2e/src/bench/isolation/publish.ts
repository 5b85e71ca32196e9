import type { Credentials, TestServer } from '../../fixtures/server.ts';
import { basic } from './account.ts';

/** On `app.bench`, over REST. @throws Error when it was not taken */
export async function publishEvent(server: TestServer, who: Credentials, data: object): Promise<void> {
  const { pageUrl } = await server.state();
  const response = await fetch(new URL(`/v1/accounts/${who.account}/events`, pageUrl), {
    method: 'POST',
    headers: { authorization: basic(who), 'content-type': 'application/json' },
    body: JSON.stringify({ topic: 'app.bench', type: 'app.bench', data }),
  });
  if (!response.ok) throw new Error(`an event was answered ${response.status}: ${await response.text()}`);
  await response.arrayBuffer();
}
