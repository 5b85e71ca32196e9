import type { NewTrunkSettings, TrunkChanges, TrunkRecord } from '../../tenants/index.ts';
import { gatewaysOf } from '../../tenants/index.ts';
import type { CommandLine, OptionSpec } from './command-line.ts';
import type { Row } from './output.ts';
import { UsageError } from './usage-error.ts';

type Gateway = NonNullable<NewTrunkSettings['gateways']>[number];

/** Options of `trunks add` and `trunks update`. */
export const TRUNK_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  allow: { value: 'CIDR,...', help: 'addresses that its calls come from', many: true },
  'inbound-username': { value: 'USER', help: 'what the carrier has to present (digest) on calls to us' },
  'inbound-secret': { value: 'SECRET', help: 'of --inbound-username' },
  gateway: {
    value: 'HOST[:PORT][;...]',
    help: 'where calls go: ;transport=udp|tcp|tls ;priority=N (lowest first) ;weight=N; several in one list',
    many: true,
  },
  outbound: { value: 'HOST[:PORT]', help: 'one gateway over UDP; the same as --gateway' },
  prefixes: { value: '+49,...', help: 'numbers it serves, by their beginning (default: all)', many: true },
  username: { value: 'USER', help: 'for a digest challenge of the carrier' },
  secret: { value: 'SECRET', help: 'for a digest challenge of the carrier' },
  register: { value: 'USER', help: 'register as this user, with --username and --secret' },
  registrar: { value: 'HOST', help: 'where to register (default: the first gateway)' },
  'register-expires': { value: 'SECONDS', help: 'life of the registration asked for (default 3600)' },
  codecs: { value: 'PCMU,PCMA', help: 'in order of preference', many: true },
  srtp: { value: 'off|preferred|required', help: 'encrypted media by SDES (default off)' },
  priority: { value: 'N', help: 'among trunks that serve a number equally well: lowest first (default 0)' },
  cost: { value: 'N', help: 'of a minute, in a unit of your own: of equal priority the cheapest first (default 0)' },
  channels: { value: 'N', help: 'calls at once, both directions (default: no limit)' },
  'channels-in': { value: 'N', help: 'calls at once from the carrier' },
  'channels-out': { value: 'N', help: 'calls at once to the carrier' },
  sharing: { value: 'own|subaccounts', help: 'who may use it (default own: its account alone)' },
  shares: {
    value: 'AC...=RESERVED[/MOST],...',
    help: 'of --channels, what accounts are promised, and how many calls they may place at a time',
    many: true,
  },
  'keep-for-callers': { value: 'N', help: 'of --channels, so many are kept free of outgoing calls (default 0)' },
  'options-interval': { value: 'SECONDS', help: 'between health pings by OPTIONS (new trunks 60; 0: none)' },
  country: { value: 'DIGITS', help: 'country code of national numbers, e.g. 49' },
  'national-prefix': { value: 'DIGITS', help: 'before national numbers, e.g. 0' },
  'international-prefix': { value: 'DIGITS', help: 'before international numbers (default 00)' },
  format: { value: 'e164|e164-without-plus|international|national', help: 'how numbers are sent (default e164)' },
  rules: { value: 'STRIP:ADD,...', help: 'then: the first rule whose STRIP begins the number', many: true },
  'caller-header': { value: 'from|p-asserted-identity|remote-party-id', help: 'says who calls (default from)' },
  trusted: { value: 'yes|no', help: 'believe the identity headers that the carrier sends (default no)' },
  'from-user': { value: 'USER', help: 'user of From in place of the caller' },
  'from-domain': { value: 'DOMAIN', help: 'domain of From and identity headers (default: our address)' },
  'to-domain': { value: 'DOMAIN', help: 'domain of the number called (default: the gateway)' },
  diversion: { value: 'yes|no', help: 'send Diversion on forwarded calls (default no)' },
  'reliable-provisional': { value: 'off|supported|required', help: '100rel (default supported)' },
  transfers: { value: 'refuse|allow', help: 'of calls, asked for by the carrier (REFER; default refuse)' },
  'session-timer': { value: 'SECONDS', help: 'session interval (RFC 4028) to ask for; 0: that of the server' },
};

/** The gateways in `--gateway`, each `HOST[:PORT]` or a sip: URI, with parameters. @throws UsageError */
function gatewayOf(text: string): Gateway {
  const [address = '', ...params] = text.replace(/^sip:/i, '').split(';');
  const match = /^(\[[0-9a-fA-F:]+\]|[^:[\]\s]+)(?::(\d{1,5}))?$/.exec(address);
  const port = match?.[2] === undefined ? undefined : Number(match[2]);
  if (match?.[1] === undefined || (port !== undefined && (port < 1 || port > 65_535))) {
    throw new UsageError('usage', `--gateway ${text}: expected HOST or HOST:PORT, such as sip.example.com:5060`);
  }
  const given = new Map(params.map((param) => param.split('=', 2) as [string, string | undefined]));
  const number = (name: string): number | undefined => {
    const value = given.get(name);
    if (value === undefined) return undefined;
    if (!/^\d{1,5}$/.test(value)) throw new UsageError('usage', `--gateway ${text}: ;${name}= takes a whole number`);
    return Number(value);
  };
  for (const name of given.keys()) {
    if (!['transport', 'priority', 'weight'].includes(name)) {
      throw new UsageError('usage', `--gateway ${text}: ;${name} is not known (transport, priority, weight)`);
    }
  }
  const transport = given.get('transport');
  const [priority, weight] = [number('priority'), number('weight')];
  return {
    host: match[1].replace(/^\[(.*)\]$/, '$1'),
    port: port ?? null,
    // What does not fit is refused by the store, which names the choices.
    ...(transport === undefined ? {} : { transport: transport as 'udp' }),
    ...(priority === undefined ? {} : { priority }),
    ...(weight === undefined ? {} : { weight }),
  };
}

/** What the options say of a trunk; only what was given. @throws UsageError */
export function trunkChanges(line: CommandLine, before?: TrunkRecord): TrunkChanges {
  const channels = line.number('channels', { from: 1, to: 100_000 });
  const codecs = line.list('codecs') as ('PCMU' | 'PCMA')[] | undefined;
  return {
    ...text('name', line.get('name')),
    ...text('inboundUsername', line.get('inbound-username')),
    ...text('inboundSecret', line.get('inbound-secret')),
    ...text('digestUsername', line.get('username')),
    ...text('digestSecret', line.get('secret')),
    ...(line.list('allow') === undefined ? {} : { allow: line.list('allow') ?? [] }),
    ...(codecs === undefined ? {} : { codecs }),
    ...(channels === undefined ? {} : { channels }),
    settings: settingsOf(line, before),
  };
}

function settingsOf(line: CommandLine, before: TrunkRecord | undefined): Partial<NewTrunkSettings> {
  const gateways = [...(line.list('gateway') ?? []), ...(line.list('outbound') ?? [])].map(gatewayOf);
  const whole = (name: string, from: number, to = 100_000): number | undefined => line.number(name, { from, to });
  const timer = whole('session-timer', 0, 86_400);
  const register = line.get('register') ?? before?.settings.register?.user;
  const numbers = {
    ...text('countryCode', line.get('country')),
    ...text('nationalPrefix', line.get('national-prefix')),
    ...text('internationalPrefix', line.get('international-prefix')),
    ...text('out', line.get('format')),
    ...member('rules', line.list('rules')?.map(ruleOf)),
  };
  const identity = {
    ...text('caller', line.get('caller-header')),
    ...member('trusted', yesNo(line, 'trusted')),
    ...text('fromUser', line.get('from-user')),
    ...text('fromDomain', line.get('from-domain')),
    ...text('toDomain', line.get('to-domain')),
    ...member('diversion', yesNo(line, 'diversion')),
  };
  const registration = {
    ...before?.settings.register,
    ...text('user', register),
    ...text('registrar', line.get('registrar')),
    ...member('expiresS', whole('register-expires', 60, 86_400)),
  };
  return {
    ...(gateways.length === 0 ? {} : { gateways }),
    ...member('prefixes', line.list('prefixes')),
    ...member('priority', whole('priority', 0, 65_535)),
    ...member('cost', whole('cost', 0, 1_000_000_000)),
    ...member('channelsIn', whole('channels-in', 1)),
    ...member('channelsOut', whole('channels-out', 1)),
    ...text('sharing', line.get('sharing')),
    ...member('shares', line.list('shares')?.map(shareOf)),
    ...member('keptForCallers', whole('keep-for-callers', 0)),
    ...text('srtp', line.get('srtp')),
    ...member('optionsIntervalS', whole('options-interval', 0, 3600)),
    ...text('reliableProvisional', line.get('reliable-provisional')),
    ...text('transfers', line.get('transfers')),
    ...(timer === undefined ? {} : { sessionTimer: timer === 0 ? null : { expiresS: timer } }),
    ...(Object.keys(numbers).length === 0 ? {} : { numbers: { ...before?.settings.numbers, ...numbers } }),
    ...(Object.keys(identity).length === 0 ? {} : { identity: { ...before?.settings.identity, ...identity } }),
    ...(register === undefined ? {} : { register: registration as { user: string } }),
  };
}

const member = <K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> =>
  value === undefined ? {} : ({ [key]: value } as Record<K, V>);
/** A text option; the store's schema knows which texts fit. */
const text = <K extends string>(key: K, value: string | undefined): Partial<Record<K, never>> =>
  member(key, value as never);

function yesNo(line: CommandLine, name: string): boolean | undefined {
  const value = line.get(name);
  if (value === undefined || value === 'yes' || value === 'no')
    return value === undefined ? undefined : value === 'yes';
  throw new UsageError('usage', `--${name} ${value}: expected yes or no`);
}

function ruleOf(rule: string): { strip: string; add: string } {
  const [strip, add, surplus] = rule.split(':');
  if (strip === undefined || add === undefined || surplus !== undefined) {
    throw new UsageError(
      'usage',
      `--rules ${rule}: expected STRIP:ADD, such as 0049:0 or :9 (adds a 9 to every number)`,
    );
  }
  return { strip, add };
}

function shareOf(share: string): { accountSid: string; reserved: number; most: number | null } {
  const [, accountSid, reserved, most] = /^(AC[0-9a-f]{32})=(\d{1,6})(?:\/(\d{1,6}))?$/.exec(share) ?? [];
  if (accountSid === undefined || reserved === undefined || Number(most ?? 1) === 0) {
    throw new UsageError(
      'usage',
      `--shares ${share}: expected AC...=RESERVED or AC...=RESERVED/MOST with a MOST of 1 or more, such as AC...=10/40`,
    );
  }
  return { accountSid, reserved: Number(reserved), most: most === undefined ? null : Number(most) };
}

const shareText = ({ accountSid, reserved, most }: TrunkRecord['settings']['shares'][number]): string =>
  `${accountSid}=${reserved}${most === null ? '' : `/${most}`}`;

/** One line of `trunks list`. */
export const trunkRow = (record: TrunkRecord): Row => ({
  sid: record.sid,
  name: record.name,
  allow: record.allow,
  gateways: gatewaysOf(record).map(gatewayText),
  user: record.digestUsername,
  codecs: record.codecs,
  channels: record.channels,
  account: record.accountSid,
});

/** All of a trunk but its secrets. */
export function trunkDetails(record: TrunkRecord): Row {
  const { settings } = record;
  const { numbers, identity, register } = settings;
  return {
    ...trunkRow(record),
    inboundUser: record.inboundUsername,
    channelsIn: settings.channelsIn,
    channelsOut: settings.channelsOut,
    sharing: settings.sharing,
    shares: settings.shares.map(shareText),
    keptForCallers: settings.keptForCallers,
    prefixes: settings.prefixes,
    priority: settings.priority,
    cost: settings.cost,
    srtp: settings.srtp,
    optionsIntervalS: settings.optionsIntervalS,
    register: register === null ? null : `${register.user}@${register.registrar ?? 'first gateway'}`,
    reliableProvisional: settings.reliableProvisional,
    transfers: settings.transfers,
    sessionTimerS: settings.sessionTimer?.expiresS ?? null,
    country: numbers.countryCode,
    nationalPrefix: numbers.nationalPrefix,
    internationalPrefix: numbers.internationalPrefix,
    format: numbers.out,
    rules: numbers.rules.map(({ strip, add }) => `${strip}:${add}`),
    callerHeader: identity.caller,
    trusted: identity.trusted,
    fromUser: identity.fromUser,
    fromDomain: identity.fromDomain,
    toDomain: identity.toDomain,
    diversion: identity.diversion,
  };
}

/** A gateway as `--gateway` takes it. */
function gatewayText(gateway: ReturnType<typeof gatewaysOf>[number]): string {
  const { host, port, transport, priority, weight } = gateway;
  const address = host.includes(':') ? `[${host}]` : host;
  return [
    port === null ? address : `${address}:${String(port)}`,
    ...(transport === 'udp' ? [] : [`transport=${transport}`]),
    ...(priority === 0 ? [] : [`priority=${String(priority)}`]),
    ...(weight === 100 ? [] : [`weight=${String(weight)}`]),
  ].join(';');
}
