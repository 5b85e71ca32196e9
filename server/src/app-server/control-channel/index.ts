export { ControlChannels } from './control-channels.ts';
export type { ControlChannelsOptions } from './control-channels.ts';
export type { ControlCall, ControlHandlers, ControlSocket, ControlSockets } from './ports.ts';
