export { NodeClusterConsole } from './cluster-console.ts';
export type { ClusterConsoleOptions } from './cluster-console.ts';
export { ForecastHistory } from './forecast-view.ts';
export { MAX_ACCOUNTS } from './limits.ts';
export { accountFacts, nodeFactsSchema } from './node-facts.ts';
export type {
  AccountFacts,
  ClusterConsole,
  DrainRefusal,
  NodeFacts,
  QueueFacts,
  QueuedAccount,
  TrunkFacts,
} from './ports.ts';
