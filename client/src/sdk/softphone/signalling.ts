import { SOFTPHONE_EXTENSION, softphonePushSchema, softphoneResultSchemas } from '@hookswitch/shared';
import type { SoftphonePush, SoftphoneResults } from '@hookswitch/shared';
import type { HubClient } from '../hub/index.ts';
import { clientError } from '../kit/index.ts';
import type { Unsubscribe } from '../kit/index.ts';
import type { Signal } from './ports.ts';

/** Softphone requests over the hub connection. Answers are checked against the shared schemas. */
export function softphoneSignal(hub: HubClient): Signal {
  return async (type, body, timeoutMs) => {
    const answer = await hub.extension(SOFTPHONE_EXTENSION, { ...body, type }, timeoutMs);
    const parsed = softphoneResultSchemas[type].safeParse(answer);
    if (!parsed.success) {
      throw clientError('badAnswer', { message: `the answer to '${type}' is not valid: ${parsed.error.message}` });
    }
    return parsed.data as SoftphoneResults[typeof type];
  };
}

/** Softphone messages of the server; those of a newer protocol that are not understood are left out. */
export function onSoftphonePush(hub: HubClient, listener: (push: SoftphonePush) => void): Unsubscribe {
  return hub.onExtension(SOFTPHONE_EXTENSION, (body) => {
    const parsed = softphonePushSchema.safeParse(body);
    if (parsed.success) listener(parsed.data);
  });
}
