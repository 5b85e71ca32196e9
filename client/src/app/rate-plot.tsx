import type { ReactElement } from 'react';

const HEIGHT = 60;
const BAR = 10;

/** Events of each second as bars, the newest at the right; the highest one fills the height. */
export function RatePlot({ perSecond }: { readonly perSecond: readonly number[] }): ReactElement {
  const most = Math.max(0, ...perSecond);
  return (
    <figure className="rate-plot">
      <svg
        viewBox={`0 0 ${perSecond.length * BAR} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`Events of the last ${perSecond.length} seconds, at most ${most} in one`}
      >
        {perSecond.map((count, second) => {
          const height = (count / Math.max(1, most)) * HEIGHT;
          return <rect key={second} x={second * BAR} y={HEIGHT - height} width={BAR - 1} height={height} />;
        })}
      </svg>
      <figcaption className="muted-text">
        the last {perSecond.length} seconds; the highest bar is {most}
      </figcaption>
    </figure>
  );
}
