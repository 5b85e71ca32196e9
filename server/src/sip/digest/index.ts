export { DigestClient } from './client.ts';
export type { DigestCredentials } from './client.ts';
export { DIGEST_ALGORITHMS, hashOfAlgorithm, secretHash } from './hash.ts';
export type { DigestAlgorithm } from './hash.ts';
export { DigestServer } from './server.ts';
export type { DigestCheck, DigestRequest, DigestSecret, DigestServerOptions, DigestVerdict } from './server.ts';
