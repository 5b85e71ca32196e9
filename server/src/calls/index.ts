export { NodeCallRouter } from './router.ts';
export type { ActiveCall, CallRouterOptions, LegAction, PlaceCallRequest, UpdateResult } from './router.ts';
export { callOrderSchema } from './call-order.ts';
export type { CallOrder } from './call-order.ts';
export { callControl, serveCallControl } from './call-control.ts';
export type { CallControlParts } from './call-control.ts';
export { RequestEnds } from './request-ends.ts';
export { PlacedCalls } from './placed-calls.ts';
export type { PlacedCallsOptions } from './placed-calls.ts';
export { openOrder, sealOrder } from './order-secrets.ts';
export { endUnheldCall } from './unheld-call.ts';
export type { UnheldCall, UnheldCallEnd } from './unheld-call.ts';
export type { RecordingChange, RecordingFacts } from './recordings/recording-desk.ts';
export { programFromResponse } from './twiml/document.ts';
export type { CallUpdate } from './machine/call-input.ts';
export { sweepGroups } from './conferences/lost-conferences.ts';
export { NodeConferences } from './conferences/conference-desk.ts';
export { GroupClaims } from './groups/index.ts';
export type { ConferenceReply } from './conferences/conference-messages.ts';
export type { QueueFacts, QueueReply } from './queues/queue-messages.ts';
export { NodeQueueControl } from './queues/queue-control.ts';
export { NodeQueues } from './queues/queue-desk.ts';
export { normaliseNumber } from './numbers.ts';
export { callDirectory } from './tenant-directory.ts';
export type {
  CallApplication,
  CallControl,
  CallControlReply,
  CallControlRequest,
  CallDirectory,
  CallRouter,
  Callbacks,
  ConferenceControl,
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
  QueueControl,
  SipAdmission,
  SipAdmissionFacts,
  StatusCallback,
} from './ports.ts';
