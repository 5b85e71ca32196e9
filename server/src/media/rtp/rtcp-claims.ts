/**
 * For how long a sign that nothing is missing excuses a silence, milliseconds. RTCP comes every 2.5 to 7.5 s (RFC 3550
 * section 6.3.1); comfort noise may stand for as long as the noise does not change (RFC 3389 section 4), but not for ever.
 */
export const EXCUSE_MS = { report: 8_000, comfortNoise: 60_000 } as const;

/**
 * Compares what the far end says it has sent with what arrived. Equal: a silence is its own (silence suppression, a muted
 * microphone, nothing to say). More was sent: it is lost on the way, and silence is a fault.
 */
export class SenderClaims {
  #before: { readonly sent: number; readonly received: number } | undefined;

  /**
   * @param sent packets by its last report; undefined when it reports that it sends none
   * @param received packets of it that have arrived by now
   * @returns whether nothing substantial is missing since the report before
   */
  isComplete(sent: number | undefined, received: number): boolean {
    const before = this.#before;
    if (sent === undefined) {
      this.#before = undefined;
      return true;
    }
    this.#before = { sent, received };
    // Of the first report nobody knows when its count began.
    if (before === undefined) return received >= sent / 2;
    const claimed = sent - before.sent;
    // Another stream of the far end counts from the beginning.
    return claimed < 0 || received - before.received >= claimed / 2;
  }
}
