import { freeTcpPort, randomHex } from '../kernel/index.ts';
import { seedFirstAccount } from '../tenants/index.ts';
import type { Seeded } from '../tenants/index.ts';
import { startDemoApp } from './demo-app.child.ts';
import type { DemoApp } from './demo-app.child.ts';
import type { DemoAccess } from './http.fastify.ts';
import type { TenantParts } from './open-stores.ts';
import { isExposed } from './platform.ts';
import type { Platform } from './platform.ts';

/** The first account and, unless switched off, the demo application that serves it. */
export interface DemoParts {
  readonly seeded: Seeded;
  readonly app: Pick<DemoApp, 'url'> | undefined;
  readonly access: DemoAccess | undefined;
}

const CLIENT_APPLICATION = 'demo client';

export async function openDemo(platform: Platform, { store }: TenantParts): Promise<DemoParts> {
  const { config, startup } = platform;
  const [host = '127.0.0.1', port = '5070'] = config.trunk.gateway.split(/:(?=\d+$)/);
  const running = config.demo ? await runningDemo(store) : undefined;
  const appPort = config.demo && running === undefined ? await freeTcpPort('127.0.0.1') : undefined;
  const base = running ?? (appPort === undefined ? undefined : `http://127.0.0.1:${appPort}`);
  const seeded = await startup.step('first account', () =>
    seedFirstAccount(store, {
      allow: config.trunk.allow,
      outbound: { host, port: Number(port) },
      // Made by a provisioner, with fewer options than those that are started by hand.
      keepTrunk: (platform.env['HOOKSWITCH_PROVISIONER'] ?? '') !== '',
      ...(base === undefined ? {} : { voiceUrl: `${base}/voice` }),
    }),
  );
  if (base === undefined) return { seeded, app: undefined, access: undefined };
  const applicationSid = await clientApplication(store, seeded.account.sid, `${base}/client`);
  const credentials = {
    accountSid: seeded.account.sid,
    authToken: seeded.authToken,
    apiKeySid: seeded.key.sid,
    apiKeySecret: seeded.key.secret,
    applicationSid,
  };
  const app =
    appPort === undefined
      ? { url: base }
      : await startup.step(
          'demo application',
          () =>
            startDemoApp({
              repository: config.repository,
              clock: platform.clock,
              log: platform.log,
              credentials,
              port: appPort,
            }),
          (opened) => opened.close(),
        );
  const key = isExposed(config) ? randomHex(platform.random, 12) : undefined;
  return { seeded, app, access: { key, token: (identity) => demoToken(app.url, identity) } };
}

/**
 * The demo application of another process on this machine, which serves the account already: one that took its place would leave
 * nothing behind at its end.
 */
async function runningDemo(store: TenantParts['store']): Promise<string | undefined> {
  const [account] = await store.accounts();
  if (account === undefined) return undefined;
  const found = (await store.applications(account.sid)).find(({ name }) => name === CLIENT_APPLICATION);
  if (found === undefined || !URL.canParse(found.voiceUrl)) return undefined;
  const { origin } = new URL(found.voiceUrl);
  return (await demoToken(origin, 'demo')).status === 200 ? origin : undefined;
}

/** The application that runs calls made by browsers: found by name, made when missing, its address kept up to date. */
async function clientApplication(store: TenantParts['store'], accountSid: string, voiceUrl: string): Promise<string> {
  const found = (await store.applications(accountSid)).find(({ name }) => name === CLIENT_APPLICATION);
  if (found === undefined)
    return (await store.createApplication(accountSid, { name: CLIENT_APPLICATION, voiceUrl })).sid;
  if (found.voiceUrl !== voiceUrl) await store.updateApplication(found.sid, { voiceUrl });
  return found.sid;
}

async function demoToken(url: string, identity: string): Promise<{ status: number; body: string }> {
  try {
    const response = await fetch(`${url}/token?identity=${encodeURIComponent(identity)}`, {
      signal: AbortSignal.timeout(5000),
    });
    return { status: response.status, body: await response.text() };
  } catch {
    return {
      status: 502,
      body: JSON.stringify({ status: 502, title: 'The demo application does not answer; restart the server' }),
    };
  }
}
