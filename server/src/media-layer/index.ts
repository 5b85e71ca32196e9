export type * from './ports.ts';
export { createPrompts } from './prompts.ts';
export type { PromptsOptions } from './prompts.ts';
export { PromptError } from './prompt-error.ts';
export type { PromptErrorReason } from './prompt-error.ts';
