import { SINK_LIMITS, WebhookService, secretOf, sinkTask } from '../gateway/index.ts';
import type { SinkContext, Webhooks } from '../gateway/index.ts';
import { UndiciPoster } from '../gateway/sinks/poster.undici.ts';
import { NatsSinkStore } from '../gateway/sinks/sink-store.nats.ts';
import type { Hub } from '../hub/index.ts';
import type { BusParts, TenantReaders } from './open-stores.ts';
import type { Platform } from './platform.ts';

/** Webhook sinks: this process does its share of them. */
export async function openWebhooks(
  platform: Platform,
  { bus, tenants, hub }: { readonly bus: BusParts; readonly tenants: TenantReaders; readonly hub: Hub },
): Promise<Webhooks> {
  const { config, startup, clock, random, log, metrics } = platform;
  const { directory, secrets: sealing } = tenants;
  const store = await startup.step(
    'webhook store',
    async () => {
      const opened = await NatsSinkStore.open(bus.bus);
      await opened.ready;
      return opened;
    },
    (opened) => {
      opened.close();
    },
  );
  const poster = await startup.step(
    'webhook client',
    () => new UndiciPoster({ clock, allowPrivate: config.webhookPrivate }),
    (opened) => opened.close(),
  );
  const context: SinkContext = {
    hub,
    store,
    poster,
    secretOf: (webhook) => secretOf(sealing, webhook),
    isActive: (accountSid) => directory.accountBySid(accountSid)?.status === 'active',
    events: (happened) => {
      const { sid, accountSid, url } = happened.webhook;
      const facts = { webhookSid: sid, url };
      if (happened.kind === 'lost') {
        bus.outbox.emit({ accountSid, type: 'webhook.events-lost', subject: sid, data: facts });
      } else {
        const { reason, detail: message } = happened.pause;
        if (reason === 'requested') return;
        bus.outbox.emit({ accountSid, type: 'webhook.paused', subject: sid, data: { ...facts, reason, message } });
      }
    },
    limits: SINK_LIMITS,
    sent: metrics.counter(
      'hookswitch_webhook_batches_total',
      'Webhook batches sent, and events that became dead letters',
      ['outcome'],
    ),
    clock,
    random,
    log,
  };
  await startup.step(
    'webhook sinks',
    () => bus.cluster.singleDoer.offer(sinkTask(context)),
    (stop) => stop(),
  );
  return new WebhookService({ store, hub, poster, sealing, clock, random });
}
