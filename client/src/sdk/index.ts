/** The whole library: hub and softphone. `@hookswitch/client/hub` is the hub alone. */
export * from './hub.ts';
export * from './softphone/index.ts';
