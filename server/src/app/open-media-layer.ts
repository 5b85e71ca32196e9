import { join } from 'node:path';
import type { Prompts } from '../calls/ports.ts';
import { describeError } from '../kernel/index.ts';
import {
  HotBodies,
  HotCatalog,
  Housekeeping,
  NodeTokens,
  Quota,
  TELEPHONE,
  addressPolicy,
  layerPrompts,
  openMediaLayer,
} from '../media-layer/index.ts';
import type { FetchAudio, MediaCallers, OpenedMediaLayer, PrefetchAudio } from '../media-layer/index.ts';
import { NatsBodies } from '../media-layer/cache/bodies.nats.ts';
import { NatsCatalog } from '../media-layer/cache/catalog.nats.ts';
import { FileBodies } from '../media-layer/cache/disk-bodies.fs.ts';
import { NatsFlights } from '../media-layer/cache/flights.nats.ts';
import { keepingRoutes } from '../media-layer/http/keeping.fastify.ts';
import { createMediaClient } from '../media-layer/http/media-client.undici.ts';
import { mediaRoutes } from '../media-layer/http/media.fastify.ts';
import { recordingMediaRoutes } from '../media-layer/http/recordings.fastify.ts';
import { createConverter } from '../media-layer/processing/converter.child.ts';
import type { Converter } from '../media-layer/resources/ports.ts';
import { createOrigins } from '../media-layer/origin/origins.undici.ts';
import { NatsCounts } from '../media-layer/resources/statistics-shared.nats.ts';
import { NatsRecordingStore } from '../media-layer/recordings/recording-store.nats.ts';
import { openVoices } from './open-voices.ts';
import { Authenticator, LoginLimiter } from '../rest/index.ts';
import { effectiveLimits } from '../tenants/index.ts';
import type { FastifyPluginCallback } from './http.fastify.ts';
import type { BusParts, TenantReaders } from './open-stores.ts';
import type { Platform } from './platform.ts';

/** The media layer in this process. */
export interface MediaLayerParts extends OpenedMediaLayer {
  readonly plugins: readonly FastifyPluginCallback[];
  readonly housekeeping: Housekeeping;
  /** Conversions in progress, those that wait for their turn included. */
  readonly conversions: () => number;
  /** For the call router of this process. */
  readonly prompts: Prompts;
}

interface Stores {
  readonly bus: BusParts;
  readonly tenants: TenantReaders;
}

export async function openMediaLayerHere(platform: Platform, stores: Stores): Promise<MediaLayerParts> {
  const { startup, clock, random, log, metrics, node, config } = platform;
  const { bus, cluster } = stores.bus;
  const { secrets } = stores.tenants;
  const close = (opened: { close(): void }): void => {
    opened.close();
  };
  const catalog = await startup.step('media catalogue', async () => new HotCatalog(await NatsCatalog.open(bus)), close);
  const bodies = await startup.step('media store', () => NatsBodies.open(bus));
  const isAlive = (other: string): boolean => cluster.isAlive(other);
  const flights = await startup.step('media flights', () => NatsFlights.open({ bus, node, isAlive }), close);
  const disk = await startup.step('media on disk', () => FileBodies.open({ directory: join(config.dataDir, 'media') }));
  const origins = await startup.step(
    'media origins',
    () => createOrigins({ clock, policy: addressPolicy(config.mediaPrivate) }),
    (opened) => opened.close(),
  );
  const recordings = await startup.step('recordings as media', () => NatsRecordingStore.open(bus));
  const housekeeping = new Housekeeping({ catalog, bodies, clock, log });
  const { directory } = stores.tenants;
  const limitOf = (accountSid: string): number =>
    effectiveLimits(directory.accountBySid(accountSid)?.limits).mediaBytes;
  const quota = new Quota({ housekeeping, clock, log, limitOf });
  const { converter, conversions } = countedConverter(createConverter());
  const opened = openMediaLayer({
    allowance: quota,
    ...{ catalog, bodies, flights, origins, metrics, clock, random, log },
    hot: new HotBodies({ log, disk }),
    voices: await openVoices(platform),
    converter,
    recordings,
    addressKey: secrets.deriveKey('media addresses'),
  });
  const { layer, addresses, statistics } = opened;
  const nodes = (): string[] => cluster.members().flatMap((one) => (one.roles.includes('media') ? [one.node] : []));
  const others = await startup.step(
    'media counts of others',
    () => new NatsCounts({ bus, node, statistics, nodes }),
    close,
  );
  // What is being stored when the process stops is stored.
  startup.scope.defer(() => layer.settled());
  const audio: FetchAudio = async (accountSid, source) => {
    const { body } = await layer.get({ accountSid, source, form: TELEPHONE });
    return body;
  };
  const prefetch: PrefetchAudio = (accountSid, source) => {
    layer.prefetch({ accountSid, source, form: TELEPHONE });
  };
  const callers = callersOf(platform, stores.tenants);
  const plugins = [
    mediaRoutes({ layer, addresses, callers, log }),
    keepingRoutes({ ...opened, others, housekeeping, recordings, callers, limitOf, log }),
    recordingMediaRoutes({ ...opened, recordings, callers, clock, log }),
  ];
  sweepNowAndThen(platform, housekeeping);
  return { ...opened, housekeeping, conversions, plugins, prompts: layerPrompts(audio, log, prefetch) };
}

/** A converter that knows how much it has to do. */
function countedConverter(inner: Converter): { readonly converter: Converter; readonly conversions: () => number } {
  let count = 0;
  const converter: Converter = {
    version: inner.version,
    async *convert(request) {
      count++;
      try {
        yield* inner.convert(request);
      } finally {
        count--;
      }
    },
  };
  return { converter, conversions: () => count };
}

/** What dead processes left behind is looked for after a while, and then this often, milliseconds. */
const SWEEP_MS = 3_600_000;

function sweepNowAndThen({ startup, clock, log }: Platform, housekeeping: Housekeeping): void {
  const sweep = (): void => {
    timer = clock.setTimer(SWEEP_MS, sweep);
    housekeeping.sweep().then(
      (dropped) => {
        if (dropped > 0) log.info({ dropped }, 'media: dropped what dead processes had left behind');
      },
      (error: unknown) => {
        log.warn({ reason: describeError(error) }, 'media: the store could not be swept');
      },
    );
  };
  let timer = clock.setTimer(SWEEP_MS, sweep);
  startup.scope.defer(() => {
    timer.cancel();
  });
}

/** The call router's prompts where the media layer is in other processes. */
export async function openRemotePrompts(platform: Platform, { bus, tenants }: Stores): Promise<Prompts> {
  const { startup, clock, log } = platform;
  const tokens = nodeTokens(platform, tenants);
  const nodes = (): string[] =>
    bus.cluster.members().flatMap(({ addresses: { media } }) => (media === undefined || media === '' ? [] : [media]));
  const client = await startup.step(
    'media client',
    () => createMediaClient({ nodes, tokens, clock }),
    (opened) => opened.close(),
  );
  return layerPrompts(client.audio, log, client.prefetch);
}

/** Accounts and their API keys by Basic authentication, and processes of the cluster by their tokens. */
function callersOf(platform: Platform, tenants: TenantReaders): MediaCallers {
  const { clock } = platform;
  const auth = new Authenticator({ directory: tenants.directory, limiter: new LoginLimiter({ clock }) });
  const tokens = nodeTokens(platform, tenants);
  return {
    accountOf(authorization, ip) {
      if (authorization?.startsWith('Bearer ') === true) return tokens.accountOf(authorization.slice('Bearer '.length));
      try {
        return auth.authenticate(authorization, ip).accountSid;
      } catch {
        return undefined;
      }
    },
  };
}

const nodeTokens = ({ clock }: Platform, { secrets }: TenantReaders): NodeTokens =>
  new NodeTokens(secrets.deriveKey('media layer of the cluster'), clock);
