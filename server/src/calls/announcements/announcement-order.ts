import type { PromptRequest } from '../machine/call-effect.ts';

/** Something to be played into a call beside its instructions. */
export interface AnnouncementOrder {
  readonly prompt: PromptRequest;
  /** `both`: whom the leg is merged with hears it too. */
  readonly to: 'leg' | 'both';
  /** Times; 0 goes on until it is stopped. */
  readonly loop: number;
}

/** An announcement under way. */
export interface Announcement extends AnnouncementOrder {
  readonly announcementSid: string;
  /** The leg that it was asked for. */
  readonly callSid: string;
  /** Legs that hear it still; undefined: it is being prepared. */
  readonly legs: readonly string[] | undefined;
}
