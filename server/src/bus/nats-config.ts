import { tenantSubjects } from './subjects.ts';

/** One login of the embedded server. */
export interface NatsLogin {
  readonly user: string;
  readonly password: string;
}

export interface NatsConfigFacts {
  readonly serverName: string;
  readonly host: string;
  readonly port: number;
  readonly storeDir: string;
  readonly server: NatsLogin;
  readonly subscriber: NatsLogin;
  readonly tenants: readonly NatsTenant[];
}

/** A tenant's own NATS account, for its trusted backends. */
export interface NatsTenant {
  /** Letters and digits. */
  readonly account: string;
  readonly logins: readonly NatsLogin[];
}

/** NATS account that everything of Hookswitch's own is in. */
export const HUB_NATS_ACCOUNT = 'HOOKSWITCH';

/**
 * The configuration file of the embedded nats-server, for 2.9 and newer: loopback, JetStream, an account for Hookswitch
 * itself and one for each tenant. Accounts do not see each other; a tenant's imports its own events and two services
 * (docs/nats.md) and nothing else, and its users may do nothing beside that, not even among themselves. In Hookswitch's own account
 * `subscriber` may subscribe to the events of all tenants and publish nothing.
 */
export function natsConfig(facts: NatsConfigFacts): string {
  return `# Generated. Changes are lost.
server_name: ${text(facts.serverName)}
listen: ${text(`${facts.host}:${facts.port}`)}
max_payload: 1MB
max_connections: 4096
max_pending: 64MB
write_deadline: "10s"
ping_interval: "20s"
ping_max: 3
lame_duck_duration: "30s"
authorization { timeout: 5 }
jetstream {
  store_dir: ${text(facts.storeDir)}
  max_memory_store: 256MB
  max_file_store: 16GB
}
system_account: SYS
accounts {
  SYS {}
  ${HUB_NATS_ACCOUNT} {
    jetstream: enabled
    users: [
      { user: ${text(facts.server.user)}, password: ${text(facts.server.password)} }
      {
        user: ${text(facts.subscriber.user)}, password: ${text(facts.subscriber.password)}
        permissions: { publish: { deny: ">" }, subscribe: { allow: "hs.ev.>" } }
      }
    ]
    exports: [
      { stream: "hs.ev.*.>" }
      { service: "hs.pub.*.app.>" }
      { service: "hs.history.*" }
    ]
  }
${facts.tenants.map(tenantAccount).join('')}}
`;
}

const text = (value: string): string => JSON.stringify(value);

/** @throws RangeError for a name that is not plain letters and digits */
function tenantAccount({ account, logins }: NatsTenant): string {
  if (!/^[A-Za-z0-9]+$/.test(account)) throw new RangeError(`'${account}' is no name for a NATS account`);
  const { events, publish, history } = tenantSubjects(account);
  const imports = [
    `{ stream: { account: ${HUB_NATS_ACCOUNT}, subject: ${text(events)} } }`,
    ...[publish, history].map((subject) => `{ service: { account: ${HUB_NATS_ACCOUNT}, subject: ${text(subject)} } }`),
  ];
  const permissions =
    `publish: { allow: [${[publish, history].map(text).join(', ')}] }, ` +
    `subscribe: { allow: [${[events, '_INBOX.>'].map(text).join(', ')}] }`;
  const users = logins.map(
    ({ user, password }) =>
      `      { user: ${text(user)}, password: ${text(password)}, permissions: { ${permissions} } }\n`,
  );
  return `  ${account} {
    users: [
${users.join('')}    ]
    imports: [
      ${imports.join('\n      ')}
    ]
  }
`;
}
