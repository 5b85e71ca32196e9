import pretty from 'pino-pretty';
import { createLog, describeError } from '../kernel/index.ts';
import type { Log } from '../kernel/index.ts';
import { openServer } from './compose.ts';
import { openGatewayServer } from './compose-gateway.ts';
import { openMediaServer } from './compose-media.ts';
import type { Server } from './server.ts';
import { ConfigError, configHelp } from './config-options.ts';
import { readConfig } from './config.ts';
import type { Config } from './config.ts';
import type { CommandIo } from './io.ts';
import { readRunState } from './run-state.ts';

/** `npm start`: runs every role until the signal. @returns the exit code */
export async function runStart(argv: readonly string[], io: CommandIo): Promise<number> {
  let config: Config | 'help';
  try {
    config = readConfig(argv, io.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    io.error(error.message);
    return 2;
  }
  if (config === 'help') {
    io.out(configHelp());
    return 0;
  }
  const running = readRunState(config.dataDir);
  if (running !== undefined) {
    io.error(
      `Hookswitch already runs on ${config.dataDir} (process ${running.pid}, ${running.pageUrl}). Stop it, or give another --data-dir.`,
    );
    return 1;
  }
  return await serve(config, io);
}

async function serve(config: Config, io: CommandIo): Promise<number> {
  const log = logOf(config);
  let server: Server;
  try {
    server = await opener(config)(config, { log, signal: io.signal });
  } catch (error) {
    if (io.signal.aborted) return 130;
    log.error({ err: error }, 'start failed');
    io.error(`Hookswitch could not start: ${describeError(error)}`);
    return 1;
  }
  for (const line of welcome(config, server)) io.out(line);
  const why = await Promise.race([
    aborted(io.signal).then(() => 'signal' as const),
    server.lost.then(() => 'lost' as const),
    ...(server.drained === undefined ? [] : [server.drained.then(() => 'drained' as const)]),
  ]);
  const isLost = why === 'lost';
  if (isLost)
    io.error('This process was away for too long: others have taken what it owned. It has to be started anew.');
  if (why === 'signal') await letCallsFinish(config, server, io);
  io.out('stopping (calls are ended; Ctrl-C again forces)');
  await server.close();
  io.out('stopped');
  return isLost ? 1 : 0;
}

/** After SIGTERM, which service managers send. Ctrl-C is somebody who waits. */
async function letCallsFinish({ drainMs }: Config, server: Server, { signal, hurry, out }: CommandIo): Promise<void> {
  const isTerm = signal.reason instanceof Error && signal.reason.message === 'SIGTERM';
  if (!isTerm || drainMs === 0 || server.drain === undefined) return;
  out(`draining (no new calls; live ones have ${Math.round(drainMs / 1000)} s; a second signal ends them)`);
  await Promise.race([server.drain(drainMs), server.lost, ...(hurry === undefined ? [] : [aborted(hurry)])]);
}

function opener({ roles }: Config): typeof openServer {
  if (roles.includes('call')) return openServer;
  return roles.includes('gateway') ? openGatewayServer : openMediaServer;
}

function logOf(config: Config): Log {
  const { level, json } = config.log;
  if (json || !process.stdout.isTTY) return createLog({ level });
  const destination = pretty({ colorize: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l', sync: true });
  return createLog({ level, destination });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => {
      resolve();
    });
  });
}

/** What a newcomer reads: where everything is, and what to try. */
function welcome(config: Config, server: Server): string[] {
  const { state, credentials } = server;
  const [number = ''] = state.numbers;
  const lines = [
    '',
    'Hookswitch is ready.',
    '',
    `  page        ${server.pageLink}`,
    ...(state.gateway.ws === ''
      ? []
      : [`  hub         ${state.gateway.ws}  (WebSocket),  ${state.gateway.socketio}  (Socket.IO)`]),
    ...(state.sip === undefined ? [] : [`  SIP         udp ${state.sip.host}:${state.sip.port}`]),
    `  NATS        ${state.nats.subscriberUrl}`,
    `  health      ${state.health}   metrics ${new URL('/metrics', state.health).href}`,
    `  state       ${state.dataDir}`,
    `  account     ${state.account}`,
    '',
  ];
  if (credentials !== undefined) {
    lines.push(
      'Made at this first start; shown this once, keep them:',
      `  account     ${credentials.accountSid}`,
      `  auth token  ${credentials.authToken}`,
      `  API key     ${credentials.apiKeySid}`,
      `  API secret  ${credentials.apiKeySecret}`,
      '',
    );
  }
  if (config.demo && config.roles.includes('call')) {
    lines.push(
      'Try it:',
      '  1. open the page and register as alice',
      `  2. in a second terminal:  npm run call -- --to ${number}`,
      '  3. answer in the browser; what the caller hears is recorded',
      '  4. the other way:         npm run call -- --listen   and dial any number on the page',
      '',
    );
  }
  lines.push('Ctrl-C stops everything.', '');
  return lines;
}
