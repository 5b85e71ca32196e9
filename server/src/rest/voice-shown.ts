import type { ApplicationRecord, Directory } from '../tenants/index.ts';

const MEMBERS = [
  'voiceUrl',
  'voiceMethod',
  'voiceFallbackUrl',
  'voiceFallbackMethod',
  'statusCallback',
  'statusCallbackMethod',
] as const;

/** Whether calls of this application, or of a number that is one itself, go by these addresses on this node already. */
export function showsVoice(
  directory: Directory,
  sid: string,
  voice: Readonly<Pick<ApplicationRecord, (typeof MEMBERS)[number]>>,
): boolean {
  const shown = directory.application(sid);
  return shown !== undefined && MEMBERS.every((member) => (shown[member] ?? null) === voice[member]);
}
