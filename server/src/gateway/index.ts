export { createGateway } from './gateway.ts';
export type { Gateway, GatewayOptions } from './gateway.ts';
export type { ConnectionRules } from './machine.ts';
export type { OutboxLimits } from './outbox.ts';
export type {
  ClientTransport,
  ConnectionAcceptor,
  ExtensionConnection,
  ExtensionRefusal,
  MessageExtension,
  ReceivedFrame,
  TransportEvents,
} from './ports.ts';
