import type { RetryPolicy } from './request-options.ts';

/** Codes of a request that gave no instructions; the same as in notifications and events. */
export const REQUEST_CODES = {
  badUrl: 11_100,
  status: 11_200,
  connection: 11_205,
  protocol: 11_206,
  host: 11_210,
  redirects: 11_215,
  tls: 11_220,
  certificateName: 11_235,
  certificateExpired: 11_236,
  certificateChain: 11_237,
  tooLarge: 11_750,
} as const;

/** Why one attempt gave nothing. */
export interface RequestFailure {
  readonly code: number;
  readonly message: string;
  /** What to mend. */
  readonly hint: string;
  /** Undefined: trying again would not help. */
  readonly retry: RetryPolicy | undefined;
}

const DNS = new Set(['ENOTFOUND', 'EAI_AGAIN', 'ENODATA', 'EAI_NODATA', 'EAI_NONAME']);
const CONNECT = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ENETDOWN',
  'ETIMEDOUT',
  'EACCES',
  'EADDRNOTAVAIL',
]);
const RESET = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

/** The failure behind an error of the HTTP client. Decided by error codes, never by texts. */
export function failureOf(error: unknown, host: string): RequestFailure {
  const code = errorCode(error);
  if (DNS.has(code)) {
    return {
      code: REQUEST_CODES.host,
      message: `the host name ${host} cannot be resolved (${code})`,
      hint: 'Mend the host name in the URL, or the DNS that this server uses.',
      retry: 'ct',
    };
  }
  if (code === 'UND_ERR_CONNECT_TIMEOUT') {
    return connection(`no connection to ${host} in time`, `Is the application server reachable from here?`, 'ct');
  }
  if (CONNECT.has(code)) {
    return connection(
      `${host} refused the connection (${code})`,
      'Start the application server, or mend host and port in the URL.',
      'ct',
    );
  }
  if (isTlsCode(code)) return tlsFailure(code, host);
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') {
    return connection(
      `${host} did not answer in time`,
      'Make the application answer faster, or raise #rt= in the URL.',
      'rt',
    );
  }
  if (RESET.has(code)) {
    return connection(
      `${host} closed the connection before it had answered`,
      "See the application server's log.",
      'rt',
    );
  }
  if (code.startsWith('HPE_') || code.startsWith('UND_ERR_')) {
    return {
      code: REQUEST_CODES.protocol,
      message: `${host} does not speak HTTP properly (${code})`,
      hint: 'Is there a web server on that port?',
      retry: undefined,
    };
  }
  return connection(`the request to ${host} failed (${code === '' ? String(error) : code})`, 'See the log.', 'rt');
}

function connection(message: string, hint: string, retry: RetryPolicy): RequestFailure {
  return { code: REQUEST_CODES.connection, message, hint, retry };
}

/** Certificates that are not taken, by what is wrong with them (error codes of OpenSSL as Node names them). */
const CERTIFICATE: Readonly<Record<string, readonly [number, string, string]>> = {
  ERR_TLS_CERT_ALTNAME_INVALID: name(),
  HOSTNAME_MISMATCH: name(),
  CERT_HAS_EXPIRED: time('has expired'),
  CERT_NOT_YET_VALID: time('is not valid yet'),
};

function name(): readonly [number, string, string] {
  return [REQUEST_CODES.certificateName, 'is for another name', 'Give the server a certificate for this host name.'];
}

function time(what: string): readonly [number, string, string] {
  return [REQUEST_CODES.certificateExpired, what, 'Renew the certificate, and check the clocks of both machines.'];
}

function tlsFailure(code: string, host: string): RequestFailure {
  const known = CERTIFICATE[code];
  if (known !== undefined) {
    const [number, what, hint] = known;
    return { code: number, message: `the certificate of ${host} ${what} (${code})`, hint, retry: undefined };
  }
  if (/^(?:DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|CERT_)/.test(code)) {
    return {
      code: REQUEST_CODES.certificateChain,
      message: `nobody that is trusted vouches for the certificate of ${host} (${code})`,
      hint: 'Let the server send its whole chain up to a public authority, or have its authority trusted here.',
      retry: undefined,
    };
  }
  return {
    code: REQUEST_CODES.tls,
    message: `no TLS with ${host} (${code})`,
    hint: 'Mend the TLS set-up of the application server, or the scheme and port in the URL.',
    retry: undefined,
  };
}

function isTlsCode(code: string): boolean {
  return (
    /^(?:ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH)/.test(code) || code === 'EPROTO'
  );
}

/** The code of an error or of the first cause that has one. */
function errorCode(error: unknown): string {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    // Happy Eyeballs reports one error for each address.
    const inner: unknown = at instanceof AggregateError ? at.errors[0] : undefined;
    const code = (at as { code?: unknown }).code ?? (inner as { code?: unknown } | undefined)?.code;
    if (typeof code === 'string') return code;
    // undici's parser leaves the code out for a response that does not begin as HTTP.
    if (at.name === 'HTTPParserError') return 'HPE_INVALID';
  }
  return '';
}

/** A server that answered, and not with instructions. */
export function badStatus(status: number): RequestFailure {
  return {
    code: REQUEST_CODES.status,
    message: `the application server answered ${status}`,
    hint: status >= 500 ? "See the application server's log." : 'Is the path in the URL right, and its method?',
    retry: status >= 500 ? '5xx' : status >= 400 ? '4xx' : undefined,
  };
}

export const FAILURES = {
  badUrl: (url: string): RequestFailure => ({
    code: REQUEST_CODES.badUrl,
    message: `"${url.slice(0, 200)}" is not an http or https URL`,
    hint: 'Set a full URL, as https://app.example.com/voice.',
    retry: undefined,
  }),
  timedOut: (totalMs: number): RequestFailure => ({
    code: REQUEST_CODES.connection,
    message: `no complete answer within ${totalMs} ms`,
    hint: 'Make the application answer faster, or raise #tt= in the URL.',
    retry: undefined,
  }),
  givenUp: (): RequestFailure => ({
    code: REQUEST_CODES.connection,
    message: 'the request was given up: the call ended or was changed',
    hint: 'Nothing to mend.',
    retry: undefined,
  }),
  crowded: (waiting: number): RequestFailure => ({
    code: REQUEST_CODES.connection,
    message: `more than ${waiting} requests of this account wait for its application servers`,
    hint: 'Make the application servers answer faster.',
    retry: undefined,
  }),
  tooLarge: (bytes: number): RequestFailure => ({
    code: REQUEST_CODES.tooLarge,
    message: `the response is larger than ${bytes} bytes`,
    hint: 'Split the document with <Redirect>.',
    retry: undefined,
  }),
  redirects: (most: number, last: string): RequestFailure => ({
    code: REQUEST_CODES.redirects,
    message: `more than ${most} redirects, the last one to ${last}`,
    hint: 'Give the address that the redirects lead to, or mend the loop.',
    retry: undefined,
  }),
} as const;
