import { patternIsSubset } from '@hookswitch/shared';
import type { Grants } from '@hookswitch/shared';

/** Whether the token allows being a member of `topic` (normalised), and seeing who is. */
export function mayBePresent(grants: Grants, topic: string): boolean {
  return grants.presence.some((granted) => patternIsSubset(topic, granted));
}
