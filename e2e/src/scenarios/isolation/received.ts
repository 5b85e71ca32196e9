/** All bytes that one account's clients were given, by the way they came. */
export class Received {
  readonly #chunks = new Map<string, Buffer[]>();

  add(way: string, data: Buffer | string): void {
    const chunks = this.#chunks.get(way) ?? [];
    this.#chunks.set(way, chunks);
    chunks.push(typeof data === 'string' ? Buffer.from(data) : data);
  }

  /** Bytes by way. */
  sizes(): Record<string, number> {
    return Object.fromEntries([...this.#chunks].map(([way, chunks]) => [way, Buffer.concat(chunks).length]));
  }

  /** The ways in which any of the texts came: as they are, or in hexadecimal, or in base64. */
  leaks(canary: string): string[] {
    const texts = [canary, Buffer.from(canary).toString('hex'), ...base64Cores(canary)];
    return [...this.#chunks]
      .filter(([, chunks]) => texts.some((text) => Buffer.concat(chunks).includes(text)))
      .map(([way]) => way)
      .sort();
  }
}

/** What base64 of a longer text has in it, wherever the canary begins there. */
function base64Cores(canary: string): string[] {
  return [0, 1, 2].map((shift) => {
    const text = Buffer.from(`${'.'.repeat(shift)}${canary}`).toString('base64');
    return text.slice(4, text.length - 4);
  });
}
