import { silentLog } from '../kernel/index.ts';
import { nodeRpcConformance } from './node-rpc.conformance.ts';
import { MemoryRpcNetwork } from './node-rpc.memory.ts';
import { registrationsConformance } from './registrations.conformance.ts';
import { MemoryRegistrations } from './registrations.memory.ts';

registrationsConformance('memory', () =>
  Promise.resolve({ store: new MemoryRegistrations(), close: () => Promise.resolve() }),
);
nodeRpcConformance('memory', () => {
  const network = new MemoryRpcNetwork(silentLog);
  return Promise.resolve({ a: network.node('a'), b: network.node('b'), close: () => Promise.resolve() });
});
