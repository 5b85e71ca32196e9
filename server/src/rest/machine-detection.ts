import { z } from 'zod';
import type { CallOrder } from '../calls/index.ts';
import { methodParameter, urlParameter } from './parameters.ts';

/** Parameters by which a placed call finds out who answers. */
export const machineDetectionParameters = {
  MachineDetection: z.enum(['Enable', 'DetectMessageEnd']).optional(),
  MachineDetectionTimeout: z.coerce.number().int().min(3).max(59).optional().describe('Default 30 s'),
  MachineDetectionSpeechThreshold: z.coerce.number().int().min(1000).max(6000).optional().describe('Default 2400 ms'),
  MachineDetectionSpeechEndThreshold: z.coerce.number().int().min(500).max(5000).optional().describe('Default 1200 ms'),
  MachineDetectionSilenceTimeout: z.coerce.number().int().min(2000).max(10_000).optional().describe('Default 5000 ms'),
  AsyncAmd: z.stringbool().optional().describe('The instructions do not wait for it'),
  AsyncAmdStatusCallback: urlParameter,
  AsyncAmdStatusCallbackMethod: methodParameter,
};

/** @returns nothing when it is not asked for */
export function machineDetection(
  given: z.infer<z.ZodObject<typeof machineDetectionParameters>>,
): Pick<CallOrder, 'machineDetection'> {
  const { MachineDetection, AsyncAmd = false, AsyncAmdStatusCallback: url } = given;
  if (MachineDetection === undefined) return {};
  const callback = url === undefined ? {} : { callback: { url, method: given.AsyncAmdStatusCallbackMethod ?? 'POST' } };
  return {
    machineDetection: {
      options: {
        mode: MachineDetection === 'Enable' ? 'enable' : 'message-end',
        timeoutMs: (given.MachineDetectionTimeout ?? 30) * 1000,
        speechThresholdMs: given.MachineDetectionSpeechThreshold ?? 2400,
        speechEndThresholdMs: given.MachineDetectionSpeechEndThreshold ?? 1200,
        silenceTimeoutMs: given.MachineDetectionSilenceTimeout ?? 5000,
      },
      ...(AsyncAmd ? { background: callback } : {}),
    },
  };
}
