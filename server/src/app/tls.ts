import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import type { Clock } from '../kernel/index.ts';

const YEAR_MS = 365 * 24 * 3600 * 1000;

/**
 * A self-signed certificate for `address`, kept in the data directory (key readable by its owner only) so that a
 * browser's exception outlives a restart; made anew when it names another address or ends within a day.
 */
export async function selfSignedCertificate(
  dataDir: string,
  address: string,
  clock: Clock,
): Promise<{ cert: string; key: string }> {
  const files = { cert: join(dataDir, 'tls-cert.pem'), key: join(dataDir, 'tls-key.pem') };
  if (existsSync(files.cert) && existsSync(files.key)) {
    const cert = readFileSync(files.cert, 'utf8');
    const parsed = new X509Certificate(cert);
    const lasts = Date.parse(parsed.validTo) > clock.now() + 24 * 3600 * 1000;
    if (lasts && parsed.checkIP(address) !== undefined) return { cert, key: readFileSync(files.key, 'utf8') };
  }
  const pems = await generate([{ name: 'commonName', value: address }], {
    keySize: 2048,
    algorithm: 'sha256',
    notBeforeDate: new Date(clock.now() - 3600 * 1000),
    notAfterDate: new Date(clock.now() + YEAR_MS),
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'subjectAltName', altNames: [{ type: 7, ip: address }] },
    ],
  });
  mkdirSync(dataDir, { recursive: true });
  writeFileSync(files.cert, pems.cert, { mode: 0o644 });
  writeFileSync(files.key, pems.private, { mode: 0o600 });
  return { cert: pems.cert, key: pems.private };
}
