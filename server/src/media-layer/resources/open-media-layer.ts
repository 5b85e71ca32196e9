import type { Clock, Log, Metrics, Random } from '../../kernel/index.ts';
import type { HotBodies } from '../cache/hot-bodies.ts';
import type { HotCatalog } from '../cache/hot-catalog.ts';
import type { BodyStore, Flights } from '../cache/ports.ts';
import { Addresses } from './addresses.ts';
import { MediaLayer } from './media-layer.ts';
import type { Allowance, Converter, Origins, Recordings, Voices } from './ports.ts';
import { Renditions } from './renditions.ts';
import { SourceShelf } from './source-shelf.ts';
import { Sources } from './sources.ts';
import { Statistics } from './statistics.ts';

export interface OpenMediaLayerOptions {
  readonly catalog: HotCatalog;
  readonly bodies: BodyStore;
  readonly hot: HotBodies;
  readonly flights: Flights;
  readonly origins: Origins;
  readonly voices: Voices;
  readonly converter: Converter;
  /** Undefined: there are none here. */
  readonly recordings?: Recordings | undefined;
  /** Default: everything may be kept. */
  readonly allowance?: Allowance;
  /** 32 bytes that addresses are signed with, the same in the whole cluster. */
  readonly addressKey: Uint8Array;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface OpenedMediaLayer {
  readonly layer: MediaLayer;
  readonly addresses: Addresses;
  readonly statistics: Statistics;
}

/** Puts the media layer of this process together. It opens nothing: what it is given has owners. */
export function openMediaLayer(options: OpenMediaLayerOptions): OpenedMediaLayer {
  const { allowance = { admit: () => Promise.resolve(true) }, metrics, addressKey } = options;
  const statistics = new Statistics(metrics);
  const shelf = new SourceShelf({ ...options, allowance });
  const sources = new Sources({ ...options, shelf });
  const onConverted = (accountSid: string, milliseconds: number): void => {
    statistics.converted(accountSid, milliseconds);
  };
  const renditions = new Renditions({ ...options, allowance, onConverted });
  const addresses = new Addresses(addressKey);
  const { hot, catalog } = options;
  metrics.gauge('hookswitch_media_layer_memory_bytes', 'Audio that the media layer has in memory', [], () => hot.bytes);
  metrics.gauge('hookswitch_media_layer_entries', 'Entries of the media catalogue in memory', [], () => catalog.held);
  metrics.gauge('hookswitch_media_layer_making', 'Sources and renditions being made', [], () => {
    return sources.flying + renditions.making;
  });
  return { layer: new MediaLayer({ sources, renditions, addresses, statistics }), addresses, statistics };
}
