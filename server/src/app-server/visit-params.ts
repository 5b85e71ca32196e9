import type { SessionVisit } from './ports.ts';

/** Parameters that tell of visits of tracking links, the newest first. None for none. Pure. */
export function visitParams(visits: readonly SessionVisit[]): Record<string, string> {
  const newest = [...visits].sort((a, b) => b.at - a.at);
  const [last] = newest;
  if (last === undefined) return {};
  return {
    TrackingLinkSid: last.linkSid,
    TrackingLinkWebSession: last.webSession,
    TrackingLinkVisitedAt: new Date(last.at).toISOString(),
    TrackingLinkVisits: String(newest.length),
  };
}
