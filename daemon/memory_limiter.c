/*
 * memory_limiter: see memory_limiter.h. Keys: opentelemetry-collector 0.130, memorylimiter.
 * Control groups: cgroups(7), Documentation/admin-guide/cgroup-v2.rst (memory.max) and
 * cgroup-v1/memory.rst (memory.limit_in_bytes).
 */
#include "daemon/memory_limiter.h"

#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#define NO_COLLECTOR "there is no garbage collector here"

#define RAY_OPT_STRUCT struct ray_memory_limiter_options
const struct ray_option ray_memory_limiter_option_table[] = {
    RAY_OPT_DURATION("check_interval", check_interval_ms, "0s", "0s", "1h",
                     "how often the process is measured; what comes in is counted at once"),
    RAY_OPT_INT("limit_mib", limit_mib, "0", "0", "1048576",
                "MiB that the process may have; 0: limit_percentage"),
    RAY_OPT_INT("spike_limit_mib", spike_limit_mib, "0", "0", "1048576",
                "clients are told to wait this far below the limit; 0: 20 % of it"),
    RAY_OPT_INT("limit_percentage", limit_percentage, "0", "0", "100",
                "the same as a share of the control group's limit, else of the machine's memory"),
    RAY_OPT_INT("spike_limit_percentage", spike_limit_percentage, "0", "0", "100",
                "the same for spike_limit_mib"),
    RAY_OPT_IGNORED("min_gc_interval_when_soft_limited", NO_COLLECTOR),
    RAY_OPT_IGNORED("min_gc_interval_when_hard_limited", NO_COLLECTOR),
    RAY_OPT_END,
};
#undef RAY_OPT_STRUCT

/* What is wrong, after "processors.memory_limiter."; NULL: nothing. */
static const char *mistake(const struct ray_memory_limiter_options *options)
{
    if (options->check_interval_ms == 0) {
        return "check_interval: must be set, and above 0";
    }
    if (options->limit_mib == 0 && options->limit_percentage == 0) {
        return "limit_mib: this or limit_percentage must be set";
    }
    if (options->limit_mib > 0 && options->spike_limit_mib >= options->limit_mib) {
        return "spike_limit_mib: must be below limit_mib";
    }
    if (options->limit_mib == 0 && options->spike_limit_percentage >= options->limit_percentage) {
        return "spike_limit_percentage: must be below limit_percentage";
    }
    return NULL;
}

enum ray_status ray_memory_limiter_check(const void *options, const struct ray_yaml *node,
                                         const char *path, struct ray_problems *problems)
{
    static const struct ray_place nowhere = {.file = ""};
    const char *wrong = mistake(options);
    if (wrong == NULL) {
        return RAY_OK;
    }
    ray_problem(problems, node ? &node->place : &nowhere, "%s.%s", path, wrong);
    return RAY_INVALID;
}

static size_t share(uint64_t total_bytes, int64_t percentage)
{
    return (size_t)(total_bytes / 100 * (uint64_t)percentage);
}

struct ray_memory_limits ray_memory_limits_of(const struct ray_memory_limiter_options *options,
                                              uint64_t total_bytes)
{
    bool is_share = options->limit_mib == 0;
    size_t hard =
        is_share ? share(total_bytes, options->limit_percentage) : (size_t)options->limit_mib << 20;
    size_t spike = is_share ? share(total_bytes, options->spike_limit_percentage)
                            : (size_t)options->spike_limit_mib << 20;
    return (struct ray_memory_limits){
        .hard_bytes = hard,
        .soft_bytes = hard - (spike > 0 ? spike : hard / 5),
        .interval_ms = options->check_interval_ms,
    };
}

/* ---- how much there is ----------------------------------------------------------------------- */

/* The number that a file begins with; `otherwise` when there is none ("max", no such file). */
static uint64_t number_in(const char *path, uint64_t otherwise)
{
    char text[64];
    uint64_t number = otherwise;
    FILE *file = fopen(path, "re");
    if (file != NULL) {
        if (fgets(text, sizeof(text), file) != NULL &&
            ray_str_to_u64(ray_str_trim(ray_str_from(text)), &number) != RAY_OK) {
            number = otherwise;
        }
        fclose(file);
    }
    return number;
}

/* The least limit of a group and those around it. `group` begins with '/', or is empty. */
static uint64_t limit_of_group(const char *root, const char *hierarchy, struct ray_str group,
                               const char *file, uint64_t least)
{
    for (;;) {
        char path[4096];
        snprintf(path, sizeof(path), "%s%s%.*s/%s", root, hierarchy, RAY_STR_ARG(group), file);
        uint64_t limit = number_in(path, least);
        least = limit < least ? limit : least;
        if (group.len == 0) {
            return least;
        }
        do {
            group.len--;
        } while (group.len > 0 && group.ptr[group.len] != '/');
    }
}

/* A line of /proc/self/cgroup: "0::/a/b" (v2) or "5:cpu,memory:/a/b" (v1). In a container the
 * path may be that of the host, which is not there: then the top, which is the container's own. */
static uint64_t limit_of_line(const char *root, struct ray_str line, uint64_t least)
{
    struct ray_str number, controllers;
    if (!ray_str_split(&line, ':', &number) || !ray_str_split(&line, ':', &controllers)) {
        return least;
    }
    struct ray_str group = ray_str_eq(line, RAY_STR("/")) ? RAY_STR("") : line;
    if (controllers.len == 0) {
        return limit_of_group(root, "/sys/fs/cgroup", group, "memory.max", least);
    }
    struct ray_str one;
    while (controllers.len > 0 && ray_str_split(&controllers, ',', &one)) {
        if (ray_str_eq(one, RAY_STR("memory"))) {
            return limit_of_group(root, "/sys/fs/cgroup/memory", group, "memory.limit_in_bytes",
                                  least);
        }
    }
    return least;
}

uint64_t ray_memory_total_bytes(const char *root)
{
    char path[512], line[4096];
    uint64_t least = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    snprintf(path, sizeof(path), "%s/proc/self/cgroup", root);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return least;
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        least = limit_of_line(root, ray_str_trim(ray_str_from(line)), least);
    }
    fclose(file);
    return least;
}

/* ---- how much is used ------------------------------------------------------------------------ */

/* proc(5), statm: the second number, in pages. */
static size_t resident_bytes(void)
{
    unsigned long size = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file != NULL) {
        if (fscanf(file, "%lu %lu", &size, &resident) != 2) { /* NOLINT(cert-err34-c): kernel's */
            resident = 0;
        }
        fclose(file);
    }
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

size_t ray_memory_resident_bytes(size_t soft_bytes, struct ray_log *log,
                                 struct ray_log_limiter *limiter, const struct ray_clock *clock)
{
    uint64_t repeated = 0;
    size_t resident = resident_bytes();
    if (resident <= soft_bytes) {
        return resident;
    }
    malloc_trim(0);
    resident = resident_bytes();
    if (resident > soft_bytes && ray_log_allow(limiter, clock, &repeated)) {
        ray_log_warn(log, "memory limit reached: clients are told to send later",
                     "resident_mib=%zu soft_limit_mib=%zu repeated=%llu", resident >> 20,
                     soft_bytes >> 20, (unsigned long long)repeated);
    }
    return resident;
}
