import { phoneInCall } from '../fixtures/hearing.ts';
import { expect, test } from '../fixtures/test.ts';

/** Where nobody is to be led. */
const PRIVATE = 'http://10.255.0.1/greeting.wav';

test('MC-9 what is wrong with a recording’s origin is told in the call’s notifications, and the call goes on', async ({
  application,
  server,
}) => {
  application.answer(({ path }) => {
    return path === '/voice' ? `<Play>${PRIVATE}</Play><Redirect>/after</Redirect>` : '<Pause length="20"/>';
  });
  const phone = await phoneInCall(server, application.number, 420);
  const { params } = await application.waitForRequest(({ path }) => path === '/after');
  const [{ account, authToken }, { pageUrl }] = [await server.credentials(), await server.state()];
  const path = `2010-04-01/Accounts/${account}/Calls/${params['CallSid'] ?? ''}/Notifications.json`;
  const told = async (): Promise<unknown> => {
    const headers = { authorization: `Basic ${btoa(`${account}:${authToken}`)}` };
    const { notifications } = (await (await fetch(new URL(path, pageUrl), { headers })).json()) as {
      notifications: { error_code: string; message_text: string }[];
    };
    return notifications.map(({ error_code, message_text }) => `${error_code} ${decodeURIComponent(message_text)}`);
  };
  // What REST shows follows the events within moments.
  await expect.poll(told).toEqual([expect.stringMatching(/^11210 .*10\.255\.0\.1/)]);
  await phone.hangup();
});
