export { ConferenceAudio } from './conference-audio.ts';
export { TieDesk } from './tie-desk.ts';
