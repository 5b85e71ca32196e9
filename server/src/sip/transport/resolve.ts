import type { SipUri } from '../message/index.ts';
import type { Endpoint } from './api.ts';

/**
 * Finds where to send for a URI, best first: the next one is tried when one fails. At once for numeric hosts. Rejects
 * when nothing is found; never resolves to an empty list.
 */
export type Resolver = (uri: SipUri) => readonly Endpoint[] | Promise<readonly Endpoint[]>;
