/** Who asks over HTTP. */
export interface MediaCallers {
  /**
   * The account that credentials are of; undefined: they are wrong, or there are none.
   * @param authorization the header
   * @param ip of the client, against guessing
   */
  accountOf(authorization: string | undefined, ip: string): string | undefined;
}
