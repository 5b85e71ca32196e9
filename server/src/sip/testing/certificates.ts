import { generate } from 'selfsigned';

export interface Pem {
  readonly cert: string;
  readonly key: string;
}

export interface Authority extends Pem {
  /** A certificate for these names: `DNS:a.test`, `URI:sip:a.test`, `IP:127.0.0.1`. */
  issue(names: readonly string[], commonName?: string): Promise<Pem>;
}

const TYPES: Readonly<Record<string, 2 | 6 | 7>> = { DNS: 2, URI: 6, IP: 7 };

/** A certificate authority of a test's own. */
export async function createAuthority(name = 'Test Authority'): Promise<Authority> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: name }], {
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  return {
    cert,
    key,
    issue: async (names, commonName = 'peer') => {
      const altNames = names.map((entry) => {
        const colon = entry.indexOf(':');
        const type = TYPES[entry.slice(0, colon)] ?? 2;
        const value = entry.slice(colon + 1);
        return type === 7 ? { type, ip: value } : { type, value };
      });
      const pem = await generate([{ name: 'commonName', value: commonName }], {
        algorithm: 'sha256',
        ca: { key, cert },
        extensions: [
          { name: 'basicConstraints', cA: false, critical: true },
          ...(altNames.length === 0 ? [] : [{ name: 'subjectAltName' as const, altNames }]),
        ],
      });
      return { cert: pem.cert, key: pem.private };
    },
  };
}
