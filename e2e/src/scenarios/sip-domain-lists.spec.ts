import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { restClient } from '../fixtures/rest-client.ts';
import { startServer } from '../fixtures/server.ts';
import type { Credentials } from '../fixtures/server.ts';
import { callWithProbe } from '../fixtures/sip-probe.ts';
import { expect, test } from '../fixtures/test.ts';

const DOMAIN = 'office.example.com';

test('CR-4 lists mapped to a SIP domain decide about real calls to it, from the moment they are mapped', async () => {
  const asked: URLSearchParams[] = [];
  const application = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      asked.push(new URLSearchParams(Buffer.concat(chunks).toString()));
      response.setHeader('content-type', 'text/xml').end('<Response><Echo/></Response>');
    });
  }).listen(0, '127.0.0.1');
  await once(application, 'listening');
  const server = await startServer({ args: ['--no-demo'] });
  try {
    const client = await restClient(server);
    const { sip, pageUrl } = await server.state();
    await removeTrunks(pageUrl, await server.credentials());
    const voiceUrl = `http://127.0.0.1:${(application.address() as AddressInfo).port}/voice`;
    const domain = await client.sip.domains.create({ domainName: DOMAIN, voiceUrl });
    const call = async (): Promise<number> => {
      const probe = await callWithProbe({ server: sip, number: '+15550123', domain: DOMAIN, from: '+15550177' });
      const status = await probe.final;
      await probe.hangup();
      return status;
    };
    expect(await call(), 'nothing is mapped').toBe(403);

    const list = await client.sip.ipAccessControlLists.create({ friendlyName: 'exchange' });
    const { ipAddresses } = client.sip.ipAccessControlLists(list.sid);
    const address = await ipAddresses.create({ friendlyName: 'here', ipAddress: '127.0.0.0', cidrPrefixLength: 8 });
    const { calls } = client.sip.domains(domain.sid).auth;
    await calls.ipAccessControlListMappings.create({ ipAccessControlListSid: list.sid });
    expect(await call(), 'its address is in the list').toBe(200);
    expect(asked).toHaveLength(1);
    expect(asked[0]?.get('From')).toBe('+15550177');
    expect(asked[0]?.get('To')).toBe('+15550123');

    const people = await client.sip.credentialLists.create({ friendlyName: 'people' });
    await client.sip.credentialLists(people.sid).credentials.create({ username: 'pbx', password: 'Correct horse 1' });
    const mapping = await calls.credentialListMappings.create({ credentialListSid: people.sid });
    expect(await call(), 'a password is asked for, too').toBe(401);
    await calls.credentialListMappings(mapping.sid).remove();
    await ipAddresses(address.sid).update({ ipAddress: '192.0.2.0' });
    expect(await call(), 'the list names others').toBe(403);
    expect(asked).toHaveLength(1);
  } finally {
    await server.stop();
    application.close();
  }
});

/** No trunk knows this machine's address then. */
async function removeTrunks(pageUrl: string, { account, authToken }: Credentials): Promise<void> {
  const headers = { authorization: `Basic ${Buffer.from(`${account}:${authToken}`).toString('base64')}` };
  const url = new URL(`/v1/accounts/${account}/trunks`, pageUrl);
  const { trunks } = (await (await fetch(url, { headers })).json()) as { trunks: { sid: string }[] };
  for (const { sid } of trunks) await fetch(`${url.href}/${sid}`, { method: 'DELETE', headers });
}
