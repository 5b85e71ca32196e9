export * from './clock.ts';
export * from './deferred.ts';
export * from './emitter.ts';
export * from './errors.ts';
export * from './machine.ts';
