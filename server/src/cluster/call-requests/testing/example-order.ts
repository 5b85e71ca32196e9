/** Of the size that orders have: addresses of an application, no document. */
export const EXAMPLE_ORDER = {
  from: '+15550100',
  to: '+15550123',
  target: { kind: 'number', number: '+15550123' },
  application: {
    applicationSid: `AP${'0'.repeat(32)}`,
    voice: { url: 'https://application.example.com/voice?campaign=spring', method: 'POST' },
    fallback: { url: 'https://application.example.com/fallback', method: 'POST' },
    statusCallback: {
      url: 'https://application.example.com/status',
      method: 'POST',
      events: ['initiated', 'ringing', 'answered', 'completed'],
    },
  },
  timeoutMs: 60_000,
  timeLimitMs: 14_400_000,
};

const padded = (n: number): string => n.toString(16).padStart(32, '0');
export const accountSidOf = (n: number): string => `AC${padded(n)}`;
export const callSidOf = (n: number): string => `CA${padded(n)}`;
