/* http_watch: see http_watch.h. */
#include "net/http_watch.h"

#include <linux/tcp.h> /* tcp_info with byte counts, which glibc 2.36 leaves out of its own */
#include <malloc.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define TICK_MIN_MS 20u
#define TICK_MAX_MS 1000u
/* Small pools of closed connections stay in the heap (27 MB after 1,000) until it is trimmed. */
#define TRIM_AFTER_CONNECTIONS 64u

/* What the deadline counts in this phase. The server sees nothing of a head or a reply under way;
 * the kernel does. */
static uint64_t count_bytes(const struct ray_http_connection *connection)
{
    if (connection->deadline.phase == RAY_HTTP_BODY) {
        return atomic_load_explicit(&connection->body_bytes, memory_order_relaxed);
    }
    struct tcp_info info = {0};
    socklen_t len = sizeof(info);
    if (getsockopt(connection->fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0) {
        return 0;
    }
    return connection->deadline.phase == RAY_HTTP_SENDING ? info.tcpi_bytes_acked
                                                          : info.tcpi_bytes_received;
}

/* The far end closed and everything it sent was read, while more was due. Believed only when seen
 * at two looks: at the first the server may be about to use what it just read. */
static bool has_left(struct ray_http_connection *connection)
{
    char byte;
    if (connection->deadline.phase == RAY_HTTP_SENDING ||
        recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 0) {
        return false;
    }
    bool was_seen = connection->end_is_seen;
    connection->end_is_seen = true;
    return was_seen;
}

static void shut_late_ones(struct ray_http_watch *watch)
{
    uint64_t now = ray_clock_monotonic_ns(watch->clock);
    for (struct ray_http_connection *each = watch->connections; each != NULL; each = each->next) {
        if (each->deadline.phase == RAY_HTTP_WORKING) {
            continue;
        }
        if (ray_http_deadline_passed(&each->deadline, &watch->limits, now, count_bytes(each)) ||
            has_left(each)) {
            shutdown(each->fd, SHUT_RDWR);
        }
    }
}

static void wait_a_tick(struct ray_http_watch *watch)
{
    uint32_t tick_ms = watch->linger.count > 0 ? TICK_MIN_MS : watch->tick_ms;
    struct timespec until = ray_condition_deadline(tick_ms);
    (void)ray_condition_wait_until(&watch->changed, &watch->lock, &until);
}

static void *run(void *argument)
{
    struct ray_http_watch *watch = argument;
    pthread_mutex_lock(&watch->lock);
    while (!watch->ends) {
        bool idle = watch->count == 0 && watch->linger.count == 0;
        if (idle && watch->peak >= TRIM_AFTER_CONNECTIONS) {
            watch->peak = 0;
            pthread_mutex_unlock(&watch->lock);
            malloc_trim(0);
            pthread_mutex_lock(&watch->lock);
        } else if (idle) {
            pthread_cond_wait(&watch->changed, &watch->lock);
        } else {
            wait_a_tick(watch);
            shut_late_ones(watch);
            ray_http_linger_look(&watch->linger, ray_clock_monotonic_ns(watch->clock));
        }
    }
    ray_http_linger_clear(&watch->linger);
    pthread_mutex_unlock(&watch->lock);
    return NULL;
}

static uint32_t tick_of(const struct ray_http_limits *limits)
{
    uint64_t least = limits->head_ns < limits->body_ns ? limits->head_ns : limits->body_ns;
    least = least < limits->idle_ns ? least : limits->idle_ns;
    uint64_t tick_ms = least / RAY_NS_PER_MS / 4;
    if (tick_ms < TICK_MIN_MS) {
        return TICK_MIN_MS;
    }
    return tick_ms > TICK_MAX_MS ? TICK_MAX_MS : (uint32_t)tick_ms;
}

static void clear(struct ray_http_watch *watch)
{
    pthread_cond_destroy(&watch->changed);
    pthread_mutex_destroy(&watch->lock);
}

enum ray_status ray_http_watch_start(struct ray_http_watch *watch,
                                     const struct ray_http_limits *limits,
                                     const struct ray_clock *clock)
{
    *watch = (struct ray_http_watch){.limits = *limits, .clock = clock, .tick_ms = tick_of(limits)};
    pthread_mutex_init(&watch->lock, NULL);
    ray_condition_init(&watch->changed);
    enum ray_status status = ray_thread_start(&watch->thread, "http-watch", run, watch);
    if (status != RAY_OK) {
        clear(watch);
    }
    return status;
}

void ray_http_watch_stop(struct ray_http_watch *watch)
{
    pthread_mutex_lock(&watch->lock);
    watch->ends = true;
    pthread_cond_broadcast(&watch->changed);
    pthread_mutex_unlock(&watch->lock);
    ray_thread_join(&watch->thread);
    clear(watch);
}

void ray_http_watch_add(struct ray_http_watch *watch, struct ray_http_connection *connection)
{
    uint64_t now = ray_clock_monotonic_ns(watch->clock);
    pthread_mutex_lock(&watch->lock);
    ray_http_deadline_enter(&connection->deadline, &watch->limits, RAY_HTTP_WAITING, now, 0);
    connection->previous = NULL;
    connection->next = watch->connections;
    if (watch->connections != NULL) {
        watch->connections->previous = connection;
    }
    watch->connections = connection;
    if (watch->count++ == 0) {
        pthread_cond_broadcast(&watch->changed);
    }
    watch->peak = watch->count > watch->peak ? watch->count : watch->peak;
    pthread_mutex_unlock(&watch->lock);
}

void ray_http_watch_remove(struct ray_http_watch *watch, struct ray_http_connection *connection)
{
    uint64_t now = ray_clock_monotonic_ns(watch->clock);
    pthread_mutex_lock(&watch->lock);
    if (connection->lingers) {
        ray_http_linger_add(&watch->linger, connection->fd, now);
        pthread_cond_broadcast(&watch->changed);
    }
    if (connection->previous != NULL) {
        connection->previous->next = connection->next;
    } else {
        watch->connections = connection->next;
    }
    if (connection->next != NULL) {
        connection->next->previous = connection->previous;
    }
    watch->count--;
    pthread_mutex_unlock(&watch->lock);
}

void ray_http_watch_enter(struct ray_http_watch *watch, struct ray_http_connection *connection,
                          enum ray_http_phase phase, uint64_t bytes)
{
    uint64_t now = ray_clock_monotonic_ns(watch->clock);
    pthread_mutex_lock(&watch->lock);
    ray_http_deadline_enter(&connection->deadline, &watch->limits, phase, now, bytes);
    connection->end_is_seen = false;
    pthread_mutex_unlock(&watch->lock);
}

void ray_http_watch_enter_head(struct ray_http_watch *watch, struct ray_http_connection *connection)
{
    uint64_t now = ray_clock_monotonic_ns(watch->clock);
    pthread_mutex_lock(&watch->lock);
    if (connection->deadline.phase == RAY_HTTP_WAITING) {
        ray_http_deadline_enter(&connection->deadline, &watch->limits, RAY_HTTP_HEAD, now, 0);
        connection->end_is_seen = false;
    }
    pthread_mutex_unlock(&watch->lock);
}

void ray_http_watch_cut_all(struct ray_http_watch *watch)
{
    pthread_mutex_lock(&watch->lock);
    for (struct ray_http_connection *each = watch->connections; each != NULL; each = each->next) {
        shutdown(each->fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&watch->lock);
}
