import { GroupError } from '../groups/group-error.ts';
import type { GroupRecord, GroupStore } from '../groups/ports.ts';
import type { EventSink } from '../ports.ts';

/** The last word on a conference whose owner died, in its place. */
export function tellLost(events: EventSink, { accountSid, sid, name }: GroupRecord): void {
  const data = { conferenceSid: sid, friendlyName: name, reason: 'node-lost' as const };
  events.emit({ accountSid, type: 'conference.ended', subject: sid, data });
}

/** What a dead node owned: its conferences are told to be over, once; its queues are nobody's until somebody comes. */
export function sweepGroups(
  store: GroupStore,
  events: EventSink,
): { readonly name: string; sweep(node: string): Promise<void> } {
  return {
    name: 'conferences and queues',
    sweep: async (node) => {
      for (const { record, revision } of await store.ownedBy(node)) {
        try {
          if (record.kind === 'queue') await store.update({ ...record, node: undefined, fence: 0 }, revision);
          else {
            await store.remove(record, revision);
            tellLost(events, record);
          }
        } catch (error) {
          // Somebody was faster, and has told of it.
          if (!(error instanceof GroupError) || error.reason !== 'conflict') throw error;
        }
      }
    },
  };
}
