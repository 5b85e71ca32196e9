import type { HttpTap } from '../app-server/ports.ts';
import type { CallObserver } from '../bridge/ports.ts';
import type { EventSink } from '../calls/ports.ts';
import type { Leg } from '../media/ports.ts';
import type { TraceRecorder } from './recorder.ts';

/** An event sink that records what passes, in the order in which it was emitted. */
export function tracedEvents(recorder: TraceRecorder, sink: EventSink): EventSink {
  return {
    emit: (event) => {
      recorder.event(event);
      sink.emit(event);
    },
  };
}

export function httpTap(recorder: TraceRecorder): HttpTap {
  return (exchange) => {
    recorder.http(exchange);
  };
}

export function callObserver(recorder: TraceRecorder): CallObserver {
  return {
    sipDialog: (leg) => {
      recorder.link(leg);
    },
    media: (callSid, leg) => {
      watchMedia(recorder, callSid, leg);
    },
  };
}

const milliseconds = (ms: number): string => `${ms.toFixed(0)} ms`;

function watchMedia(recorder: TraceRecorder, callSid: string, leg: Leg): void {
  const note = (title: string, summary: string): void => {
    recorder.media({ callSid, title, summary });
  };
  // Both kinds of legs raise these; a union of overloads cannot be called.
  const events = leg as Pick<Extract<Leg, { kind: 'sip' }>, 'on'>;
  events.on('flowing', ({ afterMs }) => {
    note('flowing', `first audio after ${milliseconds(afterMs)}`);
  });
  events.on('silent', ({ forMs }) => {
    note('silent', `nothing for ${milliseconds(forMs)}`);
  });
  events.on('resumed', ({ afterMs }) => {
    note('resumed', `audio again after ${milliseconds(afterMs)}`);
  });
  events.on('dtmf', ({ digit }) => {
    recorder.digit(callSid, digit);
  });
  events.on('quiet', ({ forMs, levelDbov }) => {
    note('quiet', `nothing audible for ${milliseconds(forMs)}, at most ${levelDbov.toFixed(0)} dBov`);
  });
  events.on('sound', ({ afterMs }) => {
    note('sound', `audible again after ${milliseconds(afterMs)}`);
  });
  events.on('path', ({ owner, reason }) => {
    note('path', `${owner === 'node' ? 'this process' : 'the media worker'} carries the RTP: ${reason}`);
  });
  events.on('closed', ({ reason }) => {
    note('closed', reason);
  });
  if (leg.kind === 'sip') return;
  leg.on('transport', ({ side, state }) => {
    note('transport', `${side} ${state}`);
  });
  leg.on('send-codec', ({ codec }) => {
    note('codec', `the device is asked for ${codec}`);
  });
}
