import type { Metrics } from '../kernel/index.ts';
import type { AccountLanes } from './account-lanes.ts';

/** How full the lanes of the accounts are: of all of them together, because their number has no bound. */
export function laneMetrics(metrics: Metrics, lanes: AccountLanes): void {
  metrics.gauge('hookswitch_application_requests', 'Requests to application servers, by state', ['state'], () => {
    const { underWay, waiting } = lanes.totals();
    return [
      [{ state: 'under-way' }, underWay],
      [{ state: 'waiting' }, waiting],
    ];
  });
  metrics.gauge(
    'hookswitch_application_requests_longest_line',
    'Requests to application servers that wait for their turn, of the account with most of them',
    [],
    () => lanes.totals().longestLine,
  );
}
