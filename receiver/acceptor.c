/*
 * acceptor: an epoll set with the listener, an eventfd for orders, and the second descriptors.
 *
 * A second descriptor is watched for nothing but the hang-up, which comes when the library has shut
 * the connection down or the peer has gone and the library noticed.
 */
#include "receiver/acceptor.h"

#include "core/clock.h"
#include "core/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h> /* its tcp_info counts received bytes, libc's does not */
#include <netinet/in.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS_AT_ONCE 64
/* After accept failed for want of something that may come back. */
#define PAUSE_MS 100

struct connection {
    int fd;     /* ours */
    int handed; /* the library's; its number may be in use anew before we forget this one */
    struct connection *next;
    struct connection *previous;
    uint64_t received_bytes; /* at the last mark */
};

/* What other threads want of ours; bits. */
enum order { ORDER_QUIESCE = 1, ORDER_CUT_ALL = 2, ORDER_STOP = 4 };

struct ray_acceptor {
    struct ray_acceptor_options options; /* its listener is -1 once quiesced */
    struct ray_thread thread;
    int epoll;
    int wakeup;
    _Atomic int orders;
    sem_t quiet; /* posted when nothing is accepted any more */
    bool quiesced;
    struct connection *connections;
    uint32_t count;
    bool listening; /* the listener is in the set */
    uint64_t next_tick_ns;
};

static bool watch(struct ray_acceptor *acceptor, int fd, uint32_t events, void *tag)
{
    struct epoll_event event = {.events = events, .data.ptr = tag};
    return epoll_ctl(acceptor->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void listen_again(struct ray_acceptor *acceptor)
{
    if (!acceptor->quiesced && !acceptor->listening &&
        acceptor->count < acceptor->options.max_connections) {
        acceptor->listening =
            watch(acceptor, acceptor->options.listener, EPOLLIN, &acceptor->options.listener);
    }
}

static void listen_pause(struct ray_acceptor *acceptor)
{
    if (acceptor->listening) {
        epoll_ctl(acceptor->epoll, EPOLL_CTL_DEL, acceptor->options.listener, NULL);
        acceptor->listening = false;
    }
}

static void forget(struct ray_acceptor *acceptor, struct connection *connection)
{
    if (connection->previous != NULL) {
        connection->previous->next = connection->next;
    } else {
        acceptor->connections = connection->next;
    }
    if (connection->next != NULL) {
        connection->next->previous = connection->previous;
    }
    acceptor->count--;
    /* by hand: the set holds the socket, which lives on while the library has it open */
    epoll_ctl(acceptor->epoll, EPOLL_CTL_DEL, connection->fd, NULL);
    close(connection->fd);
    free(connection);
}

/* A second descriptor of `fd`, watched. False when it cannot be had. */
static bool remember(struct ray_acceptor *acceptor, int fd)
{
    struct connection *connection = calloc(1, sizeof(*connection));
    if (connection == NULL) {
        return false;
    }
    connection->handed = fd;
    connection->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (connection->fd < 0 || !watch(acceptor, connection->fd, 0, connection)) {
        if (connection->fd >= 0) {
            close(connection->fd);
        }
        free(connection);
        return false;
    }
    connection->next = acceptor->connections;
    if (connection->next != NULL) {
        connection->next->previous = connection;
    }
    acceptor->connections = connection;
    acceptor->count++;
    return true;
}

/* Accepts what waits; pauses when there are enough, or when the system has no room. */
static void accept_all(struct ray_acceptor *acceptor)
{
    while (acceptor->count < acceptor->options.max_connections) {
        int fd = accept4(acceptor->options.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            return;
        }
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED || errno == EPROTO)) {
            continue;
        }
        if (fd < 0) {
            break;
        }
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        if (!remember(acceptor, fd)) {
            close(fd);
            break;
        }
        acceptor->options.connected(acceptor->options.context, fd);
    }
    listen_pause(acceptor);
}

static uint64_t received_bytes(const struct connection *connection)
{
    struct tcp_info info;
    socklen_t len = sizeof(info);
    memset(&info, 0, sizeof(info));
    return getsockopt(connection->fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0
               ? info.tcpi_bytes_received
               : 0;
}

void ray_acceptor_mark(struct ray_acceptor *acceptor)
{
    for (struct connection *c = acceptor->connections; c != NULL; c = c->next) {
        c->received_bytes = received_bytes(c);
    }
}

bool ray_acceptor_cut_busiest(struct ray_acceptor *acceptor, uint64_t least_bytes)
{
    struct connection *busiest = NULL;
    uint64_t most = least_bytes;
    for (struct connection *c = acceptor->connections; c != NULL; c = c->next) {
        uint64_t total = received_bytes(c);
        if (total - c->received_bytes > most) {
            most = total - c->received_bytes;
            busiest = c;
        }
    }
    if (busiest != NULL) {
        shutdown(busiest->fd, SHUT_RDWR);
    }
    return busiest != NULL;
}

bool ray_acceptor_cut(struct ray_acceptor *acceptor, int fd)
{
    struct connection *connection = acceptor->connections; /* newest first */
    while (connection != NULL && connection->handed != fd) {
        connection = connection->next;
    }
    return connection != NULL && shutdown(connection->fd, SHUT_RDWR) == 0;
}

static void tick_when_due(struct ray_acceptor *acceptor)
{
    uint64_t now = ray_clock_monotonic_ns(&ray_clock_system);
    if (now < acceptor->next_tick_ns) {
        return;
    }
    acceptor->next_tick_ns = now + acceptor->options.tick_ms * RAY_NS_PER_MS;
    acceptor->options.tick(acceptor->options.context);
}

static int wait_ms(const struct ray_acceptor *acceptor)
{
    bool paused = !acceptor->quiesced && !acceptor->listening &&
                  acceptor->count < acceptor->options.max_connections;
    if (acceptor->count > 0) {
        return (int)acceptor->options.tick_ms;
    }
    return paused ? PAUSE_MS : -1;
}

/* False: to stop. */
static bool follow_orders(struct ray_acceptor *acceptor)
{
    uint64_t count;
    (void)!read(acceptor->wakeup, &count, sizeof(count));
    int orders = atomic_exchange(&acceptor->orders, 0);
    if ((orders & ORDER_QUIESCE) != 0) {
        acceptor->quiesced = true;
        listen_pause(acceptor);
        sem_post(&acceptor->quiet);
    }
    if ((orders & ORDER_CUT_ALL) != 0) {
        for (struct connection *c = acceptor->connections; c != NULL; c = c->next) {
            shutdown(c->fd, SHUT_RDWR);
        }
    }
    return (orders & ORDER_STOP) == 0;
}

static void *run(void *argument)
{
    struct ray_acceptor *acceptor = argument;
    for (;;) {
        struct epoll_event events[EVENTS_AT_ONCE];
        int count = epoll_wait(acceptor->epoll, events, EVENTS_AT_ONCE, wait_ms(acceptor));
        bool incoming = false;
        bool ordered = false;
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == &acceptor->wakeup) {
                ordered = true;
            } else if (events[i].data.ptr == &acceptor->options.listener) {
                incoming = true;
            } else {
                forget(acceptor, events[i].data.ptr);
            }
        }
        if (ordered && !follow_orders(acceptor)) {
            return NULL;
        }
        if (incoming && !acceptor->quiesced) {
            accept_all(acceptor);
        } else {
            listen_again(acceptor);
        }
        if (acceptor->count > 0) {
            tick_when_due(acceptor);
        }
    }
}

static void acceptor_free(struct ray_acceptor *acceptor)
{
    if (acceptor->epoll >= 0) {
        close(acceptor->epoll);
    }
    if (acceptor->wakeup >= 0) {
        close(acceptor->wakeup);
    }
    sem_destroy(&acceptor->quiet);
    free(acceptor);
}

enum ray_status ray_acceptor_start(const struct ray_acceptor_options *options,
                                   struct ray_acceptor **out)
{
    struct ray_acceptor *acceptor = calloc(1, sizeof(*acceptor));
    if (acceptor == NULL) {
        return RAY_NOMEM;
    }
    acceptor->options = *options;
    acceptor->epoll = epoll_create1(EPOLL_CLOEXEC);
    sem_init(&acceptor->quiet, 0, 0);
    acceptor->wakeup = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    listen_again(acceptor);
    if (!acceptor->listening || !watch(acceptor, acceptor->wakeup, EPOLLIN, &acceptor->wakeup) ||
        ray_thread_start(&acceptor->thread, "grpc-accept", run, acceptor) != RAY_OK) {
        acceptor_free(acceptor);
        return RAY_IO;
    }
    *out = acceptor;
    return RAY_OK;
}

static void give_order(struct ray_acceptor *acceptor, enum order order)
{
    uint64_t one = 1;
    atomic_fetch_or(&acceptor->orders, (int)order);
    while (write(acceptor->wakeup, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
}

void ray_acceptor_quiesce(struct ray_acceptor *acceptor)
{
    if (acceptor == NULL || acceptor->options.listener < 0) {
        return;
    }
    give_order(acceptor, ORDER_QUIESCE);
    while (sem_wait(&acceptor->quiet) != 0 && errno == EINTR) {
    }
    close(acceptor->options.listener);
    acceptor->options.listener = -1;
}

void ray_acceptor_cut_all(struct ray_acceptor *acceptor)
{
    if (acceptor != NULL) {
        give_order(acceptor, ORDER_CUT_ALL);
    }
}

void ray_acceptor_stop(struct ray_acceptor *acceptor)
{
    if (acceptor == NULL) {
        return;
    }
    ray_acceptor_quiesce(acceptor);
    give_order(acceptor, ORDER_STOP);
    ray_thread_join(&acceptor->thread);
    for (struct connection *next = NULL, *c = acceptor->connections; c != NULL; c = next) {
        next = c->next;
        close(c->fd);
        free(c);
    }
    acceptor_free(acceptor);
}
