export { Dialog, dialogKey, dialogKeyOfRequest } from './dialog.ts';
export type { DialogSelf } from './dialog.ts';
export { retransmit2xxMachine } from './retransmit-2xx.ts';
export type {
  Retransmit2xxEffect,
  Retransmit2xxInput,
  Retransmit2xxState,
  Retransmit2xxTimer,
} from './retransmit-2xx.ts';
