export { createUserAgent } from './user-agent.ts';
