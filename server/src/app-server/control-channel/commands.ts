import type { ControlClientFrame } from '@hookswitch/shared';
import type { CallControlReply, CallControlRequest } from '../../calls/ports.ts';

export type ControlCommand = Exclude<ControlClientFrame, { type: 'instructions' | 'decline' }>;

type Change =
  | { readonly kind: 'redirect'; readonly url: string; readonly method: 'GET' | 'POST' }
  | { readonly kind: 'twiml'; readonly document: string }
  | { readonly kind: 'end' }
  | { readonly kind: 'send-digits'; readonly digits: string };

/** A command as it is put to the call; a text says why it cannot be. Pure. */
export function requestOf(
  command: ControlCommand,
  { accountSid, callSid, url }: { readonly accountSid: string; readonly callSid: string; readonly url: string },
): CallControlRequest | string {
  const change = changeOf(command, url);
  return typeof change === 'string' ? change : { accountSid, callSid, ...change };
}

function changeOf(command: ControlCommand, base: string): Change | string {
  switch (command.type) {
    case 'run':
      return documentOf(command) ?? 'give "instructions" or "twiml"';
    case 'play': {
      const address = URL.parse(command.url, base)?.href;
      if (address === undefined) return `"${command.url}" is no address`;
      const { loop = 1 } = command;
      return twiml([
        { verb: 'play', text: address, loop },
        { verb: 'redirect', text: base },
      ]);
    }
    case 'redirect': {
      const address = URL.parse(command.url, base)?.href;
      if (address === undefined) return `"${command.url}" is no address`;
      return { kind: 'redirect', url: address, method: command.method ?? 'POST' };
    }
    case 'send-digits':
      return { kind: 'send-digits', digits: command.digits };
    case 'hangup':
      return { kind: 'end' };
  }
}

function documentOf(given: { instructions?: unknown[] | undefined; twiml?: string | undefined }): Change | undefined {
  if (given.instructions !== undefined) return twiml(given.instructions);
  return given.twiml === undefined ? undefined : { kind: 'twiml', document: given.twiml };
}

function twiml(instructions: readonly unknown[]): Change {
  return { kind: 'twiml', document: JSON.stringify(instructions) };
}

const REFUSALS: Readonly<Record<string, string>> = {
  'no-such-call': 'the call is over',
  'not-supported': 'this leg takes no such command',
  'not-answered': 'the call is not answered yet',
  unavailable: 'the node that holds the call does not answer',
};

export function problemOf(reply: CallControlReply): string | undefined {
  return reply.ok ? undefined : (REFUSALS[reply.reason] ?? reply.reason);
}
