/** Exit codes of the bootstrap itself; anything else is the exit code of the command it ran. */
export const EXIT = { failed: 1, usage: 2, missingPackages: 3 };

/** Something set-up cannot mend. The message says what, where and what to do; it is printed without a stack. */
export class SetupFailure extends Error {
  /**
   * @param {string} message
   * @param {number} [exitCode]
   */
  constructor(message, exitCode = EXIT.failed) {
    super(message);
    this.name = 'SetupFailure';
    this.exitCode = exitCode;
  }
}
