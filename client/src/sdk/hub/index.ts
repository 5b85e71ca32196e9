export { HubClient, defaultHubUrl } from './hub-client.ts';
export type { HubEvents, HubOptions, HubState, PublishOptions } from './hub-client.ts';
export type { ConnectionInfo } from './connection-machine.ts';
export type { Delivered, Subscription, SubscriptionEvents } from './subscription.ts';
export type { TokenOption } from './token-source.ts';
export { webSocketTransport } from './transport.ts';
export type { Transport, TransportHandlers, TransportLink, WebSocketConstructor, WebSocketLike } from './transport.ts';
