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
}

/**
 * The configuration file of the embedded nats-server, for 2.9 and newer: loopback, JetStream, two users in one account.
 * `subscriber` is for backend services: it may subscribe to events and publish nothing, not even to JetStream's API.
 * (Accounts per tenant will be generated here.)
 */
export function natsConfig(facts: NatsConfigFacts): string {
  const text = (value: string): string => JSON.stringify(value);
  return `# Generated at every start. Changes are lost.
server_name: ${text(facts.serverName)}
listen: ${text(`${facts.host}:${facts.port}`)}
max_payload: 1MB
max_connections: 4096
max_pending: 64MB
write_deadline: "10s"
ping_interval: "20s"
ping_max: 3
lame_duck_duration: "30s"
jetstream {
  store_dir: ${text(facts.storeDir)}
  max_memory_store: 256MB
  max_file_store: 16GB
}
authorization {
  timeout: 5
  users: [
    { user: ${text(facts.server.user)}, password: ${text(facts.server.password)} }
    {
      user: ${text(facts.subscriber.user)}, password: ${text(facts.subscriber.password)}
      permissions: { publish: { deny: ">" }, subscribe: { allow: "hs.ev.>" } }
    }
  ]
}
`;
}
