import type { ReactElement } from 'react';
import type { MediaUse } from '@hookswitch/shared';
import { formatCount, formatShare, formatSpan, plural } from '../cluster/cluster-format.ts';

const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB'] as const;

/** `1.5 MB`, in thousands. */
export function formatBytes(bytes: number): string {
  const step = bytes < 1000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** step;
  return `${step === 0 || value >= 100 ? formatCount(value) : value.toFixed(1)} ${UNITS[step] ?? ''}`;
}

const formatSeconds = (seconds: number): string =>
  seconds < 10 ? `${seconds.toFixed(2)} s` : formatSpan(seconds * 1000);

/** What an account keeps, and what was done for it. @param use undefined: nothing was read yet */
export function MediaFigures({ use }: { readonly use: MediaUse | undefined }): ReactElement {
  return (
    <dl className="figures" data-testid="media-figures">
      {(use === undefined ? [] : [...kept(use), ...done(use)]).map(([name, testId, value, note]) => (
        <div key={name} className="card">
          <dt>{name}</dt>
          <dd data-testid={testId}>{value}</dd>
          <dd className="muted-text">{note}</dd>
        </div>
      ))}
    </dl>
  );
}

type Figure = readonly [name: string, testId: string, value: string, note: string];

function kept({ kept: { sources, renditions, bytes, limit, ...recorded } }: MediaUse): Figure[] {
  const { recordings, recordingBytes, recordingSeconds } = recorded;
  const used = limit === 0 ? 1 : bytes / limit;
  const length = `${formatBytes(recordingBytes)}, ${formatSpan(recordingSeconds * 1000)}`;
  return [
    ['Quota used', 'media-quota', formatShare(used), `${formatBytes(bytes)} of ${formatBytes(limit)}`],
    [
      'Kept',
      'media-kept',
      plural(sources, 'source'),
      plural(renditions, 'audio file made of them', 'audio files made of them'),
    ],
    ['Recordings', 'media-recordings', formatCount(recordings), `${length}, beside the quota`],
  ];
}

function done({ done: counts }: MediaUse): Figure[] {
  const { hits, misses, revalidations, stale, failures, bytes, conversions, conversionSeconds } = counts;
  const { hitRatio, meanAgeSeconds } = counts;
  const mean = conversions === 0 ? 0 : conversionSeconds / conversions;
  return [
    [
      'Hits',
      'media-hits',
      formatCount(hits),
      hitRatio === null ? 'nothing was asked for' : `${formatShare(hitRatio)} from the cache`,
    ],
    ['Misses', 'media-misses', formatCount(misses), `${plural(failures, 'failure')} beside them`],
    ['Revalidations', 'media-revalidations', formatCount(revalidations), `${formatCount(stale)} given out stale`],
    [
      'Given out',
      'media-bytes',
      formatBytes(bytes),
      meanAgeSeconds === null ? '' : `${formatSeconds(meanAgeSeconds)} old, on average`,
    ],
    [
      'Processing',
      'media-processing',
      formatSeconds(conversionSeconds),
      `${plural(conversions, 'conversion')}, ${formatSeconds(mean)} each`,
    ],
  ];
}
