import type { RestApp, RestServices } from '../../services.ts';
import { capacityRoutes } from './capacity.ts';
import { nodeRoutes } from './nodes.ts';
import { queueRoutes } from './queue.ts';
import { tenantRoutes } from './tenants.ts';
import { trunkRoutes } from './trunks.ts';

/** `/v1/cluster`: what the operator of the cluster sees, and does to it. */
export const CLUSTER_ROUTES: readonly ((app: RestApp, services: RestServices) => void)[] = [
  nodeRoutes,
  capacityRoutes,
  queueRoutes,
  tenantRoutes,
  trunkRoutes,
];
