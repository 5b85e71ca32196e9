// Load client of the hub benchmarks: N WebSocket connections to one server from one thread, whatever the server speaks.
// It looks at frame headers only and, inside a message, for the mark #T<16 digits># : CLOCK_MONOTONIC microseconds at
// which the event was made. Pings of every protocol that is measured are answered.
//
//   hub-load PORT COUNT PATH SUBPROTOCOL|- text|binary STEP...
//
// A STEP is `send:TEXT` (one message) or `expect:TEXT` (waits until a message holds TEXT). Lines on stdin and stdout:
//   (start)        -> "ready CONNECTIONS SECONDS"
//   reset          -> "reset"            counters start at zero
//   report         -> one JSON line
//   progress N     -> from now on "progress EVENTS" after every N events that every reading connection got on average
//   stall K        the first K connections are not read any more
//   quit
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 1 << 18, IN_FLIGHT = 128, BUCKETS = 64 * 40, REQUEST = 2048 };
enum state { IDLE, CONNECTING, UPGRADING, STEPPING, OPEN, CLOSED };

struct connection {
  int fd;
  enum state state;
  int step;
  int stalled;
  unsigned char *carry;
  size_t carried;
  uint64_t events;
};

static struct connection *connections;
static int count, started, ready, closed_count, stalled_count;
static int epoll_fd, steps, opcode;
static char **step_text, *path, *subprotocol;
static struct sockaddr_in server;
static unsigned char buffer[BUFFER * 2];
static uint64_t received, bytes, reads, latency[BUCKETS], longest_us, progress_every, progress_next;

static uint64_t now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000ull + (uint64_t)t.tv_nsec / 1000;
}

static void fail(const char *what) {
  fprintf(stderr, "hub-load: %s: %s\n", what, strerror(errno));
  exit(1);
}

// 32 buckets a power of two: at most 3 % off.
static int bucket_of(uint64_t us) {
  if (us < 32) return (int)us;
  int power = 63 - __builtin_clzll(us);
  return (power - 4) * 32 + (int)((us >> (power - 5)) & 31);
}

static double bucket_ms(int bucket) {
  if (bucket < 32) return bucket / 1000.0;
  int power = bucket / 32 + 4;
  return (double)((32ull + (uint64_t)(bucket % 32)) << (power - 5)) / 1000.0;
}

static double percentile(double fraction) {
  uint64_t total = 0, seen = 0;
  for (int i = 0; i < BUCKETS; i++) total += latency[i];
  for (int i = 0; i < BUCKETS; i++) {
    seen += latency[i];
    if (total > 0 && seen >= fraction * total) return bucket_ms(i);
  }
  return 0;
}

static void put(struct connection *c, int op, const char *text, size_t length) {
  unsigned char frame[20000];
  size_t head = 6;
  frame[0] = 0x80 | op;
  if (length < 126) frame[1] = 0x80 | length;
  else {
    frame[1] = 0x80 | 126;
    frame[2] = length >> 8;
    frame[3] = length & 255;
    head = 8;
  }
  if (length + head > sizeof frame) fail("message too long");
  memset(frame + head - 4, 0, 4);
  memcpy(frame + head, text, length);
  if (send(c->fd, frame, head + length, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN && errno != EPIPE && errno != ECONNRESET)
    fail("send");
}

static void gone(struct connection *c) {
  if (c->state == CLOSED) return;
  if (c->state != OPEN) {
    fprintf(stderr, "hub-load: a connection was closed in state %d, step %d\n", c->state, c->step);
    exit(1);
  }
  c->state = CLOSED;
  closed_count++;
  close(c->fd);
}

static void advance(struct connection *c) {
  while (c->step < steps && strncmp(step_text[c->step], "send:", 5) == 0) {
    const char *text = step_text[c->step++] + 5;
    put(c, opcode, text, strlen(text));
  }
  if (c->step < steps) return;
  c->state = OPEN;
  ready++;
}

// `ping` of the native protocol and its Socket.IO form: answered with the same n.
static void pong(struct connection *c, const char *text, size_t length, int socketio) {
  char answer[128];
  const char *n = memmem(text, length, "\"n\":", 4);
  char number[32] = "";
  if (n != NULL) snprintf(number, sizeof number, ",\"n\":%ld", strtol(n + 4, NULL, 10));
  int size = snprintf(answer, sizeof answer, "%s{\"type\":\"pong\"%s}%s", socketio ? "42[\"hs\"," : "", number, socketio ? "]" : "");
  put(c, 1, answer, (size_t)size);
}

static void count_events(struct connection *c, const unsigned char *data, size_t length, uint64_t now) {
  const unsigned char *at = data, *end = data + length;
  while ((at = memchr(at, '#', (size_t)(end - at))) != NULL) {
    if (end - at < 19) return;
    if (at[1] != 'T' || at[18] != '#') {
      at++;
      continue;
    }
    uint64_t made = 0;
    for (int i = 2; i < 18; i++) made = made * 10 + (at[i] - '0');
    uint64_t age = now > made ? now - made : 0;
    int bucket = bucket_of(age);
    latency[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
    if (age > longest_us) longest_us = age;
    received++;
    c->events++;
    at += 19;
  }
}

#define STARTS(text, length, with) ((length) >= sizeof(with) - 1 && memcmp(text, with, sizeof(with) - 1) == 0)

static void on_message(struct connection *c, int op, const unsigned char *data, size_t length, uint64_t now) {
  const char *text = (const char *)data;
  if (op == 9) put(c, 10, text, length);
  else if (op == 8) return;
  else if (STARTS(text, length, "{\"type\":\"ping\"")) pong(c, text, length, 0);
  else if (STARTS(text, length, "42[\"hs\",{\"type\":\"ping\"")) pong(c, text, length, 1);
  else if (length == 1 && text[0] == '2') put(c, 1, "3", 1);
  else if (STARTS(text, length, "PING\r\n")) put(c, opcode, "PONG\r\n", 6);
  if (c->state == STEPPING) {
    const char *wanted = step_text[c->step] + 7;
    if (memmem(data, length, wanted, strlen(wanted)) != NULL) {
      c->step++;
      advance(c);
    }
    return;
  }
  count_events(c, data, length, now);
}

// Returns how many bytes were used: whole frames only.
static size_t on_frames(struct connection *c, const unsigned char *data, size_t length, uint64_t now) {
  size_t used = 0;
  while (length - used >= 2 && c->state != CLOSED) {
    const unsigned char *frame = data + used;
    uint64_t size = frame[1] & 127;
    size_t head = 2;
    if (size == 126) {
      if (length - used < 4) break;
      size = (uint64_t)frame[2] << 8 | frame[3];
      head = 4;
    } else if (size == 127) {
      if (length - used < 10) break;
      size = 0;
      for (int i = 2; i < 10; i++) size = size << 8 | frame[i];
      head = 10;
    }
    if (size > BUFFER) fail("frame too long");
    if (length - used < head + size) break;
    on_message(c, frame[0] & 15, frame + head, size, now);
    used += head + size;
  }
  return used;
}

static size_t on_upgrade(struct connection *c, const unsigned char *data, size_t length) {
  const unsigned char *end = memmem(data, length, "\r\n\r\n", 4);
  if (end == NULL) return 0;
  if (length < 12 || memcmp(data + 9, "101", 3) != 0) {
    fprintf(stderr, "hub-load: the upgrade was refused: %.*s\n", (int)(length < 200 ? length : 200), data);
    exit(1);
  }
  c->state = STEPPING;
  advance(c);
  return (size_t)(end - data) + 4;
}

static void on_readable(struct connection *c) {
  // A frame that came in part is in front of what is read now.
  size_t length = c->carried;
  if (length > 0) memcpy(buffer, c->carry, length);
  ssize_t got = recv(c->fd, buffer + length, BUFFER, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    gone(c);
    return;
  }
  reads++;
  bytes += (uint64_t)got;
  length += (size_t)got;
  size_t used = c->state == UPGRADING ? on_upgrade(c, buffer, length) : 0;
  if (c->state >= STEPPING) used += on_frames(c, buffer + used, length - used, now_us());
  size_t left = length - used;
  if (left > c->carried || c->carry == NULL) c->carry = left == 0 ? c->carry : realloc(c->carry, left);
  if (left > 0) memcpy(c->carry, buffer + used, left);
  c->carried = left;
  if (left == 0 && c->carry != NULL) {
    free(c->carry);
    c->carry = NULL;
  }
}

static void open_one(struct connection *c) {
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (c->fd < 0) fail("socket");
  int one = 1;
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(c->fd, (struct sockaddr *)&server, sizeof server) < 0 && errno != EINPROGRESS) fail("connect");
  c->state = CONNECTING;
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event) < 0) fail("epoll_ctl");
}

static void on_connected(struct connection *c) {
  char request[REQUEST], protocol[256] = "";
  if (strcmp(subprotocol, "-") != 0) snprintf(protocol, sizeof protocol, "Sec-WebSocket-Protocol: %s\r\n", subprotocol);
  int size = snprintf(request, sizeof request,
                      "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
                      path, protocol);
  if (send(c->fd, request, (size_t)size, MSG_NOSIGNAL) != size) fail("sending the upgrade");
  c->state = UPGRADING;
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
  epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event);
}

static void report(void) {
  uint64_t least = UINT64_MAX;
  for (int i = 0; i < count; i++)
    if (!connections[i].stalled && connections[i].events < least) least = connections[i].events;
  printf("{\"received\":%llu,\"bytes\":%llu,\"reads\":%llu,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"longest_ms\":%.3f,\"least\":%llu,\"closed\":%d}\n",
         (unsigned long long)received, (unsigned long long)bytes, (unsigned long long)reads, percentile(0.5), percentile(0.99),
         longest_us / 1000.0, (unsigned long long)least, closed_count);
}

static void reset(void) {
  received = bytes = reads = longest_us = 0;
  progress_next = progress_every;
  memset(latency, 0, sizeof latency);
  for (int i = 0; i < count; i++) connections[i].events = 0;
  printf("reset\n");
}

static void on_line(const char *line) {
  if (strcmp(line, "reset") == 0) reset();
  else if (strcmp(line, "report") == 0) report();
  else if (strncmp(line, "progress ", 9) == 0) progress_next = progress_every = strtoull(line + 9, NULL, 10);
  else if (strncmp(line, "stall ", 6) == 0) {
    stalled_count = atoi(line + 6);
    for (int i = 0; i < stalled_count && i < count; i++) {
      connections[i].stalled = 1;
      epoll_ctl(epoll_fd, EPOLL_CTL_DEL, connections[i].fd, NULL);
    }
  } else if (strcmp(line, "quit") == 0) exit(0);
}

static void on_stdin(void) {
  static char line[4096];
  static size_t filled;
  ssize_t got = read(0, line + filled, sizeof line - 1 - filled);
  if (got <= 0) exit(0);
  filled += (size_t)got;
  for (;;) {
    char *end = memchr(line, '\n', filled);
    if (end == NULL) return;
    *end = 0;
    on_line(line);
    size_t used = (size_t)(end - line) + 1;
    memmove(line, line + used, filled -= used);
  }
}

static void tell_progress(void) {
  uint64_t reading = (uint64_t)(count - stalled_count - closed_count);
  if (progress_every == 0 || reading == 0) return;
  uint64_t each = received / reading;
  if (each < progress_next) return;
  printf("progress %llu\n", (unsigned long long)each);
  progress_next = (each / progress_every + 1) * progress_every;
}

int main(int argc, char **argv) {
  if (argc < 6) {
    fprintf(stderr, "hub-load PORT COUNT PATH SUBPROTOCOL|- text|binary STEP...\n");
    return 2;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  server.sin_family = AF_INET;
  server.sin_port = htons((uint16_t)atoi(argv[1]));
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  count = atoi(argv[2]);
  path = argv[3];
  subprotocol = argv[4];
  opcode = strcmp(argv[5], "binary") == 0 ? 2 : 1;
  step_text = argv + 6;
  steps = argc - 6;
  connections = calloc((size_t)count, sizeof *connections);
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event input = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, 0, &input);
  uint64_t from = now_us();
  int told = 0;
  for (;;) {
    while (started < count && started - ready < IN_FLIGHT) open_one(&connections[started++]);
    if (!told && ready == count) {
      printf("ready %d %.3f\n", count, (now_us() - from) / 1e6);
      told = 1;
    }
    struct epoll_event events[256];
    int n = epoll_wait(epoll_fd, events, 256, -1);
    for (int i = 0; i < n; i++) {
      struct connection *c = events[i].data.ptr;
      if (c == NULL) on_stdin();
      else if (c->state == CLOSED || c->stalled) continue;
      else if (c->state == CONNECTING) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0) {
          errno = error;
          fail("connect");
        }
        on_connected(c);
      } else on_readable(c);
    }
    tell_progress();
  }
}
