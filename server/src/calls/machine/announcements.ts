import type { Announcement } from '../announcements/announcement-order.ts';
import type { LegEvent, PromptResult } from '../ports.ts';
import type { CallInput } from './call-input.ts';
import type { Draft } from './draft.ts';

// Announcements: what is played into a call from outside, over the peer and over what its verb plays. Verbs hear nothing
// of them: theirs waits and goes on.

/** Sent ones are `preparing` until the audio is there, then each of their legs plays it, until the last one is over. */
export function announce(draft: Draft, input: Extract<CallInput, { kind: 'announce' }>): void {
  const { callSid, announcementSid, order } = input;
  if (draft.leg(callSid)?.phase !== 'answered') return;
  put(draft, { ...order, announcementSid, callSid, legs: undefined });
  draft.push({ kind: 'prompt', promptId: announcementSid, request: order.prompt });
}

/** @param announcementSid undefined: all of the leg's */
export function stopAnnouncement(draft: Draft, callSid: string, announcementSid: string | undefined): void {
  for (const one of draft.state.announcements.values()) {
    if (one.callSid !== callSid || (announcementSid ?? one.announcementSid) !== one.announcementSid) continue;
    if (one.legs === undefined) over(draft, one, { result: 'stopped' });
    for (const leg of one.legs ?? []) {
      draft.command({ do: 'stop-announcement', callSid: leg, announcementSid: one.announcementSid });
    }
  }
}

/** The audio of an announcement is there, or cannot be had. @returns false when it is none */
export function onAnnouncementReady(draft: Draft, promptId: string, result: PromptResult): boolean {
  const one = draft.state.announcements.get(promptId);
  const leg = one === undefined ? undefined : draft.leg(one.callSid);
  if (one === undefined || leg === undefined) return false;
  if (!result.ok) {
    const { code, message } = result;
    draft.warn(code, `an announcement could not be had: ${message}`, leg);
    over(draft, one, { result: 'failed', message });
    return true;
  }
  const { announcementSid, callSid, to, loop } = one;
  const peer = to === 'both' && leg.peer !== undefined ? [leg.peer] : [];
  const legs = [callSid, ...peer];
  put(draft, { ...one, legs });
  draft.emit('call.announcement-started', leg, { announcementSid, legs });
  const media = { kind: 'wav', data: result.wav, loop } as const;
  for (const each of legs) draft.command({ do: 'announce', callSid: each, announcementSid, media });
  return true;
}

export function onAnnouncementEnded(draft: Draft, event: Extract<LegEvent, { kind: 'announcement-ended' }>): void {
  const one = draft.state.announcements.get(event.announcementSid);
  if (one !== undefined) left(draft, one, event);
}

/** A leg is about to end: nothing is announced to it any more. Told before its end. */
export function endAnnouncementsOf(draft: Draft, callSid: string): void {
  for (const one of [...draft.state.announcements.values()]) {
    if (one.callSid === callSid && one.legs === undefined) over(draft, one, { result: 'stopped' });
    else if (one.callSid === callSid) {
      // Whoever else hears it is not part of it any more.
      for (const leg of one.legs ?? []) {
        if (leg !== callSid) {
          draft.command({ do: 'stop-announcement', callSid: leg, announcementSid: one.announcementSid });
        }
      }
      over(draft, one, { result: 'stopped' });
    } else left(draft, one, { callSid, result: 'stopped' });
  }
}

interface End {
  readonly result: 'finished' | 'stopped' | 'failed';
  readonly message?: string;
}

function left(draft: Draft, one: Announcement, { callSid, result, message }: End & { readonly callSid: string }): void {
  if (one.legs?.includes(callSid) !== true) return;
  const legs = one.legs.filter((leg) => leg !== callSid);
  if (legs.length > 0) put(draft, { ...one, legs });
  else over(draft, one, message === undefined ? { result } : { result, message });
}

function over(draft: Draft, { announcementSid, callSid }: Announcement, end: End): void {
  const announcements = new Map(draft.state.announcements);
  announcements.delete(announcementSid);
  draft.set({ announcements });
  const leg = draft.leg(callSid);
  if (leg !== undefined && leg.phase !== 'ended')
    draft.emit('call.announcement-ended', leg, { announcementSid, ...end });
}

function put(draft: Draft, one: Announcement): void {
  draft.set({ announcements: new Map(draft.state.announcements).set(one.announcementSid, one) });
}
