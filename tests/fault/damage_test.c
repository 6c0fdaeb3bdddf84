/* damage: a log of three records is cut, zeroed and flipped at every place. It starts each time,
 * every record that is whole comes once, none comes wrong, and the next push works. */
#include <inttypes.h>
#include <string.h>

#include "core/bytes.h"
#include "core/crc32c.h"
#include "queue/segment.h"
#include "tests/fault/world.h"

#define RECORDS 3
#define EACH    2 /* documents of a record */

/* The log as it was before the damage. */
struct whole {
    struct world world; /* no process */
    char path[256];
    char *bytes;
    size_t size;
    uint64_t head_bytes;
    struct {
        uint64_t from, to;
    } records[RECORDS];
    bool sealed;
    size_t foreign;     /* files that end like a segment and are none */
    size_t interesting; /* bytes of the file in front */
};

enum state { SEALED, UNSEALED, RECYCLED };

static struct world_options options_of(void)
{
    return (struct world_options){
        .fsync = RAY_FSYNC_NEVER, .segment_bytes = 4 << 10, .max_bytes = 1 << 20, .cursors = 1};
}

static void find_records(struct whole *whole)
{
    struct ray_disk *disk = sim_disk_of(whole->world.sim);
    struct ray_segment_head head;
    struct ray_segment_walk walk;
    struct ray_record record;
    int file = disk->ops->open(disk, whole->path, 0);
    assert_int_equal(ray_segment_head_read(disk, file, &head), RAY_SEGMENT_GOOD);
    whole->head_bytes = head.bytes;
    ray_segment_walk_init(&walk, disk, file, head.salt, head.bytes, whole->size, head.first);
    for (size_t i = 0; i < RECORDS; i++) {
        CHECK_OK(ray_segment_walk_next(&walk, &record));
        whole->records[i].from = record.offset;
        whole->records[i].to = walk.offset;
    }
    assert_int_equal(ray_segment_walk_next(&walk, &record), RAY_CLOSED);
    whole->interesting = (size_t)walk.offset + 64;
    whole->interesting = whole->interesting < whole->size ? whole->interesting : whole->size;
    ray_segment_walk_clear(&walk);
    free(head.owed);
    disk->ops->close(disk, file);
}

/* Pushes until a file is written to that is full of records of earlier lives; 1: its first record.
 */
static size_t begin_recycled(struct world *world)
{
    char before[256] = "", now[256];
    for (unsigned changes = 0;;) {
        CHECK_OK(world_push(world, EACH, 16));
        sim_disk_count(world->sim, ".seg", now);
        if (strcmp(now, before) != 0 && ++changes == 10) {
            return 1;
        }
        memcpy(before, now, sizeof(now));
        world_drain(world);
    }
}

static void make_whole(struct whole *whole, enum state state)
{
    struct world_options options = options_of();
    *whole = (struct whole){.foreign = 0};
    world_init(&whole->world, &options, NULL);
    world_must_start(&whole->world);
    size_t pushed = state == RECYCLED ? begin_recycled(&whole->world) : 0;
    for (; pushed < RECORDS; pushed++) {
        CHECK_OK(world_push(&whole->world, EACH, 16));
    }
    if (state == SEALED) {
        world_stop(&whole->world);
    } else {
        world_kill(&whole->world);
    }
    assert_int_equal(sim_disk_count(whole->world.sim, ".seg", whole->path), 1);
    whole->bytes = sim_disk_get_file(whole->world.sim, whole->path, &whole->size);
    whole->sealed = state == SEALED;
    find_records(whole);
}

static void clear_whole(struct whole *whole)
{
    free(whole->bytes);
    world_clear(&whole->world);
}

/* The file holds `bytes` now, which differ in [from, to). */
static void check(const struct whole *whole, const char *bytes, size_t size, size_t from, size_t to)
{
    struct world world;
    world_init_from(&world, &whole->world, sim_disk_copy(whole->world.sim), UINT64_MAX);
    world.options.may_lose = true;
    sim_disk_put_file(world.sim, whole->path, bytes, size);
    uint32_t first = world.document_count - RECORDS * EACH;
    world_must_start(&world);
    world_drain(&world);
    bool lost = false;
    for (uint32_t i = 0; i < RECORDS * EACH; i++) {
        bool hit = from < whole->records[i / EACH].to && to > whole->records[i / EACH].from;
        bool came = world.documents[first + i].seen[0].times > 0;
        lost = lost || !came;
        if (!came && !hit) {
            fail_msg("bytes %zu to %zu of %zu are bad, and document %u of record %u (%" PRIu64
                     " to %" PRIu64 ") did not come",
                     from, to, size, i, i / EACH, whole->records[i / EACH].from,
                     whole->records[i / EACH].to);
        }
    }
    struct ray_wal_stats stats;
    ray_queue_log_stats(world.queue, &stats);
    /* A magic that is gone at the end of what is not sealed looks like no record. */
    size_t last = (size_t)whole->records[RECORDS - 1].from;
    bool may_hide = !whole->sealed && from < last + 4 && to > last;
    if (lost && !may_hide && size == whole->size && stats.damaged_records == 0) {
        fail_msg("bytes %zu to %zu are bad: something is lost and nothing was counted", from, to);
    }
    CHECK_OK(world_push(&world, 1, 16));
    world_drain(&world);
    world_stop(&world);
    assert_int_equal(sim_disk_count(world.sim, ".seg", NULL), whole->foreign);
    if (lost && !may_hide && size == whole->size) {
        assert_int_equal(sim_disk_count(world.sim, ".seg.corrupt", NULL), 1);
    }
    world_clear(&world);
}

static void sweep(enum state state)
{
    bool deep = getenv("FAULT_DEEP") != NULL;
    struct whole whole;
    make_whole(&whole, state);
    char *bytes = malloc(whole.size);
    assert_non_null(bytes);
    memcpy(bytes, whole.bytes, whole.size);
    size_t cases = 0;
    for (size_t at = 0; at < whole.interesting; at++, cases += 3) {
        check(&whole, bytes, at, at, SIZE_MAX); /* cut */
        size_t end = at + 64 < whole.size ? at + 64 : whole.size;
        bytes[at] = 0;
        check(&whole, bytes, whole.size, at, at + 1);
        memset(bytes + at, 0, end - at);
        check(&whole, bytes, whole.size, at, end);
        memcpy(bytes + at, whole.bytes + at, end - at);
    }
    for (size_t bit = 0; bit < whole.interesting * 8; bit += deep ? 1 : 5, cases++) {
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
        check(&whole, bytes, whole.size, bit / 8, bit / 8 + 1);
        bytes[bit / 8] = whole.bytes[bit / 8];
    }
    print_message("%zu cases\n", cases);
    free(bytes);
    clear_whole(&whole);
}

static void test_sealed(void **state)
{
    (void)state;
    sweep(SEALED);
}

static void test_unsealed(void **state)
{
    (void)state;
    sweep(UNSEALED);
}

static void test_recycled(void **state)
{
    (void)state;
    sweep(RECYCLED);
}

/* ---- files that are not ours ----------------------------------------------------------------- */

static void test_foreign_files(void **state)
{
    (void)state;
    struct whole whole;
    make_whole(&whole, UNSEALED);
    static const char *const names[] = {
        "notes.txt",
        "q-1-2.seg",
        "q-0000000000000001-00000000000000zz.seg",
        "a-.ack",
        "a-x.ack",
        "q-ffffffffffffffff-0000000100000001.seg",
        "q-0000000000000000-0000000100000001.seg",
    };
    char junk[3000];
    uint64_t random = 5;
    for (size_t i = 0; i < sizeof(junk); i++) {
        junk[i] = (char)world_random(&random);
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[256];
        snprintf(path, sizeof(path), WORLD_FOLDER "/%s", names[i]);
        sim_disk_put_file(whole.world.sim, path, junk, sizeof(junk) - i * 37);
    }
    whole.foreign = 2;
    check(&whole, whole.bytes, whole.size, 0, 0);
    clear_whole(&whole);
}

static void test_a_copy_of_a_segment(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct whole whole;
        make_whole(&whole, i == 0 ? SEALED : UNSEALED);
        uint64_t first, salt;
        char name[48], path[256];
        assert_true(ray_segment_name_read(strrchr(whole.path, '/') + 1, &first, &salt));
        ray_segment_name_write(first + 1, salt, name);
        snprintf(path, sizeof(path), WORLD_FOLDER "/%s", name);
        struct world world;
        world_init_from(&world, &whole.world, sim_disk_copy(whole.world.sim), UINT64_MAX);
        sim_disk_put_file(world.sim, path, whole.bytes, whole.size);
        world_must_start(&world);
        world_drain(&world); /* fails when a document comes twice */
        for (uint32_t d = 0; d < world.document_count; d++) {
            assert_int_equal(world.documents[d].seen[0].times, 1);
        }
        CHECK_OK(world_push(&world, 1, 16));
        world_drain(&world);
        world_stop(&world);
        world_clear(&world);
        clear_whole(&whole);
    }
}

static void test_a_later_version_is_refused(void **state)
{
    (void)state;
    struct whole whole;
    char error[256] = "";
    make_whole(&whole, SEALED);
    ray_put_u32(whole.bytes + 8, RAY_SEGMENT_VERSION + 1);
    ray_put_u32(whole.bytes + 44, 0);
    uint32_t crc = ray_crc32c(0, (struct ray_str){whole.bytes, (size_t)whole.head_bytes});
    ray_put_u32(whole.bytes + 44, crc);
    sim_disk_put_file(whole.world.sim, whole.path, whole.bytes, whole.size);
    assert_int_equal(world_start(&whole.world, error), RAY_INVALID);
    assert_non_null(strstr(error, "later version"));
    assert_int_equal(sim_disk_count(whole.world.sim, ".seg", NULL), 1);
    clear_whole(&whole);
}

/* Journals: whatever they hold, nothing that was not acknowledged is taken for delivered. */
static void test_a_damaged_journal_only_repeats(void **state)
{
    (void)state;
    struct whole whole;
    size_t size;
    make_whole(&whole, UNSEALED);
    char path[256];
    assert_int_equal(sim_disk_count(whole.world.sim, ".ack", path), 1);
    char *journal = sim_disk_get_file(whole.world.sim, path, &size);
    uint64_t random = 9;
    for (unsigned i = 0; i < 300; i++) {
        struct world world;
        world_init_from(&world, &whole.world, sim_disk_copy(whole.world.sim), UINT64_MAX);
        world.options.may_repeat = true;
        char *bytes = malloc(size);
        assert_non_null(bytes);
        memcpy(bytes, journal, size);
        for (unsigned k = 0; k <= i % 4; k++) {
            uint64_t r = world_random(&random);
            size_t half = r % 2 == 0 ? 0 : size / 2;
            bytes[half + (r >> 8) % (i % 2 == 0 ? 64 : size / 2)] = (char)(r >> 40);
        }
        sim_disk_put_file(world.sim, path, bytes, i % 10 == 9 ? size / (1 + i % 7) : size);
        free(bytes);
        world_settle(&world, UINT64_MAX);
        world_clear(&world);
    }
    free(journal);
    clear_whole(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sealed),
        cmocka_unit_test(test_unsealed),
        cmocka_unit_test(test_recycled),
        cmocka_unit_test(test_foreign_files),
        cmocka_unit_test(test_a_copy_of_a_segment),
        cmocka_unit_test(test_a_later_version_is_refused),
        cmocka_unit_test(test_a_damaged_journal_only_repeats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
