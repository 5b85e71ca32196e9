/** Dead letters kept for one sink; the oldest goes when there are more. */
export const MAX_DEAD_LETTERS = 500;
