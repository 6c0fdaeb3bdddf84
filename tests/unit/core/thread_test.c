/* Does a thread run with its name and every signal blocked, and is joining harmless twice? */
#include "tests/unit/check.h"

#include <signal.h>

#include "core/thread.h"

struct seen {
    char name[16];
    int term_blocked;
};

static void *look(void *argument)
{
    struct seen *seen = argument;
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    seen->term_blocked = sigismember(&blocked, SIGTERM);
    return NULL;
}

static void *wait_for_name(void *argument)
{
    struct seen *seen = argument;
    do { /* it is given from outside, a moment after the start */
        pthread_getname_np(pthread_self(), seen->name, sizeof(seen->name));
    } while (strncmp(seen->name, "a-very", 6) != 0);
    return NULL;
}

static void signals_are_blocked_inside_only(void **state)
{
    (void)state;
    struct ray_thread thread = {0};
    struct seen seen = {0};
    CHECK_OK(ray_thread_start(&thread, "look", look, &seen));
    ray_thread_join(&thread);
    ray_thread_join(&thread);
    assert_int_equal(seen.term_blocked, 1);
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    assert_int_equal(sigismember(&blocked, SIGTERM), 0);
}

static void long_names_are_cut(void **state)
{
    (void)state;
    struct ray_thread thread = {0};
    struct seen seen = {0};
    CHECK_OK(ray_thread_start(&thread, "a-very-long-thread-name", wait_for_name, &seen));
    ray_thread_join(&thread);
    assert_string_equal(seen.name, "a-very-long-thr");
}

static void joining_what_never_started_does_nothing(void **state)
{
    (void)state;
    struct ray_thread thread = {0};
    ray_thread_join(&thread);
}

static void a_wait_ends_by_its_deadline(void **state)
{
    (void)state;
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t condition;
    struct timespec before, after;
    ray_condition_init(&condition);
    pthread_mutex_lock(&lock);
    clock_gettime(CLOCK_MONOTONIC, &before);
    struct timespec until = ray_condition_deadline(20);
    while (ray_condition_wait_until(&condition, &lock, &until)) {
    }
    clock_gettime(CLOCK_MONOTONIC, &after);
    pthread_mutex_unlock(&lock);
    pthread_cond_destroy(&condition);
    int64_t waited_ns =
        (after.tv_sec - before.tv_sec) * 1000000000LL + (after.tv_nsec - before.tv_nsec);
    assert_true(waited_ns >= 20000000);
    struct timespec far = ray_condition_deadline(UINT32_MAX);
    assert_true(far.tv_sec > before.tv_sec + 4000000 && far.tv_nsec < 1000000000L);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wait_ends_by_its_deadline),
        cmocka_unit_test(signals_are_blocked_inside_only),
        cmocka_unit_test(long_names_are_cut),
        cmocka_unit_test(joining_what_never_started_does_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
