import { hookswitch } from '../../fixtures/application.ts';
import type { Credentials, TestServer } from '../../fixtures/server.ts';

/** One more account of the server, with an API key. */
export async function openAccount(server: TestServer, name: string): Promise<Credentials> {
  const { sid: account } = (await hookswitch(server, 'accounts', 'create', '--name', name)) as { sid: string };
  const made = await hookswitch(server, 'keys', 'create', '--name', name, '--account', account);
  const { sid: apiKey, secret: apiSecret } = made as { sid: string; secret: string };
  return { account, authToken: '', apiKey, apiSecret };
}

export const basic = ({ apiKey, apiSecret }: Credentials): string =>
  `Basic ${Buffer.from(`${apiKey}:${apiSecret}`).toString('base64')}`;
