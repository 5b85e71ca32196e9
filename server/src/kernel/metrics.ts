import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/** One registry per process, created by app/ and handed down. Names start with `hookswitch_`; docs/metrics.md lists them. */
export interface Metrics {
  /** @param read asked at every exposition, for counts that somebody else keeps: one for each set of labels there is */
  counter<L extends string = never>(
    name: string,
    help: string,
    labels?: readonly L[],
    read?: () => readonly (readonly [labels: Partial<Record<L, string>>, value: number])[],
  ): MetricCounter<L>;
  /** @param read asked at every exposition, for values that somebody else keeps: the value, or one for each set of labels */
  gauge<L extends string = never>(
    name: string,
    help: string,
    labels?: readonly L[],
    read?: () => number | readonly (readonly [labels: Partial<Record<L, string>>, value: number])[],
  ): MetricGauge<L>;
  /** @param buckets upper bounds in seconds unless the name says another unit */
  histogram<L extends string = never>(
    name: string,
    help: string,
    options?: { labels?: readonly L[]; buckets?: readonly number[] },
  ): MetricHistogram<L>;
  /** The Prometheus text exposition and its content type. */
  expose(): Promise<{ contentType: string; body: string }>;
  /** Name and help of everything registered, for the test of docs/metrics.md. */
  describe(): { name: string; help: string }[];
}
export interface MetricCounter<L extends string = never> {
  inc(labels?: Partial<Record<L, string>>, by?: number): void;
}
export interface MetricGauge<L extends string = never> {
  set(value: number, labels?: Partial<Record<L, string>>): void;
  /** What these labels name is no more: nothing is shown of it. */
  remove(labels: Partial<Record<L, string>>): void;
  inc(labels?: Partial<Record<L, string>>, by?: number): void;
}
export interface MetricHistogram<L extends string = never> {
  observe(value: number, labels?: Partial<Record<L, string>>): void;
  /** What these labels name is no more. */
  remove(labels: Partial<Record<L, string>>): void;
}

type AnyLabels = Partial<Record<string, string | number>>;

/** @param options.defaults also collect the process's own metrics (default false; tests leave it off) */
export function createMetrics(options: { defaults?: boolean } = {}): Metrics {
  const registry = new Registry();
  if (options.defaults === true) collectDefaultMetrics({ register: registry, prefix: 'hookswitch_' });
  const described: { name: string; help: string }[] = [];
  const common = (name: string, help: string, labels: readonly string[] | undefined) => {
    described.push({ name, help });
    return { name, help, labelNames: [...(labels ?? [])], registers: [registry] };
  };
  return {
    counter(name, help, labels, read) {
      const metric: Counter = new Counter({
        ...common(name, help, labels),
        ...(read === undefined
          ? {}
          : {
              collect: () => {
                metric.reset();
                for (const [values, value] of read()) metric.inc(values as AnyLabels, value);
              },
            }),
      });
      return {
        inc: (values, by = 1) => {
          metric.inc((values ?? {}) as AnyLabels, by);
        },
      };
    },
    gauge(name, help, labels, read) {
      const metric: Gauge = new Gauge({
        ...common(name, help, labels),
        ...(read === undefined
          ? {}
          : {
              collect: () => {
                const now = read();
                if (typeof now === 'number') metric.set(now);
                else {
                  // What is not named any more is no more.
                  metric.reset();
                  for (const [values, value] of now) metric.set(values as AnyLabels, value);
                }
              },
            }),
      });
      return {
        set: (value, values) => {
          metric.set((values ?? {}) as AnyLabels, value);
        },
        remove: (values) => {
          metric.remove(values as AnyLabels);
        },
        inc: (values, by = 1) => {
          metric.inc((values ?? {}) as AnyLabels, by);
        },
      };
    },
    histogram(name, help, histogramOptions) {
      const metric = new Histogram({
        ...common(name, help, histogramOptions?.labels),
        ...(histogramOptions?.buckets === undefined ? {} : { buckets: [...histogramOptions.buckets] }),
      });
      return {
        observe: (value, values) => {
          metric.observe((values ?? {}) as AnyLabels, value);
        },
        remove: (values) => {
          metric.remove(values as AnyLabels);
        },
      };
    },
    expose: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
    describe: () => [...described],
  };
}
