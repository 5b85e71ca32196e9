import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TransportProtocol } from '../../transport/index.ts';
import type { Authority } from '../certificates.ts';
import { bound, freePort } from './ports.ts';

export interface KamailioOptions {
  readonly authority: Authority;
  /** How it challenges who calls a user whose name begins with `guarded`. */
  readonly algorithm?: 'MD5' | 'SHA-256';
}

/** Password of every user whom it challenges; its realm is `kamailio.test`. */
export const KAMAILIO_PASSWORD = 'secret';

/**
 * Kamailio as record-routing proxy: it takes requests over one transport and passes them on over the one that the
 * Request-URI names, to a second URI too where the header `X-Fork` names one.
 */
export interface Kamailio {
  /** Where it listens, as the URI of a next hop. */
  uri(protocol: TransportProtocol): string;
  /** Complaints in its log. */
  errors(): string[];
  stop(): Promise<void>;
}

function configOf(port: number, tlsPort: number, { algorithm = 'MD5' }: KamailioOptions): string {
  return `#!KAMAILIO
debug=1
log_stderror=yes
children=1
tcp_children=1
auto_aliases=no
dns=no
rev_dns=no
use_dns_cache=off
enable_tls=yes
tcp_connection_lifetime=60
listen=udp:127.0.0.1:${String(port)}
listen=tcp:127.0.0.1:${String(port)}
listen=tls:127.0.0.1:${String(tlsPort)}
${['tm', 'sl', 'rr', 'pv', 'maxfwd', 'textops', 'siputils', 'corex', 'auth', 'tls'].map((name) => `loadmodule "${name}.so"`).join('\n')}
modparam("tm", "fr_timer", 4000)
modparam("rr", "enable_double_rr", 1)
modparam("rr", "append_fromtag", 1)
modparam("auth", "algorithm", "${algorithm}")
modparam("auth", "qop", "auth")
modparam("tls", "config", "tls.cfg")

request_route {
  if (!mf_process_maxfwd_header("10")) {
    sl_send_reply("483", "Too Many Hops");
    exit;
  }
  if (is_method("CANCEL")) {
    if (t_check_trans()) t_relay();
    exit;
  }
  if (has_totag()) {
    if (loose_route()) {
      t_relay();
    } else if (is_method("ACK")) {
      if (t_check_trans()) t_relay();
    } else {
      sl_send_reply("404", "Not Here");
    }
    exit;
  }
  t_check_trans();
  if ($rU =~ "^guarded") {
    if (!pv_proxy_authenticate("kamailio.test", "${KAMAILIO_PASSWORD}", "0")) {
      proxy_challenge("kamailio.test", "1");
      exit;
    }
    consume_credentials();
  }
  # The route that the caller had to it.
  loose_route();
  remove_hf("Route");
  if (is_method("INVITE")) record_route();
  if (is_present_hf("X-Fork")) append_branch("$hdr(X-Fork)");
  if (!t_relay()) sl_reply_error();
}
`;
}

const TLS_CONFIG = `[server:default]
method = TLSv1.2+
verify_certificate = no
require_certificate = no
private_key = key.pem
certificate = cert.pem
ca_list = ca.pem

[client:default]
method = TLSv1.2+
verify_certificate = yes
require_certificate = yes
private_key = key.pem
certificate = cert.pem
ca_list = ca.pem
`;

export async function startKamailio(options: KamailioOptions): Promise<Kamailio> {
  const directory = await mkdtemp(join(tmpdir(), 'kamailio-'));
  const [port, tlsPort] = [await freePort(), await freePort()];
  const { cert, key } = await options.authority.issue(['IP:127.0.0.1']);
  const file = (name: string): string => join(directory, name);
  const tlsConfig = TLS_CONFIG.replace(/= (\w+\.pem)/g, (_all, name: string) => `= ${file(name)}`);
  const config = configOf(port, tlsPort, options).replace('"tls.cfg"', `"${file('tls.cfg')}"`);
  const files = { 'cert.pem': cert, 'key.pem': key, 'ca.pem': options.authority.cert, 'tls.cfg': tlsConfig };
  for (const [name, text] of Object.entries({ ...files, 'kamailio.cfg': config })) await writeFile(file(name), text);
  // In the foreground, with little memory and files of its own.
  const args = ['-DD', '-E', '-m', '32', '-M', '8', '-f', file('kamailio.cfg'), '-w', directory, '-Y', directory];
  const child = spawn('kamailio', args, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  const ended = exit(child);
  const failed = ended.then((how) => {
    throw new Error(`kamailio ended with ${how}\n${output.slice(-3000)}`);
  });
  // Once it runs, its end is what stop() asks for.
  failed.catch(() => undefined);
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await ended;
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await Promise.race([Promise.all([bound(port, 'udp'), bound(port, 'tcp'), bound(tlsPort, 'tcp')]), failed]);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    uri: (protocol) =>
      protocol === 'tls'
        ? `sip:127.0.0.1:${String(tlsPort)};transport=tls;lr`
        : `sip:127.0.0.1:${String(port)}${protocol === 'tcp' ? ';transport=tcp' : ''};lr`,
    errors: () => output.split('\n').filter((line) => /\b(ERROR|CRITICAL|BUG|ALERT)\b/.test(line)),
    stop,
  };
}

function exit(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => {
      resolve(error.message);
    });
    child.once('exit', (code, signal) => {
      resolve(String(code ?? signal));
    });
  });
}
