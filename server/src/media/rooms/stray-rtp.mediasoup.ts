import * as mediasoup from 'mediasoup';
import type { types } from 'mediasoup';

/** What a worker has to be started with to tell of stray RTP. */
export const STRAY_LOG: Pick<types.WorkerSettings, 'logLevel' | 'logTags'> = { logLevel: 'warn', logTags: ['rtp'] };

const STRAY = /^\[pid:(\d+)\] .*no suitable Producer for received RTP packet(?: \[ssrc:(\d+))?/;
/** By process id. mediasoup has one log for all workers of a process. */
const watched = new Map<number, (ssrc: number) => void>();

/**
 * Calls back for each RTP packet that the worker has nobody to give to, with its SSRC, until the worker ends. mediasoup has no event for
 * it, only a line in its log, one for each packet; lines come by the same pipe as answers, in order, so a question that is asked after
 * a line is answered with the packet counted. Should a version word it differently, such packets are found out by the regular examination.
 */
export function watchStrayRtp({ pid, observer }: types.Worker, onStray: (ssrc: number) => void): void {
  if (watched.size === 0) mediasoup.setLogEventListeners({ onwarn });
  watched.set(pid, onStray);
  observer.once('close', () => {
    watched.delete(pid);
    if (watched.size === 0) mediasoup.setLogEventListeners();
  });
}

function onwarn(_namespace: string, log: string): void {
  const [, pid, ssrc] = STRAY.exec(log) ?? [];
  if (pid !== undefined) watched.get(Number(pid))?.(Number(ssrc ?? 0));
}
