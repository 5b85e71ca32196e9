export * from './ids.ts';
export * from './codes.ts';
export * from './topics.ts';
export * from './position.ts';
export * from './tokens.ts';
export * from './softphone.ts';
export * from './events.ts';
export * from './frames.ts';
