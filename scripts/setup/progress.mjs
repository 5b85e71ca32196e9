// One line when a step starts, one when it is done. On a terminal the progress of a long step is rewritten in place;
// elsewhere (CI, a file) it is a plain line now and then.
const PLAIN_INTERVAL_MS = 15_000;

/** @param {number} ms */
export function duration(ms) {
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/**
 * @param {{stream: NodeJS.WriteStream, now?: () => number, env?: NodeJS.ProcessEnv}} options stream: stdout, or stderr
 *   for commands whose stdout is read by programs
 */
export function createReporter({ stream, now = Date.now, env = process.env }) {
  const terminal = stream.isTTY === true && !env.CI && env.TERM !== 'dumb';
  const width = () => Math.max(20, (stream.columns || 100) - 1);
  const clear = () => (terminal ? stream.write('\r\u001b[K') : false);

  /** @param {string} text */
  const note = (text) => {
    clear();
    for (const line of text.split('\n')) stream.write(`[setup] ${line}\n`);
  };

  /** @param {string} title */
  const progressOf = (title) => {
    let last = now();
    /** @param {string} text */
    return (text) => {
      if (terminal) {
        clear();
        stream.write(`[setup] ${title}: ${text}`.slice(0, width()));
      } else if (now() - last >= PLAIN_INTERVAL_MS) {
        last = now();
        stream.write(`[setup] ${title}: ${text}\n`);
      }
    };
  };

  return {
    note,
    /**
     * Runs one step between its two lines.
     *
     * @template T
     * @param {string} title a word or two, repeated at the start of every line of the step
     * @param {string} what what is done and why
     * @param {(progress: (text: string) => void) => Promise<T> | T} run
     * @returns {Promise<T>}
     */
    async step(title, what, run) {
      const started = now();
      note(`${title}: ${what} ...`);
      try {
        const result = await run(progressOf(title));
        note(`${title}: done in ${duration(now() - started)}`);
        return result;
      } catch (error) {
        note(`${title}: failed after ${duration(now() - started)}`);
        throw error;
      }
    },
  };
}
