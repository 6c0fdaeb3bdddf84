/* http_linger: see http_linger.h. */
#include "net/http_linger.h"

#include "core/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINGER_NS     (5 * RAY_NS_PER_S)
#define DISCARD_BYTES ((size_t)64 * 1024 * 1024)

void ray_http_linger_add(struct ray_http_linger *linger, int fd, uint64_t now_ns)
{
    if (linger->count == RAY_HTTP_LINGER_MAX) {
        return;
    }
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) {
        return;
    }
    linger->sockets[linger->count].fd = copy;
    linger->sockets[linger->count].until_ns = now_ns + LINGER_NS;
    linger->count++;
}

/* True while more may come. MSG_TRUNC throws a TCP socket's bytes away in the kernel (tcp(7)). */
static bool discard(int fd)
{
    ssize_t got = recv(fd, NULL, DISCARD_BYTES, MSG_DONTWAIT | MSG_TRUNC);
    return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

void ray_http_linger_look(struct ray_http_linger *linger, uint64_t now_ns)
{
    for (size_t i = 0; i < linger->count;) {
        if (now_ns < linger->sockets[i].until_ns && discard(linger->sockets[i].fd)) {
            i++;
            continue;
        }
        close(linger->sockets[i].fd);
        linger->sockets[i] = linger->sockets[--linger->count];
    }
}

void ray_http_linger_clear(struct ray_http_linger *linger)
{
    while (linger->count > 0) {
        close(linger->sockets[--linger->count].fd);
    }
}
