/**
 * What Hookswitch promises, one row each. Tests are named after a row's id; docs/requirements.md joins the two.
 */
export interface Requirement {
  readonly id: string;
  readonly level: 'must' | 'should';
  readonly what: string;
}

export interface RequirementGroup {
  readonly title: string;
  readonly about: string;
  readonly rows: readonly Requirement[];
}

export const REQUIREMENTS: readonly RequirementGroup[] = [
  {
    title: 'Event publishing (EV)',
    about:
      "The call router generates events from the telephony application; an event router manages their publication and the clients' subscriptions.",
    rows: [
      {
        id: 'EV-1',
        level: 'must',
        what: 'every call-router action emits a typed, account-stamped, ordered event to the broker',
      },
      {
        id: 'EV-2',
        level: 'must',
        what: 'proxy tier: N stateless event-proxy processes, each a NATS subscriber, client connections spread over them; any proxy can serve any client',
      },
      {
        id: 'EV-3',
        level: 'must',
        what: 'filters on call, number, type, application, identity, conference, queue; enforced server-side',
      },
      {
        id: 'EV-4',
        level: 'must',
        what: 'subscribe tokens: JWT whose claims pin account + filters + expiry; widening attempt refused',
      },
      {
        id: 'EV-5',
        level: 'should',
        what: 'transports: ws, Socket.IO, SSE, long-poll, HTTP POST (webhook sink), NATS direct for trusted peers',
      },
      {
        id: 'EV-6',
        level: 'should',
        what: 'resume: per-subscription cursor / `Last-Event-ID` / JetStream durable; at-least-once + dedupe id',
      },
      {
        id: 'EV-7',
        level: 'should',
        what: 'client→call publishing: authorised client posts an event *into* a call (Twilio: `UserDefinedMessages`, `call.sendMessage`)',
      },
      { id: 'EV-8', level: 'should', what: 'event history query by call/time (REST) and retention per account' },
      {
        id: 'EV-9',
        level: 'should',
        what: 'backpressure: slow subscriber gets dropped/compacted without stalling others',
      },
    ],
  },
  {
    title: 'Connecting a communication to a client (BR)',
    about:
      "At a system bridge: a client subscription connection, an incoming communication request, a notification published to the client, the client's own communication received, and the two merged.",
    rows: [
      {
        id: 'BR-1',
        level: 'must',
        what: 'ws + Socket.IO subscription; JWT checked by a policy component before the subscription exists',
      },
      {
        id: 'BR-2',
        level: 'must',
        what: 'hierarchical identities `ns/sub/…`; ring one device, one identity, a prefix, or a list',
      },
      {
        id: 'BR-3',
        level: 'must',
        what: "notification carries sealed token {commId, bridgeHostId, exp} encrypted with the node's key; only that node can open it; other nodes route by a visible hint",
      },
      {
        id: 'BR-4',
        level: 'must',
        what: 'client answers by opening its **own** leg to the bridge, quoting the token; bridge **merges** the two legs (state `merged`), parked leg keeps comfort audio until media flows',
      },
      {
        id: 'BR-5',
        level: 'must',
        what: 'first accept wins atomically across devices, tabs and nodes; losers get `cancel{reason: answered-elsewhere, by}`',
      },
      {
        id: 'BR-6',
        level: 'must',
        what: 'reject from one device keeps others ringing; all-reject / timeout / no-subscriber → distinct outcomes to TwiML (`busy`,`no-answer`,`failed`)',
      },
      {
        id: 'BR-7',
        level: 'should',
        what: 'presence resource: registered/busy/away + device list, events on change, routing honours it, aggregate query',
      },
      {
        id: 'BR-8',
        level: 'should',
        what: 'resume: client signalling drop < N s while ringing or in call re-attaches by reconnect token, media restarts by ICE restart',
      },
      {
        id: 'BR-9',
        level: 'should',
        what: 'bridge-node death: parked legs re-homed or released with a definite event, never silent',
      },
      {
        id: 'BR-10',
        level: 'should',
        what: "cross-medium merge: a notification that is not a call (an event published on a client's topic with a bridge token, e.g. a message or a callback request) is answered by the client opening its leg, which the bridge merges with the call it then places to the other party",
      },
    ],
  },
  {
    title: 'Media layer (MC)',
    about:
      'The call router asks for media over HTTP; a media layer answers from its cache or processes the media once and stores it, telephony-compatible, under a persistent address.',
    rows: [
      {
        id: 'MC-1',
        level: 'must',
        what: "HTTP media layer; a request key (kind, source or text, voice, language, rate, codec, account salt) resolves, as Content-Location, to an immutable address that includes the hash of the source's content: `/media/v1/<digest>.<fmt>`",
      },
      {
        id: 'MC-2',
        level: 'must',
        what: 'RFC 9111 cache: fresh/stale/revalidate, Vary, no-store, max-age/s-maxage, ETag, Last-Modified, `stale-while-revalidate`, `stale-if-error`',
      },
      {
        id: 'MC-3',
        level: 'must',
        what: 'convert wav/mp3/ogg/aiff/gsm/µ-law/opus → 8 kHz G.711 (and 16 kHz/48 kHz for Opus legs)',
      },
      {
        id: 'MC-4',
        level: 'must',
        what: 'TTS results cached by full parameter hash (text normalised, SSML canonicalised, voice, engine version)',
      },
      { id: 'MC-5', level: 'must', what: 'single-flight: N concurrent misses → 1 origin fetch/1 synth' },
      {
        id: 'MC-6',
        level: 'should',
        what: 'per-account isolation + quota + LRU/LFU eviction + purge by URL/prefix/tag; signed (HMAC) addresses',
      },
      { id: 'MC-7', level: 'should', what: 'prefetch: parse TwiML, warm the media of later verbs' },
      {
        id: 'MC-8',
        level: 'should',
        what: 'stream while converting (first 200 ms of audio before the whole file is done)',
      },
      { id: 'MC-9', level: 'should', what: 'SSRF guard, size/time limits, redirect limit, content sniffing' },
      { id: 'MC-10', level: 'should', what: 'stats: hit ratio, bytes, age, revalidations, per account' },
    ],
  },
  {
    title: 'Session state (SS)',
    about:
      'State of the session between the telephony device and the application server is stored by the call router and sent back in every later communication.',
    rows: [
      {
        id: 'SS-1',
        level: 'must',
        what: "RFC 6265 jar (domain, path, Secure, HttpOnly, SameSite ignored, Expires/Max-Age) scoped by (account, from, to) and by call for the call's life",
      },
      {
        id: 'SS-2',
        level: 'must',
        what: 'survives across calls between the same pair for a configurable TTL (default 4 h idle, capped), across node restarts and nodes (NATS KV)',
      },
      {
        id: 'SS-3',
        level: 'must',
        what: 'same jar for voice webhooks, status callbacks, fallback URL, `<Gather>` action, stream upgrade request',
      },
      {
        id: 'SS-4',
        level: 'should',
        what: 'tracking link: API issues `https://host/l/<opaque>`; visit associates web session, event published, next webhook carries it',
      },
      {
        id: 'SS-5',
        level: 'should',
        what: 'concurrent requests in one call: last-writer by sequence, never interleaved loss',
      },
      { id: 'SS-6', level: 'should', what: 'inspect/delete state by REST (privacy)' },
      { id: 'SS-7', level: 'should', what: 'state never crosses tenants or applications of different origin' },
    ],
  },
  {
    title: 'Multitenancy (MT)',
    about:
      'A call queue for many users; a telephony resource cluster that expands and contracts; an analysis system that calculates the capacity required; a resource allocator; telephony network channels.',
    rows: [
      {
        id: 'MT-1',
        level: 'must',
        what: 'per-account queue, priority classes inside it, token-bucket CPS + windowed cap + concurrency cap; weighted fair pick across accounts (DRR)',
      },
      {
        id: 'MT-2',
        level: 'must',
        what: 'dequeue never exceeds cluster capacity; capacity = Σ node (channels, CPU, pps) − reserve for inbound',
      },
      {
        id: 'MT-3',
        level: 'must',
        what: 'expand/contract: allocator with pluggable driver (process, systemd, Docker/K8s webhook); min/max/step/cool-down; **start-up time aware**',
      },
      {
        id: 'MT-4',
        level: 'must',
        what: 'graceful drain: stop new, keep calls, optional migrate, deadline, then exit; health flips at once',
      },
      {
        id: 'MT-5',
        level: 'must',
        what: 'analysis: EWMA + seasonal (hour-of-week) + scheduled calls + queue slope → forecast with error bars; explainable decision log',
      },
      {
        id: 'MT-6',
        level: 'should',
        what: 'channels as first-class: trunks with channel counts, shared pool, per-tenant reservation and burst',
      },
      {
        id: 'MT-7',
        level: 'should',
        what: 'ETA for a queued call in the API; `queue_time` on the call; cancel while queued; expiry',
      },
      { id: 'MT-8', level: 'should', what: 'separate scaling of call-router, media, TTS, event-proxy roles' },
      {
        id: 'MT-9',
        level: 'should',
        what: 'node crash: calls on it end with definite status + event; lost-session reaper by heartbeat; queue entries recovered exactly once',
      },
      { id: 'MT-10', level: 'should', what: 'tenant isolation: webhooks slow/hung in tenant A must not delay B' },
    ],
  },
  {
    title: 'Telephony sessions over an application protocol (CR)',
    about:
      'HTTP to an application server, telephony instructions processed by the call router, call router resources behind a REST API.',
    rows: [
      {
        id: 'CR-1',
        level: 'must',
        what: 'webhook/TwiML loop with every verb and attribute; relative URLs; GET/POST; redirects; MIME rules (xml → TwiML, audio/* → play + hang up, text/plain → say + hang up)',
      },
      {
        id: 'CR-2',
        level: 'must',
        what: 'HMAC-SHA1 `X-Twilio-Signature` accepted by official validators in ≥ 2 languages',
      },
      {
        id: 'CR-3',
        level: 'must',
        what: 'fallback URL, status callback(s), error event with code; `#ct=&rt=&tt=&rc=&rp=` overrides',
      },
      {
        id: 'CR-4',
        level: 'must',
        what: 'the voice REST API; live update `POST /Calls/{sid}` Url/Twiml/Status acts mid-verb',
      },
      {
        id: 'CR-5',
        level: 'must',
        what: 'recordings, transcriptions (pluggable STT), conferences, queues, participants',
      },
      {
        id: 'CR-6',
        level: 'should',
        what: 'resource **version history** (`?version=n` / `/Calls/{sid}/Versions`) and per-call request/response log (`/Calls/{sid}/Events`, `/Notifications`)',
      },
      {
        id: 'CR-7',
        level: 'should',
        what: 'JSON instruction documents as an alternative (jambonz-style) and bidirectional WS control channel',
      },
      { id: 'CR-8', level: 'should', what: 'delegate applications and ordered config attributes' },
    ],
  },
];
