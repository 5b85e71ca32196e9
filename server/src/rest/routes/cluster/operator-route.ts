import { z } from 'zod';
import type { ClusterConsole } from '../../../cluster/ports.ts';
import { RestError } from '../../errors.ts';
import type { RestServices } from '../../services.ts';

/** What is the same for all routes of the operator in the document. */
export const OPERATOR = { tags: ['Cluster'], security: [{ operator: [] }] };

/** How many rows an answer has at most. */
export const limitParameter = (most: number, usual: number): z.ZodDefault<z.ZodCoercedNumber> =>
  z.coerce.number().int().min(1).max(most).default(usual).describe(`rows at most; up to ${most}`);

/** @throws RestError `unavailable` where nothing is known of the cluster */
export function consoleOf({ cluster }: RestServices): ClusterConsole {
  if (cluster === undefined) throw new RestError('unavailable', 'This process knows nothing of the cluster');
  return cluster;
}
