import { openAccount } from '../fixtures/rest-client.ts';
import { expect, test } from '../fixtures/test.ts';
import { toneWav } from '../fixtures/tone.ts';

test('MC-10 an account sees what it keeps and what was done for it, uploads audio, hears it, and purges it', async ({
  agent,
  server,
}) => {
  // An account of its own: what other tests have kept and asked for does not count.
  const { account, authToken } = await openAccount(server, 'media page');
  const { pageUrl } = await server.state();
  const { page } = await agent({ identity: 'alice' });
  await page.getByTestId('media-link').click();
  const signIn = async (secret: string): Promise<void> => {
    await page.getByTestId('media-user').fill(account);
    await page.getByTestId('media-secret').fill(secret);
    await page.getByTestId('media-submit').click();
  };
  await signIn('wrong');
  await expect(page.getByTestId('media-problem')).toContainText('not the credentials');
  await signIn(authToken);
  await expect(page.getByTestId('media-quota')).toBeVisible();

  const file = { name: 'welcome.wav', mimeType: 'audio/wav', buffer: toneWav(440, 1.5) };
  await page.getByTestId('upload-file').setInputFiles(file);
  await page.getByTestId('upload-name').fill('welcome');
  await page.getByTestId('upload-submit').click();
  await expect(page.getByTestId('media-outcome')).toHaveText('welcome is kept: 1.5 s of audio.');
  await expect(page.getByTestId('media-kept')).toHaveText('1 source');
  await page.getByTestId('upload-file').setInputFiles({ ...file, buffer: Buffer.from('<html>no audio</html>') });
  await page.getByTestId('upload-name').fill('page');
  await page.getByTestId('upload-submit').click();
  await expect(page.getByTestId('media-outcome')).toContainText('web page');

  const authorization = `Basic ${btoa(`${account}:${authToken}`)}`;
  const heard = await fetch(new URL('media/v1/resource?upload=welcome', pageUrl), { headers: { authorization } });
  expect((await heard.arrayBuffer()).byteLength).toBe(12_000);

  await page.getByTestId('purge-by').selectOption('everything');
  await page.getByTestId('purge-submit').click();
  await page.getByTestId('confirm-yes').click();
  await expect(page.getByTestId('media-outcome')).toHaveText('1 source dropped.');
  await expect(page.getByTestId('media-kept')).toHaveText('0 sources');
  await expect(page.getByTestId('media-hits')).toHaveText('1');
  await expect(page.getByTestId('media-bytes')).toHaveText('12.0 kB');
});
