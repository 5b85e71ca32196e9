// The floor of the fan-out benchmark: the least that one write per subscriber costs. Takes N WebSocket clients (without
// looking at what they ask), then for each line `emit K TEXT` sends K frames of TEXT, put together once, to every one in a
// loop of send(). A client that does not take all of it at once is waited for.
//   (start) -> {"port":P}
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 20000, LONGEST = 1 << 20 };
static int clients[MOST], count;
static char line[1 << 16], out[LONGEST];

static void take(int listener) {
  int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  if (fd < 0 || count == MOST) return;
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  char request[4096];
  if (read(fd, request, sizeof request) <= 0) {
    close(fd);
    return;
  }
  static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
  send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL);
  clients[count++] = fd;
}

static void send_all(int fd, size_t length) {
  for (size_t at = 0; at < length;) {
    ssize_t sent = send(fd, out + at, length - at, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) at += (size_t)sent;
    else if (sent < 0 && errno == EAGAIN) {
      struct pollfd wait = {.fd = fd, .events = POLLOUT};
      poll(&wait, 1, -1);
    } else return;
  }
}

static void emit(char *command) {
  int frames = (int)strtol(command, &command, 10);
  const char *text = command + 1;
  size_t size = strlen(text), length = 0;
  for (int i = 0; i < frames && length + size + 4 < LONGEST; i++) {
    out[length++] = (char)0x81;
    if (size < 126) out[length++] = (char)size;
    else {
      out[length++] = 126;
      out[length++] = (char)(size >> 8);
      out[length++] = (char)(size & 255);
    }
    memcpy(out + length, text, size);
    length += size;
  }
  for (int i = 0; i < count; i++) send_all(clients[i], length);
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  bind(listener, (struct sockaddr *)&address, size);
  listen(listener, 4096);
  getsockname(listener, (struct sockaddr *)&address, &size);
  printf("{\"port\":%d}\n", ntohs(address.sin_port));
  size_t filled = 0;
  for (;;) {
    struct pollfd wait[2] = {{.fd = listener, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
    poll(wait, 2, -1);
    if (wait[0].revents) take(listener);
    if (!wait[1].revents) continue;
    ssize_t got = read(0, line + filled, sizeof line - 1 - filled);
    if (got <= 0) return 0;
    filled += (size_t)got;
    for (char *end; (end = memchr(line, '\n', filled)) != NULL;) {
      *end = 0;
      if (strncmp(line, "emit ", 5) == 0) emit(line + 5);
      else return 0;
      size_t used = (size_t)(end - line) + 1;
      memmove(line, line + used, filled -= used);
    }
  }
}
