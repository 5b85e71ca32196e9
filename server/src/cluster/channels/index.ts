export { ChannelLedger } from './channel-ledger.ts';
export type { ChannelPool, ChannelShare, Direction } from './channel-ledger.ts';
export { ChannelBroker } from './channel-broker.ts';
export type { ChannelBrokerOptions } from './channel-broker.ts';
export { ChannelDesk } from './channel-desk.ts';
export type {
  ChannelAsk,
  ChannelBrokerLink,
  ChannelCounts,
  ChannelGrant,
  ChannelLimits,
  ChannelNodes,
  HeldChannels,
} from './ports.ts';
