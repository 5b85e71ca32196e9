export { NodeCallRouter } from './router.ts';
export type { ActiveCall, CallRouterOptions, PlaceCallRequest, UpdateResult } from './router.ts';
export type { CallUpdate } from './machine/call-input.ts';
export { normaliseNumber } from './numbers.ts';
export { callDirectory } from './tenant-directory.ts';
export type {
  CallApplication,
  CallDirectory,
  CallRouter,
  Callbacks,
  DialTarget,
  EndRequest,
  EventSink,
  IncomingCall,
  InstructionRequest,
  InstructionResponse,
  Instructions,
  LegEvent,
  Legs,
  PlaceRequest,
  PlayMedia,
  PromptResult,
  Prompts,
  SipAdmission,
  SipAdmissionFacts,
  StatusCallback,
} from './ports.ts';
