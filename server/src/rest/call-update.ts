import type { StatusEvent } from '@hookswitch/shared';
import type { CallControlReply, CallControlRequest } from '../calls/index.ts';
import type { CallRecord } from '../records/index.ts';
import { RestError } from './errors.ts';
import type { RestServices } from './services.ts';
import { untilShown } from './until-shown.ts';

type Settings = Extract<CallControlRequest, { kind: 'settings' }>;

export interface CallChanges {
  readonly Url?: string | undefined;
  readonly Method?: 'GET' | 'POST' | undefined;
  readonly Twiml?: string | undefined;
  readonly Status?: 'canceled' | 'completed' | undefined;
  readonly TimeLimit?: number | undefined;
  readonly FallbackUrl?: string | undefined;
  readonly FallbackMethod?: 'GET' | 'POST' | undefined;
  readonly StatusCallback?: string | undefined;
  readonly StatusCallbackMethod?: 'GET' | 'POST' | undefined;
  readonly StatusCallbackEvent?: readonly StatusEvent[] | undefined;
}

/** Without events, so that the application's own is not told in its place. */
const NO_CALLBACK = { url: '', method: 'POST', events: [] } as const;
const CANCELED = 'the call was canceled by the REST API';

/** Changes a call in progress and returns it as it is then. @throws RestError */
export async function updateCall(services: RestServices, call: CallRecord, changes: CallChanges): Promise<CallRecord> {
  if (call.endTime !== null) throw new RestError('callNotInProgress', `The call is over: ${call.status}`);
  const { Status, Url = '', Method = 'POST', Twiml, TimeLimit } = changes;
  const ofCall = { accountSid: call.accountSid, callSid: call.sid };
  if (Status !== undefined) return await endCall(services, call, Status);
  const settings = settingsIn(changes);
  if (settings !== undefined) await changeSettings(services, call, settings);
  if (TimeLimit !== undefined) await ask(services, call, { ...ofCall, kind: 'time-limit', ms: TimeLimit * 1000 });
  if (Url !== '') await ask(services, call, { ...ofCall, kind: 'redirect', url: Url, method: Method });
  else if (Twiml !== undefined) await ask(services, call, { ...ofCall, kind: 'twiml', document: Twiml });
  else if (TimeLimit === undefined && settings === undefined) {
    throw new RestError('badRequest', 'Nothing to change: give Url, Twiml or Status');
  }
  return (await services.records.calls.get(call.accountSid, call.sid)) ?? call;
}

/** Where its end is reported has to outlive the node that holds it, and so it is recorded too. */
async function changeSettings(
  services: RestServices,
  call: CallRecord,
  settings: Pick<Settings, 'fallback' | 'statusCallback'>,
): Promise<void> {
  const { accountSid, sid: callSid } = call;
  await ask(services, call, { accountSid, callSid, kind: 'settings', ...settings });
  const { statusCallback } = settings;
  if (statusCallback === undefined) return;
  const at = new Date(services.clock.now()).toISOString();
  await services.records.calls.changeCallback(callSid, { callback: statusCallback ?? NO_CALLBACK, at });
}

/** An address that is empty takes the one that there was away. */
function settingsIn(changes: CallChanges): Pick<Settings, 'fallback' | 'statusCallback'> | undefined {
  const { FallbackUrl, FallbackMethod = 'POST', StatusCallback: url, StatusCallbackMethod = 'POST' } = changes;
  if (FallbackUrl === undefined && url === undefined) return undefined;
  const { StatusCallbackEvent: events = ['completed'] } = changes;
  return {
    ...(FallbackUrl === undefined
      ? {}
      : { fallback: FallbackUrl === '' ? null : { url: FallbackUrl, method: FallbackMethod } }),
    ...(url === undefined ? {} : { statusCallback: url === '' ? null : { url, method: StatusCallbackMethod, events } }),
  };
}

async function endCall(
  services: RestServices,
  call: CallRecord,
  status: 'canceled' | 'completed',
): Promise<CallRecord> {
  if (call.node === null && (await cancelQueued(services, call))) return await shown(services, call);
  // As the 2010 API has it: what is answered is ended by `completed` only.
  if (status === 'canceled' && call.answeredAt !== null) return call;
  await ask(services, call, { accountSid: call.accountSid, callSid: call.sid, kind: 'end' });
  return await shown(services, call);
}

/** @returns false when it is being dialled */
async function cancelQueued(
  { callRequests, records, endUnheld, clock }: RestServices,
  call: CallRecord,
): Promise<boolean> {
  const canceled = await callRequests.cancel(call.accountSid, call.sid).catch((error: unknown) => {
    throw new RestError('unavailable', 'The call cannot be reached: try again', { cause: error });
  });
  if (canceled === undefined) return false;
  const at = new Date(clock.now()).toISOString();
  await records.calls.endQueued(call.sid, { status: 'canceled', message: CANCELED, at });
  const { accountSid, sid: callSid, direction, from, to } = call;
  const applicationSid = call.applicationSid ?? undefined;
  const statusCallback = call.statusCallback ?? undefined;
  endUnheld(
    { accountSid, callSid, direction, from, to, applicationSid, statusCallback, sequence: 0 },
    { status: 'canceled', cause: 'canceled', message: CANCELED, durationSeconds: 0 },
  );
  return true;
}

/** Asks the node that holds the call. @throws RestError */
export async function ask(
  services: RestServices,
  call: CallRecord,
  request: CallControlRequest,
): Promise<Extract<CallControlReply, { ok: true }>> {
  const reply = await services.callControl.request(request, call.node ?? undefined);
  if (!reply.ok) throw refused(reply);
  return reply;
}

function refused({ reason }: Extract<CallControlReply, { ok: false }>): RestError {
  switch (reason) {
    case 'no-such-call':
      return new RestError('callNotInProgress');
    case 'not-answered':
      return new RestError('callNotInProgress', 'The call is not answered');
    case 'no-such-recording':
    case 'no-such-stream':
    case 'no-such-transcription':
    case 'no-such-announcement':
      return new RestError('notFound');
    case 'not-supported':
      return new RestError('conflict', 'A dialled leg runs no instructions: it can only be ended');
    case 'unavailable':
      return new RestError('unavailable', 'The node that holds the call does not answer: try again', {
        headers: { 'retry-after': '1' },
      });
  }
}

/** The call once it is over, or as it is after a while. */
function shown({ records, clock }: RestServices, call: CallRecord): Promise<CallRecord> {
  return untilShown(
    clock,
    async () => (await records.calls.get(call.accountSid, call.sid)) ?? call,
    ({ endTime }) => endTime !== null,
  );
}
