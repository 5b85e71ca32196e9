import { shardOf } from '../bus/index.ts';
import { NatsFenceMarks } from '../hub/fence-marks.nats.ts';
import { DeadCalls, UsageWatch } from '../records/index.ts';
import type { OpenCall, UsageTriggerRecord } from '../records/index.ts';
import { RecordsProjector } from '../records/projector.nats.ts';
import { PgRecords } from '../records/store.pg.ts';
import type { Callbacks, InstructionRequest } from '../calls/ports.ts';
import type { EndUnheld } from './open-call-requests.ts';
import type { BusParts, TenantParts } from './open-stores.ts';
import type { Platform } from './platform.ts';

const DIED = 'the process that held the call died';

/** Tables of what calls leave behind, and this process's share of bringing the events into them. */
export async function openRecords(
  { startup }: Platform,
  { tenants }: { readonly tenants: TenantParts },
): Promise<PgRecords> {
  return await startup.step('tables of records', () => PgRecords.open(tenants.database));
}

/** Begins to read events into the tables, and to look after the calls of dead processes. */
export async function projectRecords(
  { startup, clock, log, metrics }: Platform,
  {
    bus,
    records,
    endUnheld,
    callbacks,
  }: {
    readonly bus: BusParts;
    readonly records: PgRecords;
    readonly endUnheld: EndUnheld;
    readonly callbacks: Callbacks;
  },
): Promise<void> {
  const { cluster, streams } = bus;
  const { shards } = streams;
  const fences = await startup.step(
    'fences of records',
    () => NatsFenceMarks.open({ bus: bus.bus, shards, isFenced: (node, fence) => cluster.isFenced(node, fence) }),
    (opened) => {
      opened.close();
    },
  );
  const deadCalls = new DeadCalls({
    store: records,
    cluster,
    shardOf: (accountSid) => shardOf(accountSid, shards),
    end: (call) => {
      endDead(call, clock.now(), endUnheld);
    },
    clock,
    log,
  });
  const watch = new UsageWatch({
    usage: records.usage,
    triggers: records.triggers,
    tell: (trigger, facts) => {
      callbacks.send(triggerRequest(trigger, facts));
    },
    clock,
    log,
  });
  const projector = new RecordsProjector({
    bus: bus.bus,
    streams,
    store: records,
    isRefused: (event) => fences.isRefused({ ...event, json: '' }, 'history'),
    tidy: (shard, signal) => deadCalls.tidy(shard, signal),
    onUsage: (accountSids) => {
      watch.changed(accountSids);
    },
    events: metrics.counter('hookswitch_records_events_total', 'Events read into the records, by outcome', ['outcome']),
  });
  await startup.step(
    'records',
    () => cluster.singleDoer.offer(projector.task),
    (stop) => stop(),
  );
}

function endDead(call: OpenCall, now: number, endUnheld: EndUnheld): void {
  const { sid, accountSid, parentCallSid, direction, from, to, applicationSid, statusCallback, sequence } = call;
  const durationSeconds =
    call.answeredAt === null ? 0 : Math.max(0, Math.round((now - Date.parse(call.answeredAt)) / 1000));
  endUnheld(
    {
      callSid: sid,
      accountSid,
      parentCallSid: parentCallSid ?? undefined,
      direction,
      from,
      to,
      applicationSid: applicationSid ?? undefined,
      statusCallback: statusCallback ?? undefined,
      sequence: sequence + 1,
    },
    { status: 'failed', cause: 'internal-error', message: DIED, durationSeconds },
  );
}

/** What the webhook of a usage trigger gets. */
function triggerRequest(
  trigger: UsageTriggerRecord,
  { current, firedAt }: { readonly current: number; readonly firedAt: string },
): InstructionRequest {
  const { sid, accountSid, category, recurring, triggerBy, callbackUrl: url, callbackMethod: method } = trigger;
  const params = {
    AccountSid: accountSid,
    UsageTriggerSid: sid,
    UsageCategory: category,
    TriggerBy: triggerBy,
    TriggerValue: String(trigger.base + trigger.value),
    CurrentValue: String(current),
    Recurring: recurring ?? '',
    DateFired: new Date(firedAt).toUTCString().replace('GMT', '+0000'),
    IdempotencyToken: `${sid}-${firedAt}`,
    UsageRecordUri: `/2010-04-01/Accounts/${accountSid}/Usage/Records.json?Category=${category}`,
  };
  return { accountSid, callSid: sid, url, method, params };
}
