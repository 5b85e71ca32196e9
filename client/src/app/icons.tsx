import type { ReactElement } from 'react';

const PATHS = {
  phone:
    'M6.6 3h3l1.4 4.2-2.1 1.5a12 12 0 0 0 6.4 6.4l1.5-2.1 4.2 1.4v3a2 2 0 0 1-2.2 2A16.6 16.6 0 0 1 4.6 5.2 2 2 0 0 1 6.6 3Z',
  microphone: 'M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3Zm-6 8a6 6 0 0 0 12 0M12 17v4',
  muted: 'M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3Zm-6 8a6 6 0 0 0 12 0M12 17v4M4 4l16 16',
  backspace: 'M9 5h11v14H9l-6-7 6-7Zm3 4 5 6m0-6-5 6',
  gear: 'M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6Zm8 3 2 1.6-2 3.4-2.4-.9a8 8 0 0 1-1.7 1L15.5 20h-4l-.4-2.9a8 8 0 0 1-1.7-1L7 17l-2-3.4L7 12l-2-1.6L7 7l2.4.9a8 8 0 0 1 1.7-1L11.5 4h4l.4 2.9a8 8 0 0 1 1.7 1L20 7l2 3.4L20 12Z',
  incoming: 'M17 7 7 17m0-8v8h8',
  outgoing: 'M7 17 17 7M9 7h8v8',
  missed: 'm6 9 6 6 7-7m-13 1V4m0 5h5',
  close: 'm6 6 12 12M18 6 6 18',
} as const;

/** Decorative: the button around it carries the name. */
export function Icon({ name }: { readonly name: keyof typeof PATHS | 'hangup' }): ReactElement {
  const filled = name === 'phone' || name === 'hangup';
  const look = filled
    ? { fill: 'currentColor' }
    : ({
        fill: 'none',
        stroke: 'currentColor',
        strokeWidth: 2,
        strokeLinecap: 'round',
        strokeLinejoin: 'round',
      } as const);
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden="true" {...look}>
      {/* Hanging up is the receiver laid down. */}
      {name === 'hangup' ? <path d={PATHS.phone} transform="rotate(135 12 12)" /> : <path d={PATHS[name]} />}
    </svg>
  );
}
