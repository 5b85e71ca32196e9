/** The pictures of the pages: what `scripts/screenshots.ts` takes and the documents show. */

export const MAX_IMAGE_BYTES = 150_000;

/** CSS pixels. */
export const VIEWPORTS = {
  desktop: { width: 1100, height: 760 },
  phone: { width: 390, height: 844 },
} as const;

/** When in the story of one incoming call a picture is taken; `cluster`: of the operator's page meanwhile. */
export type Moment = 'idle' | 'ringing' | 'in-call' | 'cluster';

export interface Screenshot {
  /** Name in docs/images/. */
  readonly file: string;
  readonly moment: Moment;
  readonly width: keyof typeof VIEWPORTS;
  readonly dark: boolean;
}

export const SCREENSHOTS: readonly Screenshot[] = [
  { file: 'softphone-idle.png', moment: 'idle', width: 'desktop', dark: false },
  { file: 'softphone-idle-phone.png', moment: 'idle', width: 'phone', dark: false },
  { file: 'softphone-ringing.png', moment: 'ringing', width: 'desktop', dark: false },
  { file: 'softphone-ringing-phone.png', moment: 'ringing', width: 'phone', dark: false },
  { file: 'softphone-call.png', moment: 'in-call', width: 'desktop', dark: false },
  { file: 'softphone-call-dark.png', moment: 'in-call', width: 'desktop', dark: true },
  { file: 'softphone-call-phone.png', moment: 'in-call', width: 'phone', dark: false },
  { file: 'cluster.png', moment: 'cluster', width: 'desktop', dark: false },
  { file: 'cluster-phone.png', moment: 'cluster', width: 'phone', dark: false },
];
