export type * from './ports.ts';
export { createBridgeHost } from './bridge-host.ts';
export type { BridgeHost, BridgeHostOptions } from './bridge-host.ts';
export type { SipContext } from './sip-ingress.ts';
export { createSoftphoneExtension } from './softphone-extension.ts';
export type { SoftphoneExtension, SoftphoneExtensionOptions } from './softphone-extension.ts';
export { isNodeName, NodeRpcError } from './node-rpc-error.ts';
