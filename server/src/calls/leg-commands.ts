import type { CallPorts } from './call-runner.ts';
import type { LegCommand } from './machine/call-effect.ts';
import type { InstructionRequest } from './ports.ts';
import type { RecordingDesk } from './recordings/recording-desk.ts';
import type { StreamDesk } from './streams/stream-desk.ts';
import type { TranscriptionDesk } from './transcriptions/transcription-desk.ts';

export interface LegCommandParts {
  readonly ports: Pick<CallPorts, 'legs'>;
  readonly recordings: RecordingDesk;
  readonly streams: StreamDesk;
  readonly transcriptions: TranscriptionDesk;
  readonly accountSid: string;
  readonly onLeg: (callSid: string) => void;
  /** Whose session a request belongs to. */
  readonly ofCall: <T extends object>(request: T) => T & Pick<InstructionRequest, 'session'>;
}

type AudioCommand = Extract<
  LegCommand,
  {
    do:
      | 'record'
      | 'stop-recording'
      | 'start-stream'
      | 'stop-stream'
      | 'listen'
      | 'stop-listening'
      | 'detect-machine'
      | 'start-transcription'
      | 'stop-transcription'
      | 'stop-started-recordings'
      | 'announce'
      | 'stop-announcement';
  }
>;

/** Hands one command of the call machine to the legs of this node. */
export function performLegCommand(parts: LegCommandParts, command: LegCommand): void {
  const { legs } = parts.ports;
  switch (command.do) {
    case 'ring':
      legs.ring(command.callSid);
      return;
    case 'answer':
      legs.answer(command.callSid);
      return;
    case 'end':
      legs.end(command.callSid, command.request);
      return;
    case 'play':
      legs.play(command.callSid, command.playId, command.media);
      return;
    case 'stop-play':
      legs.stopPlay(command.callSid, command.playId);
      return;
    case 'place':
      parts.onLeg(command.request.callSid);
      legs.place(command.request);
      return;
    case 'merge':
      legs.merge(command.callSid, command.peerCallSid);
      return;
    case 'unmerge':
      legs.unmerge(command.callSid, command.peerCallSid);
      return;
    case 'send-digits':
      legs.sendDigits(command.callSid, command.digits);
      return;
    case 'answer-refer':
      legs.answerRefer(command.referId, command.answer);
      return;
    case 'refer':
      legs.refer(command.callSid, command.uri);
      return;
    case 'lead':
      legs.lead(command.callSid);
      return;
    default:
      performAudioCommand(parts, command);
  }
}

function performAudioCommand(parts: LegCommandParts, command: AudioCommand): void {
  const { recordings, streams, transcriptions, accountSid } = parts;
  const { legs } = parts.ports;
  const { callSid } = command;
  switch (command.do) {
    case 'announce':
      legs.announce(callSid, command.announcementSid, command.media);
      return;
    case 'stop-announcement':
      legs.stopAnnouncement(callSid, command.announcementSid);
      return;
    case 'record':
      recordings.start(accountSid, callSid, command.order);
      return;
    case 'stop-recording':
      legs.stopRecording(callSid, command.recordingSid);
      return;
    case 'start-stream':
      streams.start(accountSid, callSid, parts.ofCall(command.order));
      return;
    case 'stop-stream':
      streams.stop(callSid, command.which);
      return;
    case 'start-transcription':
      transcriptions.start(accountSid, callSid, command.order);
      return;
    case 'stop-transcription':
      transcriptions.stop(callSid, command.which);
      return;
    case 'stop-started-recordings':
      recordings.stopStarted(callSid);
      return;
    case 'listen':
      legs.listen(callSid, command.listenId, command.options);
      return;
    case 'stop-listening':
      legs.stopListening(callSid, command.listenId);
      return;
    case 'detect-machine':
      legs.detectMachine(callSid, command.options);
  }
}
