import { DISCONNECTS, HUB_ERRORS, afterDisconnect } from './codes.ts';
import type { AfterDisconnect } from './codes.ts';

const AFTER: Readonly<Record<AfterDisconnect, string>> = {
  reconnect: 'reconnect, with back-off',
  'reconnect-with-new-token': 'get a new token, then reconnect',
  stop: 'stop: the same would happen again',
};

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** The rows of HUB_ERRORS as a table; also a part of docs/spec/hub-protocol.md. */
export function errorTable(): string {
  const errors = Object.entries(HUB_ERRORS).map(([name, { code, temporary, message }]) => [
    String(code),
    `\`${name}\``,
    message,
    temporary ? 'yes' : 'no',
  ]);
  return table(['code', 'name', 'meaning', 'later'], errors);
}

/** The rows of DISCONNECTS as a table; also a part of docs/spec/hub-protocol.md. */
export function disconnectTable(): string {
  const disconnects = Object.entries(DISCONNECTS).map(([name, { code, reason }]) => [
    String(code),
    `\`${name}\``,
    reason,
    AFTER[afterDisconnect(code)],
  ]);
  return table(['code', 'name', 'meaning', 'the client'], disconnects);
}

/** The whole text of docs/errors.md, from the tables in codes.ts. */
export function errorsDocument(): string {
  return [
    '# Codes of the hub protocol',
    '',
    '<!-- Generated from shared/src/codes.ts by "npm run generate". Do not edit. -->',
    '',
    '## Errors',
    '',
    'Sent in an `error` frame: `code`, `name`, `message` (the text below, or a more exact one) and `temporary`. An error never',
    'closes the connection by itself. "Later" says whether the same command may succeed later without a change of its own.',
    'Decide on `code` or `name`, never on the message.',
    '',
    errorTable(),
    '',
    '## Disconnects',
    '',
    'Sent in a `disconnect` frame just before the connection closes and, on the native endpoint, as the WebSocket close code.',
    'The range decides what a client does, so that new codes need no new clients:',
    '',
    table(
      ['range', 'the client'],
      [
        ['4000-4099', `${AFTER.reconnect}; not before \`retryAfterMs\`, if the frame has it`],
        ['4100-4199', AFTER['reconnect-with-new-token']],
        ['4200-4299', AFTER.stop],
        ['anything else', `${AFTER.reconnect} (a proxy or the network closed it)`],
      ],
    ),
    '',
    disconnectTable(),
    '',
  ].join('\n');
}
