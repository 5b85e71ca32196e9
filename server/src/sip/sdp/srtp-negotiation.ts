import type { Random } from '../../kernel/index.ts';
import type { SrtpAgreement, SrtpMasterKey, SrtpPolicy, SrtpSuite } from './api.ts';
import { newMasterKey, OFFERED_SUITES } from './crypto.ts';
import type { CryptoLine } from './crypto.ts';
import { SdpError } from './errors.ts';
import type { RemoteAudio } from './read.ts';

/**
 * What one call's policy makes of `a=crypto` lines (RFC 4568 section 5.1): which media lines suit, what is offered and
 * answered, which keys are in force.
 */
export class SrtpNegotiation {
  readonly #policy: SrtpPolicy;
  readonly #random: Random;
  /** Our key for each suite, the same in every description: a stream that goes on must not change its key. */
  readonly #own = new Map<SrtpSuite, SrtpMasterKey>();
  #inUse: SrtpSuite | undefined;

  constructor(policy: SrtpPolicy, random: Random) {
    this.#policy = policy;
    this.#random = random;
  }

  /**
   * The profile of a first offer.
   * DEVIATION: `preferred` offers `RTP/AVP` with a=crypto, which RFC 4568 section 5 defines for secure profiles only; peers
   * without SRTP pass the line over, and one INVITE serves both (docs/adr/0013-srtp.md).
   */
  get profile(): string {
    return this.#policy === 'required' ? 'RTP/SAVP' : 'RTP/AVP';
  }

  /** Whether a line of the peer's offer can be taken. */
  suits(audio: RemoteAudio): boolean {
    if (this.#policy === 'off') return !audio.secure;
    return audio.crypto.length > 0 || (!audio.secure && this.#policy === 'preferred');
  }

  /** Whether it would be encrypted. */
  secures(audio: RemoteAudio): boolean {
    return this.#policy !== 'off' && audio.crypto.length > 0;
  }

  /** Lines for our offer, the same ones each time: an answer may still come to an earlier copy of it (forking). */
  offer(): CryptoLine[] {
    if (this.#policy === 'off') return [];
    const suites = new Set(this.#inUse === undefined ? OFFERED_SUITES : [...OFFERED_SUITES, this.#inUse]);
    return [...suites].map((suite, index) => ({ tag: index + 1, suite, master: this.#key(suite) }));
  }

  /** Our line for the answer to an offer, undefined for plain RTP. @throws SdpError */
  answer(audio: RemoteAudio): { readonly line: CryptoLine; readonly agreement: SrtpAgreement } | undefined {
    if (this.#policy === 'off') {
      if (!audio.secure) return undefined;
      throw new SdpError('srtp-off', 'the SDP offers encrypted audio only (RTP/SAVP), and SRTP is off for this trunk');
    }
    // A suite in use stays as long as it is offered: then the rollover counters go on.
    const chosen = audio.crypto.find(({ suite }) => suite === this.#inUse) ?? audio.crypto[0];
    if (chosen === undefined) {
      this.#checkPlain(audio, 'the SDP offer');
      return undefined;
    }
    const { tag, suite } = chosen;
    const local = this.#key(suite);
    return { line: { tag, suite, master: local }, agreement: { suite, local, remote: chosen.master } };
  }

  /** What the peer's answer makes of the lines that we offered; undefined for plain RTP. @throws SdpError */
  accept(offered: readonly CryptoLine[], audio: RemoteAudio): SrtpAgreement | undefined {
    for (const theirs of audio.crypto) {
      const ours = offered.find(({ tag, suite }) => tag === theirs.tag && suite === theirs.suite);
      if (ours !== undefined) return { suite: ours.suite, local: ours.master, remote: theirs.master };
    }
    if (offered.length > 0 && audio.crypto.length > 0) {
      throw new SdpError('no-crypto', 'the SDP answer takes a crypto suite (a=crypto) that we did not offer');
    }
    if (this.#policy === 'off' && audio.secure) {
      throw new SdpError('srtp-off', 'the SDP answer is RTP/SAVP and our offer was not');
    }
    this.#checkPlain(audio, 'the SDP answer');
    return undefined;
  }

  /** This came into force. A key whose suite went out of use is never used again. */
  settle(agreement: SrtpAgreement | undefined): void {
    const before = this.#inUse;
    this.#inUse = agreement?.suite;
    if (before !== undefined && before !== this.#inUse) this.#own.delete(before);
  }

  #checkPlain(audio: RemoteAudio, what: string): void {
    if (audio.secure) {
      throw new SdpError('no-crypto', `${what} holds no crypto suite (a=crypto with a key) that we speak`);
    }
    if (this.#policy === 'required') {
      throw new SdpError('srtp-required', `${what} is not encrypted, and SRTP is required for this trunk`);
    }
  }

  #key(suite: SrtpSuite): SrtpMasterKey {
    const known = this.#own.get(suite);
    if (known !== undefined) return known;
    const key = newMasterKey(suite, (length) => this.#random.bytes(length));
    this.#own.set(suite, key);
    return key;
  }
}
