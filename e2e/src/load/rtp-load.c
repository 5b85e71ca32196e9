// Trunk side of the media benchmark: N RTP flows over UDP, one PCMU packet every 20 ms each, from one thread.
// Every packet carries in its payload: magic, epoch (which measurement it belongs to) and the time it was sent.
// What comes back is told apart by epoch and its age measured. Driven by lines on stdin, answers by lines on stdout:
//   (start)              -> "ports P0 P1 ..."        one bound port a flow
//   go I ADDRESS PORT    starts flow I towards there
//   epoch E              from now on packets carry E; counters of E start at zero
//   report               -> one JSON line for the epoch
//   stop                 sends nothing any more; receiving goes on
//   quit
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { PAYLOAD = 160, HEADER = 12, MAGIC = 0x48536c64, MAX_SAMPLES = 4000000, SLOTS = 20 };

struct flow {
  int fd;
  int active;
  uint16_t sequence;
  uint32_t timestamp, ssrc;
  uint64_t last_received_ns;
};

static struct flow *flows;
static int count;
static uint32_t epoch = 1;
static int sending = 1;
static uint64_t sent, received, longest_gap_ns;
// All that came, whatever its payload: a mixer's packets do not say when they were sent.
static uint64_t packets;
static uint32_t *ages_us;
static size_t samples;

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static void fail(const char *what) {
  fprintf(stderr, "rtp-load: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void send_packet(struct flow *flow) {
  unsigned char packet[HEADER + PAYLOAD];
  memset(packet, 0x55, sizeof packet);
  packet[0] = 0x80;
  packet[1] = 0;
  uint16_t sequence = htons(flow->sequence++);
  uint32_t timestamp = htonl(flow->timestamp), ssrc = htonl(flow->ssrc);
  flow->timestamp += PAYLOAD;
  memcpy(packet + 2, &sequence, 2);
  memcpy(packet + 4, &timestamp, 4);
  memcpy(packet + 8, &ssrc, 4);
  uint32_t magic = MAGIC;
  uint64_t at = now_ns();
  memcpy(packet + 12, &magic, 4);
  memcpy(packet + 16, &epoch, 4);
  memcpy(packet + 20, &at, 8);
  if (send(flow->fd, packet, sizeof packet, 0) == (ssize_t)sizeof packet) sent++;
}

static void receive(struct flow *flow) {
  unsigned char packet[2048];
  for (;;) {
    ssize_t length = recv(flow->fd, packet, sizeof packet, MSG_DONTWAIT);
    if (length < 0) return;
    if (length < HEADER + 16) continue;
    size_t at = HEADER + 4 * (size_t)(packet[0] & 15);
    if (packet[0] & 16) {
      if ((size_t)length < at + 4) continue;
      at += 4 + 4 * (size_t)(packet[at + 2] << 8 | packet[at + 3]);
    }
    packets++;
    uint32_t magic, its_epoch;
    uint64_t sent_at;
    if ((size_t)length < at + 16) continue;
    memcpy(&magic, packet + at, 4);
    memcpy(&its_epoch, packet + at + 4, 4);
    memcpy(&sent_at, packet + at + 8, 8);
    if (magic != MAGIC || its_epoch != epoch) continue;
    uint64_t now = now_ns();
    if (flow->last_received_ns != 0 && now - flow->last_received_ns > longest_gap_ns)
      longest_gap_ns = now - flow->last_received_ns;
    flow->last_received_ns = now;
    received++;
    if (samples < MAX_SAMPLES) ages_us[samples++] = (uint32_t)((now - sent_at) / 1000);
  }
}

static int by_age(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

static double quantile(double q) {
  if (samples == 0) return -1;
  size_t at = (size_t)(q * (double)samples);
  return ages_us[at < samples ? at : samples - 1] / 1000.0;
}

static void report(void) {
  qsort(ages_us, samples, sizeof *ages_us, by_age);
  printf("{\"sent\":%llu,\"received\":%llu,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"longest_gap_ms\":%.1f,\"packets\":%llu}\n",
         (unsigned long long)sent, (unsigned long long)received, quantile(.5), quantile(.99), longest_gap_ns / 1e6,
         (unsigned long long)packets);
  fflush(stdout);
}

/** 0: end of input or quit. */
static int command(char *line) {
  int index, port;
  unsigned int next;
  char address[64];
  if (sscanf(line, "go %d %63s %d", &index, address, &port) == 3 && index >= 0 && index < count) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET, address, &to.sin_addr) != 1) return 1;
    if (connect(flows[index].fd, (struct sockaddr *)&to, sizeof to) != 0) fail("connect");
    flows[index].active = 1;
  } else if (sscanf(line, "epoch %u", &next) == 1) {
    epoch = next;
    sent = received = longest_gap_ns = packets = 0;
    samples = 0;
    sending = 1;
    for (int i = 0; i < count; i++) flows[i].last_received_ns = 0;
  } else if (strncmp(line, "report", 6) == 0) report();
  else if (strncmp(line, "stop", 4) == 0) sending = 0;
  else if (strncmp(line, "quit", 4) == 0) return 0;
  return 1;
}

int main(int argc, char **argv) {
  if (argc < 2 || (count = atoi(argv[1])) < 1 || count > 1000) {
    fprintf(stderr, "usage: rtp-load FLOWS [ADDRESS]\n");
    return 2;
  }
  const char *bind_to = argc > 2 ? argv[2] : "127.0.0.1";
  flows = calloc((size_t)count, sizeof *flows);
  ages_us = malloc(MAX_SAMPLES * sizeof *ages_us);
  int loop = epoll_create1(0), timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  if (flows == NULL || ages_us == NULL || loop < 0 || timer < 0) fail("start");
  srandom((unsigned)now_ns());
  printf("ports");
  for (int i = 0; i < count; i++) {
    struct sockaddr_in own = {.sin_family = AF_INET};
    socklen_t size = sizeof own;
    inet_pton(AF_INET, bind_to, &own.sin_addr);
    flows[i].fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (flows[i].fd < 0 || bind(flows[i].fd, (struct sockaddr *)&own, sizeof own) != 0) fail("bind");
    getsockname(flows[i].fd, (struct sockaddr *)&own, &size);
    flows[i].ssrc = (uint32_t)random();
    flows[i].sequence = (uint16_t)random();
    printf(" %d", ntohs(own.sin_port));
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
    epoll_ctl(loop, EPOLL_CTL_ADD, flows[i].fd, &event);
  }
  printf("\n");
  fflush(stdout);
  // The flows are spread over the 20 ms: a real trunk's calls do not all send in the same instant.
  struct itimerspec every = {.it_interval.tv_nsec = 1000000, .it_value.tv_nsec = 1000000};
  timerfd_settime(timer, 0, &every, NULL);
  struct epoll_event tick = {.events = EPOLLIN, .data.u32 = UINT32_MAX}, input = {.events = EPOLLIN, .data.u32 = UINT32_MAX - 1};
  epoll_ctl(loop, EPOLL_CTL_ADD, timer, &tick);
  epoll_ctl(loop, EPOLL_CTL_ADD, STDIN_FILENO, &input);
  uint64_t slot = 0;
  char line[256];
  size_t used = 0;
  for (;;) {
    struct epoll_event events[256];
    int ready = epoll_wait(loop, events, 256, -1);
    for (int e = 0; e < ready; e++) {
      uint32_t which = events[e].data.u32;
      if (which == UINT32_MAX) {
        uint64_t due = 0;
        if (read(timer, &due, sizeof due) != (ssize_t)sizeof due) continue;
        for (; due > 0; due--, slot++)
          for (int i = (int)(slot % SLOTS); sending && i < count; i += SLOTS)
            if (flows[i].active) send_packet(&flows[i]);
      } else if (which == UINT32_MAX - 1) {
        ssize_t got = read(STDIN_FILENO, line + used, sizeof line - 1 - used);
        if (got <= 0) return 0;
        used += (size_t)got;
        line[used] = 0;
        char *end;
        while ((end = memchr(line, '\n', used)) != NULL) {
          *end = 0;
          if (!command(line)) return 0;
          used -= (size_t)(end + 1 - line);
          memmove(line, end + 1, used);
          line[used] = 0;
        }
        if (used == sizeof line - 1) used = 0;
      } else receive(&flows[which]);
    }
  }
}
