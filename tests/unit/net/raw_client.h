/*
 * raw_client: an HTTP client of a few lines that sends exactly the bytes it is given, for tests of
 * the server. Blocking; gives up after ten seconds.
 */
#ifndef RAY_TESTS_NET_RAW_CLIENT_H
#define RAY_TESTS_NET_RAW_CLIENT_H

#include "tests/unit/check.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static inline int raw_connect(uint16_t port)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval limit = {.tv_sec = 10};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* False when the far end is gone. */
static inline bool raw_send(int fd, const void *bytes, size_t len)
{
    for (size_t sent = 0; sent < len;) {
        ssize_t now = send(fd, (const char *)bytes + sent, len - sent, MSG_NOSIGNAL);
        if (now <= 0) {
            return false;
        }
        sent += (size_t)now;
    }
    return true;
}

static inline bool raw_send_text(int fd, const char *text)
{
    return raw_send(fd, text, strlen(text));
}

struct raw_reply {
    int status; /* 0: closed before a whole reply */
    char head[4096];
    char body[4096]; /* what fits */
    size_t body_bytes;
};

/* Reads one reply with a Content-Length, byte by byte in the head so as not to eat the next. */
static inline struct raw_reply raw_read(int fd)
{
    struct raw_reply reply = {0};
    size_t len = 0;
    while (len < sizeof(reply.head) - 1 && strstr(reply.head, "\r\n\r\n") == NULL) {
        if (recv(fd, reply.head + len, 1, 0) != 1) {
            return reply;
        }
        reply.head[++len] = '\0';
    }
    const char *length = strcasestr(reply.head, "content-length:");
    size_t want = length ? strtoul(length + 15, NULL, 10) : 0;
    while (reply.body_bytes < want) {
        char byte_or_more[4096];
        size_t rest = want - reply.body_bytes;
        ssize_t got =
            recv(fd, byte_or_more, rest < sizeof(byte_or_more) ? rest : sizeof(byte_or_more), 0);
        if (got <= 0) {
            return reply;
        }
        for (ssize_t i = 0; i < got && reply.body_bytes + (size_t)i < sizeof(reply.body) - 1; i++) {
            reply.body[reply.body_bytes + (size_t)i] = byte_or_more[i];
        }
        reply.body_bytes += (size_t)got;
    }
    reply.status = (int)strtol(reply.head + 9, NULL, 10); /* after "HTTP/1.1 " */
    return reply;
}

/* True when the far end closes before the time is up, whatever it sends before. */
static inline bool raw_is_closed(int fd)
{
    char bytes[512];
    ssize_t got = 1;
    while (got > 0) {
        got = recv(fd, bytes, sizeof(bytes), 0);
    }
    return got == 0 || errno == ECONNRESET;
}

static inline struct raw_reply raw_ask(uint16_t port, const char *request)
{
    int fd = raw_connect(port);
    raw_send_text(fd, request);
    struct raw_reply reply = raw_read(fd);
    close(fd);
    return reply;
}

static inline double raw_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

#endif
