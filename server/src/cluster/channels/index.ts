export { ChannelBroker } from './channel-broker.ts';
export type { ChannelBrokerOptions } from './channel-broker.ts';
export { counted, freeForCalls, isOpenForAll, mayTake, shareHolders } from './channel-policy.ts';
export { ChannelDesk } from './channel-desk.ts';
export type {
  ChannelAsk,
  ChannelBrokerLink,
  ChannelGrant,
  ChannelLimits,
  ChannelNodes,
  ChannelShare,
  ChannelUse,
  HeldChannels,
} from './ports.ts';
