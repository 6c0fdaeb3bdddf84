/* acceptor: does it survive what core's own listener does not, keep its limit, notice the end of a
 * connection and cut the right one? busy_watch: does it tell work from waiting? */
#include "tests/unit/check.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>

#include "core/clock.h"
#include "net/address.h"
#include "receiver/acceptor.h"
#include "receiver/busy_watch.h"
#include "tests/unit/net/raw_client.h"

#define FDS_MAX 64

struct accepted {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int fds[FDS_MAX];
    size_t count;
    size_t ticks;
    int phase; /* 1: mark at the next tick, 2: cut at the one after */
    struct ray_acceptor *acceptor;
    uint16_t port;
};

static void on_connected(void *context, int fd)
{
    struct accepted *a = context;
    pthread_mutex_lock(&a->lock);
    assert_true(a->count < FDS_MAX);
    a->fds[a->count++] = fd;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

static void on_tick(void *context)
{
    struct accepted *a = context;
    pthread_mutex_lock(&a->lock);
    if (a->phase == 1) {
        ray_acceptor_mark(a->acceptor);
        a->phase = 0;
    } else if (a->phase == 2) {
        assert_false(ray_acceptor_cut_busiest(a->acceptor, 1000)); /* nobody sent more */
        assert_true(ray_acceptor_cut_busiest(a->acceptor, 999));
        a->phase = 0;
    }
    a->ticks++;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

static void accepted_open(struct accepted *a, uint32_t max_connections)
{
    *a = (struct accepted){.count = 0};
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, NULL);
    struct ray_address address;
    struct ray_net_error error;
    int listener = -1;
    CHECK_OK(ray_address_resolve(RAY_STR("localhost:0"), &address, &error));
    CHECK_OK(ray_listen_tcp(&address, &listener, &error));
    CHECK_OK(ray_address_of_socket(listener, &address));
    a->port = ray_address_port(&address);
    struct ray_acceptor_options options = {.listener = listener,
                                           .max_connections = max_connections,
                                           .connected = on_connected,
                                           .tick = on_tick,
                                           .tick_ms = 5,
                                           .context = a};
    pthread_mutex_lock(&a->lock); /* a tick must see `acceptor` */
    CHECK_OK(ray_acceptor_start(&options, &a->acceptor));
    pthread_mutex_unlock(&a->lock);
}

static void wait_for_count(struct accepted *a, size_t count)
{
    pthread_mutex_lock(&a->lock);
    while (a->count < count) {
        pthread_cond_wait(&a->changed, &a->lock);
    }
    pthread_mutex_unlock(&a->lock);
}

static void wait_for_ticks(struct accepted *a, size_t more)
{
    pthread_mutex_lock(&a->lock);
    size_t until = a->ticks + more;
    while (a->ticks < until) {
        pthread_cond_wait(&a->changed, &a->lock);
    }
    pthread_mutex_unlock(&a->lock);
}

static size_t accepted_count(struct accepted *a)
{
    pthread_mutex_lock(&a->lock);
    size_t count = a->count;
    pthread_mutex_unlock(&a->lock);
    return count;
}

static void run_phase(struct accepted *a, int phase)
{
    pthread_mutex_lock(&a->lock);
    a->phase = phase;
    while (a->phase != 0) {
        pthread_cond_wait(&a->changed, &a->lock);
    }
    pthread_mutex_unlock(&a->lock);
}

/* As a library ends a connection: shut down first, which the second descriptor sees. */
static void end(int fd)
{
    shutdown(fd, SHUT_RDWR);
    close(fd);
}

static void test_limit_and_end(void **state)
{
    (void)state;
    struct accepted a;
    accepted_open(&a, 3);
    int clients[5];
    for (int i = 0; i < 5; i++) {
        clients[i] = raw_connect(a.port); /* the kernel takes all of them */
        assert_true(clients[i] >= 0);
    }
    wait_for_count(&a, 3);
    wait_for_ticks(&a, 3);
    assert_int_equal(accepted_count(&a), 3);
    end(a.fds[0]); /* room for one */
    wait_for_count(&a, 4);
    end(a.fds[1]);
    wait_for_count(&a, 5);
    ray_acceptor_stop(a.acceptor);
    assert_int_equal(raw_connect(a.port), -1);
    assert_true(raw_send_text(clients[4], "x")); /* goes on without us */
    char byte = 0;
    assert_int_equal(recv(a.fds[4], &byte, 1, MSG_WAITALL | MSG_DONTWAIT) == 1 || errno == EAGAIN,
                     1);
    for (int i = 0; i < 5; i++) {
        close(clients[i]);
    }
    for (int i = 2; i < 5; i++) {
        close(a.fds[i]);
    }
}

static void test_quiesce_and_cut_all(void **state)
{
    (void)state;
    struct accepted a;
    accepted_open(&a, 10);
    int clients[3];
    for (int i = 0; i < 3; i++) {
        clients[i] = raw_connect(a.port);
    }
    wait_for_count(&a, 3);
    ray_acceptor_quiesce(a.acceptor);
    ray_acceptor_quiesce(a.acceptor); /* again: nothing to do */
    assert_int_equal(raw_connect(a.port), -1);
    wait_for_ticks(&a, 2); /* the watch goes on */
    struct pollfd ends[] = {{clients[0], POLLIN, 0}, {clients[1], POLLIN, 0}};
    assert_int_equal(poll(ends, 2, 0), 0);
    ray_acceptor_cut_all(a.acceptor);
    for (int i = 0; i < 3; i++) {
        char byte = 0;
        assert_int_equal(recv(clients[i], &byte, 1, 0), 0);
        close(clients[i]);
        end(a.fds[i]);
    }
    ray_acceptor_stop(a.acceptor);
}

static void test_cuts_the_busiest_since_the_mark(void **state)
{
    (void)state;
    struct accepted a;
    accepted_open(&a, 10);
    int clients[3];
    for (int i = 0; i < 3; i++) {
        clients[i] = raw_connect(a.port);
    }
    wait_for_count(&a, 3);
    char bytes[2000] = {0};
    assert_true(raw_send(clients[0], bytes, sizeof(bytes))); /* before the mark: forgiven */
    run_phase(&a, 1);
    assert_true(raw_send(clients[1], bytes, 1000));
    assert_true(raw_send(clients[2], bytes, 10));
    run_phase(&a, 2);
    char byte = 0;
    assert_int_equal(recv(clients[1], &byte, 1, 0), 0); /* the end */
    struct pollfd others[] = {{clients[0], POLLIN, 0}, {clients[2], POLLIN, 0}};
    assert_int_equal(poll(others, 2, 0), 0);
    for (int i = 0; i < 3; i++) {
        close(clients[i]);
        end(a.fds[i]);
    }
    ray_acceptor_stop(a.acceptor);
}

/* CVE-2023-4785: no descriptor left for a while must not mean no service for ever. */
static void test_out_of_descriptors(void **state)
{
    (void)state;
    struct accepted a;
    accepted_open(&a, 30);
    int first = raw_connect(a.port);
    wait_for_count(&a, 1);
    int second = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    struct rlimit before;
    getrlimit(RLIMIT_NOFILE, &before);
    int lowest_free = fcntl(0, F_DUPFD_CLOEXEC, 0);
    close(lowest_free);
    struct rlimit none = {.rlim_cur = (rlim_t)lowest_free, .rlim_max = before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(a.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(second, (const struct sockaddr *)&to, sizeof(to)), 0);
    wait_for_ticks(&a, 5);
    assert_int_equal(accepted_count(&a), 1);
    setrlimit(RLIMIT_NOFILE, &before);
    wait_for_count(&a, 2);

    close(first);
    close(second);
    end(a.fds[0]);
    end(a.fds[1]);
    ray_acceptor_stop(a.acceptor);
}

struct busy {
    struct ray_busy_watch watch;
    _Atomic int order; /* 0 wait inside, 1 work inside, 2 end */
};

static void *run_busy(void *argument)
{
    struct busy *busy = argument;
    ray_busy_turn(&busy->watch);
    while (atomic_load(&busy->order) == 0) {
        poll(NULL, 0, 1);
    }
    while (atomic_load(&busy->order) == 1) {
    }
    ray_busy_turn(&busy->watch);
    while (atomic_load(&busy->order) == 2) {
        poll(NULL, 0, 1);
    }
    return NULL;
}

static void test_busy_watch(void **state)
{
    (void)state;
    struct busy busy = {.watch = {.turns_seen = 0}};
    pthread_t thread;
    pthread_create(&thread, NULL, run_busy, &busy);
    for (int i = 0; i < 10; i++) {
        poll(NULL, 0, 5);
        assert_true(ray_busy_inside_ns(&busy.watch, thread) < 20 * RAY_NS_PER_MS);
    }
    atomic_store(&busy.order, 1);
    uint64_t inside = 0;
    while (inside < 30 * RAY_NS_PER_MS) { /* ends when it counts */
        poll(NULL, 0, 5);
        inside = ray_busy_inside_ns(&busy.watch, thread);
    }
    atomic_store(&busy.order, 2);
    while (ray_busy_inside_ns(&busy.watch, thread) != 0) { /* ends when it sees the return */
    }
    atomic_store(&busy.order, 3);
    pthread_join(thread, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limit_and_end),
        cmocka_unit_test(test_quiesce_and_cut_all),
        cmocka_unit_test(test_cuts_the_busiest_since_the_mark),
        cmocka_unit_test(test_out_of_descriptors),
        cmocka_unit_test(test_busy_watch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
