/* Are the collector's keys read as the collector reads them, and what are percentages of? */
#include "daemon/memory_limiter.h"

#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define GIB ((uint64_t)1 << 30)

static void keys_become_limits(void **state)
{
    (void)state;
    static const struct {
        const char *yaml;
        size_t soft_mib, hard_mib; /* of 4 GiB */
        const char *said;
    } cases[] = {
        {"{check_interval: 1s, limit_mib: 100}", 80, 100, ""},
        {"{check_interval: 1s, limit_mib: 100, spike_limit_mib: 30}", 70, 100, ""},
        {"{check_interval: 5s, limit_percentage: 50, spike_limit_percentage: 25}", 1024, 2048, ""},
        {"{check_interval: 5s, limit_percentage: 50}", 1638, 2048, ""},
        {"{check_interval: 1s, limit_mib: 100, limit_percentage: 1}", 80, 100, ""},
        {"{check_interval: 1s, limit_mib: 100, min_gc_interval_when_soft_limited: 10s}", 80, 100,
         ""},
        {"{limit_mib: 100}", 0, 0, "m.yaml:1:1: m.check_interval: must be set, and above 0\n"},
        {"{check_interval: 1s}", 0, 0,
         "m.yaml:1:1: m.limit_mib: this or limit_percentage must be set\n"},
        {"{check_interval: 1s, limit_mib: 100, spike_limit_mib: 100}", 0, 0,
         "m.yaml:1:1: m.spike_limit_mib: must be below limit_mib\n"},
        {"{check_interval: 1s, limit_percentage: 10, spike_limit_percentage: 10}", 0, 0,
         "m.yaml:1:1: m.spike_limit_percentage: must be below limit_percentage\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ray_arena *arena = ray_arena_new(1u << 20);
        struct ray_problems problems;
        struct ray_yaml *node = NULL;
        struct ray_memory_limiter_options options;
        ray_problems_init(&problems);
        CHECK_OK(ray_yaml_parse(ray_str_from(cases[i].yaml), "m.yaml", arena, &problems, &node));
        CHECK_OK(ray_options_read(ray_memory_limiter_option_table, node, "m", arena, &problems,
                                  &options));
        enum ray_status status = ray_memory_limiter_check(&options, node, "m", &problems);
        CHECK_BUF(&problems.text, cases[i].said);
        assert_int_equal(status, cases[i].said[0] == '\0' ? RAY_OK : RAY_INVALID);
        if (status == RAY_OK) {
            struct ray_memory_limits limits = ray_memory_limits_of(&options, 4 * GIB);
            assert_int_equal((limits.soft_bytes + (1 << 19)) >> 20, cases[i].soft_mib);
            assert_int_equal((limits.hard_bytes + (1 << 19)) >> 20, cases[i].hard_mib);
            assert_int_equal(limits.interval_ms, options.check_interval_ms);
        }
        ray_problems_clear(&problems);
        ray_arena_free(arena);
    }
}

/* Writes a file below `root`, and the folders around it. */
static void put(const char *root, const char *path, const char *text)
{
    char full[512];
    snprintf(full, sizeof(full), "%s%s", root, path);
    for (char *slash = full + strlen(root) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        mkdir(full, 0700);
        *slash = '/';
    }
    FILE *file = fopen(full, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

struct group_file {
    const char *path, *text;
};

static void percentages_are_of_the_control_group(void **state)
{
    (void)state;
    static const struct {
        struct group_file files[4];
        uint64_t want; /* 0: the machine's */
    } cases[] = {
        {{{NULL, NULL}}, 0},
        {{{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/memory.max", "1048576\n"}}, 1048576},
        {{{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/memory.max", "max\n"}}, 0},
        /* the least of a group and those around it */
        {{{"/proc/self/cgroup", "0::/a/b\n"},
          {"/sys/fs/cgroup/a/b/memory.max", "max\n"},
          {"/sys/fs/cgroup/a/memory.max", "2097152\n"},
          {"/sys/fs/cgroup/memory.max", "4194304\n"}},
         2097152},
        /* version 1; in a container the path may be the host's */
        {{{"/proc/self/cgroup", "12:cpu,cpuacct:/x\n5:memory:/docker/1f\n0::/\n"},
          {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "3145728\n"}},
         3145728},
        {{{"/proc/self/cgroup", "5:memory:/\n"},
          {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"}},
         0},
    };
    uint64_t machine = ray_memory_total_bytes("/nowhere");
    assert_true(machine > 16 << 20);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char root[] = "/tmp/spanbridge-cgroup-XXXXXX", command[128];
        assert_non_null(mkdtemp(root));
        for (size_t k = 0; k < 4 && cases[i].files[k].path != NULL; k++) {
            put(root, cases[i].files[k].path, cases[i].files[k].text);
        }
        print_message("case %zu\n", i);
        assert_int_equal(ray_memory_total_bytes(root), cases[i].want ? cases[i].want : machine);
        snprintf(command, sizeof(command), "rm -r %s", root);
        assert_int_equal(system(command), 0);
    }
}

static void the_process_has_a_size(void **state)
{
    (void)state;
    struct ray_log_limiter limiter = {0};
    size_t bytes = ray_memory_resident_bytes(SIZE_MAX, NULL, &limiter, &ray_clock_system);
    assert_in_range(bytes, 256 << 10, (size_t)4 << 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_become_limits),
        cmocka_unit_test(percentages_are_of_the_control_group),
        cmocka_unit_test(the_process_has_a_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
