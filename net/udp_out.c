/*
 * udp_out: a connected socket, sendmmsg, and the socket's error queue.
 */
#include "net/udp_out.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/errqueue.h>

/* What may wait in the kernel: three of the largest datagrams. It grants twice that, since it
 * counts its own overhead too (socket(7)). */
#define SEND_BUFFER_BYTES (256 * 1024)

struct udp_socket {
    struct ray_udp_out face;
    char *endpoint; /* NUL-terminated */
    int fd;         /* -1: none yet */
    int wake_fd;
};

static struct udp_socket *of(struct ray_udp_out *out)
{
    return (struct udp_socket *)(void *)out;
}

/* -- open -- */

static void fail(struct ray_net_error *error, const char *endpoint, const char *why)
{
    snprintf(error->text, sizeof(error->text), "%.80s: %.100s", endpoint, why);
}

/*
 * IP_RECVERR queues what comes back until it is read. Without it, sendmmsg would meet the news of
 * its first datagram at its second, return "one was sent" and forget the reason; and the kernel
 * would drop datagrams on a full device queue without saying ENOBUFS (ip(7), udp(7)).
 */
static bool hear_errors(int fd, int family)
{
    const int on = 1;
    return family == AF_INET6 ? setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on)) == 0
                              : setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on)) == 0;
}

static int connect_to(const struct addrinfo *to)
{
    const int bytes = SEND_BUFFER_BYTES;
    int fd = socket(to->ai_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    /* a smaller buffer works too */
    (void)!setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
    if (!hear_errors(fd, to->ai_family) || connect(fd, to->ai_addr, to->ai_addrlen) != 0) {
        int code = errno;
        close(fd);
        errno = code;
        return -1;
    }
    return fd;
}

static struct addrinfo *look_up(const struct udp_socket *s, struct ray_net_error *error)
{
    struct ray_str host = {NULL, 0};
    uint16_t port = 0;
    char name[256], service[8];
    if (ray_address_split(ray_str_from(s->endpoint), &host, &port, error) != RAY_OK) {
        return NULL;
    }
    if (host.len == 0 || host.len >= sizeof(name) || port == 0) {
        fail(error, s->endpoint, "needs a host and a port to send to");
        return NULL;
    }
    snprintf(name, sizeof(name), "%.*s", RAY_STR_ARG(host));
    snprintf(service, sizeof(service), "%u", port);
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    /* the daemon listens on 127.0.0.1 by default, whatever else this name means to the resolver */
    bool is_localhost = ray_str_eq_nocase(host, RAY_STR("localhost"));
    int code = getaddrinfo(is_localhost ? "127.0.0.1" : name, service, &hints, &found);
    if (code != 0) {
        fail(error, s->endpoint, code == EAI_SYSTEM ? strerror(errno) : gai_strerror(code));
        return NULL;
    }
    return found;
}

static enum ray_status udp_open(struct ray_udp_out *out, struct ray_net_error *error)
{
    struct udp_socket *s = of(out);
    struct addrinfo *found = look_up(s, error);
    if (found == NULL) {
        return RAY_IO;
    }
    int fd = -1;
    for (const struct addrinfo *to = found; to != NULL && fd < 0; to = to->ai_next) {
        fd = connect_to(to);
    }
    if (fd < 0) {
        fail(error, s->endpoint, strerror(errno));
    }
    freeaddrinfo(found);
    if (fd < 0) {
        return RAY_IO;
    }
    if (s->fd >= 0) {
        close(s->fd);
    }
    s->fd = fd;
    return RAY_OK;
}

/* -- send -- */

static int code_of(struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
        bool v4 = c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR;
        bool v6 = c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR;
        struct sock_extended_err problem;
        if ((v4 || v6) && c->cmsg_len >= CMSG_LEN(sizeof(problem))) {
            memcpy(&problem, CMSG_DATA(c), sizeof(problem));
            return (int)problem.ee_errno;
        }
    }
    return 0;
}

/* Empties the error queue, which also clears the error that the next send would report. What the
 * kernel itself knows (EMSGSIZE of the path) is no datagram that came back. */
static int udp_returned(struct ray_udp_out *out)
{
    struct udp_socket *s = of(out);
    int code = 0;
    for (;;) {
        char control[512];
        struct msghdr message = {.msg_control = control, .msg_controllen = sizeof(control)};
        if (s->fd < 0 || recvmsg(s->fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) {
            return code;
        }
        int one = code_of(&message);
        code = one != 0 && one != EMSGSIZE ? one : code;
    }
}

/* sendmmsg takes what it only reads without const. */
static struct iovec piece(struct ray_str text)
{
    struct iovec out = {.iov_len = text.len};
    memcpy(&out.iov_base, &text.ptr, sizeof(out.iov_base));
    return out;
}

static size_t udp_send(struct ray_udp_out *out, struct ray_str prefix, const struct ray_str *texts,
                       size_t count, int *code)
{
    struct udp_socket *s = of(out);
    struct mmsghdr messages[RAY_UDP_SEND_MAX];
    struct iovec pieces[RAY_UDP_SEND_MAX][2];
    count = count < RAY_UDP_SEND_MAX ? count : RAY_UDP_SEND_MAX;
    for (size_t i = 0; i < count; i++) {
        pieces[i][0] = piece(prefix);
        pieces[i][1] = piece(texts[i]);
        messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = pieces[i], .msg_iovlen = 2}};
    }
    int sent = sendmmsg(s->fd, messages, (unsigned)count, MSG_DONTWAIT | MSG_NOSIGNAL);
    int refused = sent < 0 ? errno : 0;
    int returned = udp_returned(out);
    *code = returned != 0 ? returned : refused;
    return sent < 0 ? 0 : (size_t)sent;
}

/* -- wait -- */

static void udp_wait(struct ray_udp_out *out, bool for_room, uint32_t timeout_ms)
{
    struct udp_socket *s = of(out);
    /* an error is always reported, asked for or not */
    struct pollfd fds[2] = {{.fd = s->wake_fd, .events = POLLIN},
                            {.fd = s->fd, .events = for_room ? POLLOUT : 0}};
    uint64_t count;
    if (poll(fds, 2, timeout_ms < INT32_MAX ? (int)timeout_ms : INT32_MAX) > 0 &&
        (fds[0].revents & POLLIN) != 0) {
        (void)!read(s->wake_fd, &count, sizeof(count)); /* non-blocking; resets it */
    }
}

static void udp_wakeup(struct ray_udp_out *out)
{
    const uint64_t one = 1;
    (void)!write(of(out)->wake_fd, &one, sizeof(one)); /* full: it wakes already */
}

static void udp_free(struct ray_udp_out *out)
{
    struct udp_socket *s = of(out);
    if (s->fd >= 0) {
        close(s->fd);
    }
    close(s->wake_fd);
    free(s->endpoint);
    free(s);
}

static const struct ray_udp_out_ops socket_ops = {
    .open = udp_open,
    .send = udp_send,
    .returned = udp_returned,
    .wait = udp_wait,
    .wakeup = udp_wakeup,
    .free = udp_free,
};

struct ray_udp_out *ray_udp_out_new(struct ray_str endpoint)
{
    struct udp_socket *s = calloc(1, sizeof(*s));
    char *copy = malloc(endpoint.len + 1);
    int wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (s == NULL || copy == NULL || wake_fd < 0) {
        free(s);
        free(copy);
        if (wake_fd >= 0) {
            close(wake_fd);
        }
        return NULL;
    }
    snprintf(copy, endpoint.len + 1, "%.*s", RAY_STR_ARG(endpoint));
    s->face.ops = &socket_ops;
    s->endpoint = copy;
    s->fd = -1;
    s->wake_fd = wake_fd;
    return &s->face;
}
