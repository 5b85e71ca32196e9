import { createMetrics, silentLog, systemRandom } from '../../kernel/index.ts';
import type { Clock } from '../../kernel/index.ts';
import { HotBodies } from '../cache/hot-bodies.ts';
import { HotCatalog } from '../cache/hot-catalog.ts';
import { MemoryBodies } from '../cache/bodies.memory.ts';
import { MemoryCatalog } from '../cache/catalog.memory.ts';
import { MemoryFlights } from '../cache/flights.memory.ts';
import type { BodyStore, Catalog, Flights } from '../cache/ports.ts';
import { PromptError } from '../prompt-error.ts';
import { openMediaLayer } from '../resources/open-media-layer.ts';
import type { OpenedMediaLayer } from '../resources/open-media-layer.ts';
import type { Allowance, Converter, Origins, Recordings, Voices } from '../resources/ports.ts';

/** What the layers of a test stand on: real HTTP to the origin, stores of a test's choice. */
export interface TestLayer extends OpenedMediaLayer {
  readonly conversions: string[];
  readonly spoken: string[];
}

export interface TestStores {
  readonly catalog: Catalog;
  readonly bodies: BodyStore;
  readonly flights: Flights;
}

export function memoryStores(clock: Clock): TestStores {
  return { catalog: new MemoryCatalog(), bodies: new MemoryBodies(clock), flights: new MemoryFlights() };
}

/** Asks by `fetch`, follows nothing. */
const plainOrigins: Origins = {
  async get({ url, headers }) {
    try {
      const response = await fetch(url, { headers: { ...headers }, redirect: 'manual' });
      const body = new Uint8Array(await response.arrayBuffer());
      return { status: response.status, headers: Object.fromEntries(response.headers), body };
    } catch (error) {
      throw new PromptError('connection', 'the origin could not be reached', { cause: error });
    }
  },
};

export interface TestLayerOptions {
  readonly clock: Clock;
  readonly stores?: TestStores;
  readonly origins?: Origins;
  readonly allowance?: Allowance;
  /** In the place of the test's own. */
  readonly converter?: Converter;
  readonly voices?: Voices;
  readonly recordings?: Recordings;
  readonly engineVersion?: string;
  /** Between the two halves of a conversion. */
  readonly halfway?: () => Promise<void>;
}

/** One process's layer. Its converter turns each byte over, in two parts, and refuses what begins with `<`. */
export function testLayer(options: TestLayerOptions): TestLayer {
  const { clock, stores = memoryStores(clock), origins = plainOrigins, engineVersion = '1' } = options;
  const [conversions, spoken]: [string[], string[]] = [[], []];
  const converter: Converter = {
    version: 'test-1',
    async *convert({ body, form }) {
      conversions.push(`${form.codec}/${String(form.rate)}`);
      if (body[0] === 60) throw new PromptError('not-audio', 'this is a page');
      const turned = body.map((byte) => byte ^ 0xff);
      yield turned.subarray(0, turned.length >> 1);
      await (options.halfway ?? (() => Promise.resolve()))();
      yield turned.subarray(turned.length >> 1);
    },
  };
  const voices: Voices = {
    fingerprint: ({ text, ssml = '', voice = '', language = '' }) =>
      Promise.resolve([text, ssml, voice, language, engineVersion].join('|')),
    speak: ({ text }) => {
      spoken.push(text);
      return Promise.resolve({ body: new TextEncoder().encode(`spoken: ${text}`), contentType: 'audio/wav' });
    },
  };
  const opened = openMediaLayer({
    ...{ catalog: new HotCatalog(stores.catalog), bodies: stores.bodies, flights: stores.flights },
    ...{ hot: new HotBodies({ log: silentLog }), origins },
    ...{ voices: options.voices ?? voices, converter: options.converter ?? converter },
    recordings: options.recordings,
    ...(options.allowance === undefined ? {} : { allowance: options.allowance }),
    addressKey: new Uint8Array(32).fill(7),
    ...{ metrics: createMetrics(), clock, random: systemRandom, log: silentLog },
  });
  return { ...opened, conversions, spoken };
}

/** Everything of an answer's body. */
export async function audioOf(answer: {
  readonly body: Uint8Array | { readonly whole: Promise<Uint8Array> };
}): Promise<string> {
  const bytes = answer.body instanceof Uint8Array ? answer.body : await answer.body.whole;
  return new TextDecoder().decode(bytes.map((byte) => byte ^ 0xff));
}
