/** A promise that was not kept, and where the history shows it. */
export interface Violation {
  /** Number of the promise, as in docs/testing.md. */
  readonly promise: 1 | 2 | 3 | 4 | 5;
  readonly rule:
    | 'silent-gap'
    | 'needless-loss'
    | 'unknown-epoch'
    | 'order'
    | 'delivered-twice'
    | 'stored-twice'
    | 'wrong-event'
    | 'position-twice'
    | 'late-for-others'
    | 'memory'
    | 'after-rights'
    | 'foreign-event'
    | 'presence'
    | 'presence-events'
    | 'not-acknowledged';
  readonly session?: string;
  readonly at: number;
  readonly message: string;
}

/** Whether a topic is matched by a pattern: `*` one token, `>` one or more at the end. */
export function matches(pattern: string, topic: string): boolean {
  const wanted = pattern.split('.');
  const tokens = topic.split('.');
  for (const [index, token] of wanted.entries()) {
    if (token === '>') return tokens.length > index;
    if (index >= tokens.length || (token !== '*' && token !== tokens[index])) return false;
  }
  return tokens.length === wanted.length;
}
