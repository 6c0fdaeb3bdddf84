/* store: which document stands in the end, what a window selects, and what a full disk, retention
 * or a foreign file do. */
#include "local/store.c"

#include <sys/stat.h>

#include "tests/unit/check.h"

struct fixture {
    char directory[64];
    struct ray_store *store;
    struct ray_arena *arena;
    struct ray_clock clock;
    uint64_t now_ns;
};

static uint64_t fake_now(const struct ray_clock *clock)
{
    return *(const uint64_t *)clock->context;
}

static void open_store(struct fixture *f, uint64_t max_size_bytes, uint32_t max_age_s)
{
    struct ray_store_error error = {""};
    struct ray_store_options options = {f->directory, max_size_bytes, max_age_s, &f->clock};
    if (ray_store_open(&options, &f->store, &error) != RAY_OK) {
        fail_msg("%s", error.text);
    }
}

static void begin(struct fixture *f, uint64_t max_size_bytes, uint32_t max_age_s)
{
    *f = (struct fixture){.directory = "/tmp/store_test.XXXXXX",
                          .now_ns = 1700000000 * RAY_NS_PER_S};
    assert_non_null(mkdtemp(f->directory));
    f->arena = ray_arena_new(64 << 20);
    f->clock = (struct ray_clock){fake_now, fake_now, &f->now_ns};
    open_store(f, max_size_bytes, max_age_s);
}

static void path_of(const struct fixture *f, const char *suffix, char out[128])
{
    snprintf(out, 128, "%s/local.db%s", f->directory, suffix);
}

static void end(struct fixture *f)
{
    char path[128];
    ray_store_close(f->store);
    ray_arena_free(f->arena);
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
        path_of(f, suffixes[i], path);
        unlink(path);
    }
    assert_int_equal(rmdir(f->directory), 0);
}

static struct ray_store_document document(uint32_t trace, uint8_t id, uint64_t start,
                                          uint64_t end_ns, const char *text)
{
    struct ray_store_document d = {.start_unix_ns = start, .end_unix_ns = end_ns};
    memcpy(d.trace_id.bytes, &trace, sizeof(trace));
    d.id[7] = id;
    d.name = RAY_STR("n");
    d.text = ray_str_from(text);
    return d;
}

static void put(struct fixture *f, struct ray_store_document d)
{
    struct ray_store_error error = {""};
    if (ray_store_put(f->store, &d, 1, &error) != RAY_OK) {
        fail_msg("%s", error.text);
    }
}

static void put_unfinished(struct fixture *f, uint32_t trace, const char *text)
{
    struct ray_store_document d = document(trace, 1, 10, 10, text);
    d.in_progress = true;
    put(f, d);
}

/* The documents of a trace in one line, with the revision in front. */
static struct ray_str read_line(struct fixture *f, uint32_t trace)
{
    struct ray_store_document d = document(trace, 0, 0, 0, "");
    struct ray_str *texts = NULL;
    size_t count = 0;
    uint64_t revision = 0;
    CHECK_OK(ray_store_read(f->store, &d.trace_id, f->arena, &texts, &count, &revision));
    struct ray_str line = ray_arena_printf(f->arena, "%u:", (unsigned)revision);
    for (size_t i = 0; i < count; i++) {
        line = ray_arena_printf(f->arena, "%.*s %.*s", RAY_STR_ARG(line), RAY_STR_ARG(texts[i]));
    }
    return line;
}

static void test_replacing(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, 0, 0);
    put_unfinished(&f, 1, "begun");
    CHECK_STR(read_line(&f, 1), "1: begun");
    put(&f, document(1, 1, 10, 20, "whole"));
    CHECK_STR(read_line(&f, 1), "2: whole");
    put_unfinished(&f, 1, "begun");
    CHECK_STR(read_line(&f, 1), "2: whole"); /* UDP reorders: the late one changes nothing */
    put(&f, document(1, 1, 10, 20, "whole"));
    CHECK_STR(read_line(&f, 1), "2: whole");
    put(&f, document(1, 2, 5, 6, "first"));
    CHECK_STR(read_line(&f, 1), "3: first whole");
    CHECK_STR(read_line(&f, 2), "0:");
    end(&f);
}

static void test_reopening(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, 0, 0);
    put(&f, document(1, 1, 10, 20, "kept"));
    ray_store_close(f.store);
    open_store(&f, 0, 0);
    CHECK_STR(read_line(&f, 1), "1: kept");
    end(&f);
}

static struct ray_str find_line(struct fixture *f, enum ray_store_window window, uint64_t from,
                                uint64_t to, uint32_t limit, const struct ray_store_position *after)
{
    struct ray_store_query query = {window, from, to, after != NULL, {0}, limit};
    query.after = after != NULL ? *after : query.after;
    struct ray_store_trace *traces = NULL;
    size_t count = 0;
    CHECK_OK(ray_store_find(f->store, &query, f->arena, &traces, &count));
    struct ray_str line = RAY_STR("");
    for (size_t i = 0; i < count; i++) {
        line =
            ray_arena_printf(f->arena, "%.*s%u ", RAY_STR_ARG(line), traces[i].trace_id.bytes[0]);
    }
    return line;
}

static void test_windows(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, 0, 0);
    put(&f, document(1, 1, 100, 150, "a"));
    put(&f, document(2, 1, 200, 400, "b"));
    put(&f, document(2, 2, 210, 220, "b2"));
    put(&f, document(3, 1, 300, 310, "c"));
    put(&f, document(4, 1, 300, 310, "d"));
    CHECK_STR(find_line(&f, RAY_STORE_STARTED, 0, 1000, 10, NULL), "4 3 2 1 ");
    CHECK_STR(find_line(&f, RAY_STORE_STARTED, 100, 300, 10, NULL), "2 1 ");
    CHECK_STR(find_line(&f, RAY_STORE_ACTIVE, 120, 150, 10, NULL), "1 ");
    CHECK_STR(find_line(&f, RAY_STORE_ACTIVE, 305, 306, 10, NULL), "4 3 2 ");
    CHECK_STR(find_line(&f, RAY_STORE_SEGMENT_ENDED, 215, 225, 10, NULL), "2 ");
    CHECK_STR(find_line(&f, RAY_STORE_SEGMENT_ENDED, 225, 300, 10, NULL), "");
    CHECK_STR(find_line(&f, RAY_STORE_STARTED, 0, 1000, 2, NULL), "4 3 ");
    struct ray_store_position after = {300, document(4, 0, 0, 0, "").trace_id};
    CHECK_STR(find_line(&f, RAY_STORE_STARTED, 0, 1000, 2, &after), "3 2 ");
    end(&f);
}

/* Nothing of a put that did not fit is there, everything before it is, and later it goes on. */
static void test_full_disk(void **state)
{
    (void)state;
    struct fixture f;
    struct ray_store_error error = {""};
    begin(&f, 0, 0);
    put(&f, document(1, 1, 10, 20, "kept"));
    sqlite3_exec(f.store->writer, "PRAGMA max_page_count = 12", NULL, NULL, NULL);
    char big[60000];
    memset(big, 'x', sizeof(big));
    struct ray_store_document batch[2] = {document(2, 1, 30, 40, "small"),
                                          document(3, 1, 30, 40, "")};
    batch[1].text = (struct ray_str){big, sizeof(big)};
    assert_int_equal(ray_store_put(f.store, batch, 2, &error), RAY_AGAIN);
    assert_non_null(strstr(error.text, "full"));
    CHECK_STR(read_line(&f, 1), "1: kept");
    CHECK_STR(read_line(&f, 2), "0:");
    sqlite3_exec(f.store->writer, "PRAGMA max_page_count = 1000000", NULL, NULL, NULL);
    CHECK_OK(ray_store_put(f.store, batch, 2, &error));
    CHECK_STR(read_line(&f, 2), "1: small");
    end(&f);
}

static void test_max_size(void **state)
{
    (void)state;
    struct fixture f;
    uint64_t max = 2 << 20;
    begin(&f, max, 0);
    char big[10000];
    memset(big, 'x', sizeof(big));
    for (uint32_t i = 1; i <= 1000; i++) {
        f.now_ns += RAY_NS_PER_S;
        struct ray_store_document d = document(i, 1, 1000 - i, 2000, "");
        d.text = (struct ray_str){big, sizeof(big)};
        put(&f, d);
    }
    assert_in_range(used_bytes(f.store), 1, max);
    CHECK_STR(read_line(&f, 1),
              "0:"); /* the oldest by arrival, though the newest by its own time */
    assert_true(read_line(&f, 1000).len > 10000);
    ray_store_close(f.store);
    struct stat file;
    char path[128];
    path_of(&f, "", path);
    assert_int_equal(stat(path, &file), 0);
    assert_in_range(file.st_size, 1, 2 * max);
    assert_int_equal(file.st_mode & 0777, 0600);
    open_store(&f, max, 0);
    end(&f);
}

static void test_max_age(void **state)
{
    (void)state;
    struct fixture f;
    struct ray_store_error error = {""};
    begin(&f, 0, 3600);
    put(&f, document(1, 1, 10, 20, "old"));
    f.now_ns += 1800 * RAY_NS_PER_S;
    put(&f, document(2, 1, 10, 20, "newer"));
    f.now_ns += 1900 * RAY_NS_PER_S;
    CHECK_OK(ray_store_trim(f.store, &error));
    CHECK_STR(read_line(&f, 1), "0:");
    CHECK_STR(read_line(&f, 2), "1: newer");
    end(&f);
}

/* Writes `bytes` over the file at `at`; the store is closed. */
static void damage(const struct fixture *f, long at, const char *bytes, size_t count)
{
    char path[128];
    path_of(f, "", path);
    FILE *file = fopen(path, "r+b");
    file = file != NULL ? file : fopen(path, "wb");
    assert_non_null(file);
    fseek(file, at, SEEK_SET);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    fclose(file);
}

static void check_refused(struct fixture *f, enum ray_status status, const char *part)
{
    struct ray_store_error error = {""};
    struct ray_store_options options = {f->directory, 0, 0, &f->clock};
    assert_int_equal(ray_store_open(&options, &f->store, &error), status);
    if (strstr(error.text, "/local.db: ") == NULL || strstr(error.text, part) == NULL) {
        fail_msg("%s", error.text);
    }
    f->store = NULL;
}

static void test_bad_files(void **state)
{
    (void)state;
    struct fixture f;
    char noise[4096];
    memset(noise, 0x5A, sizeof(noise));
    begin(&f, 0, 0);
    for (uint32_t i = 1; i < 200; i++) {
        put(&f, document(i, 1, 10, 20, "{\"some\":\"text that fills a page after a while\"}"));
    }
    sqlite3_exec(f.store->writer, "PRAGMA application_id = 1", NULL, NULL, NULL);
    ray_store_close(f.store);
    check_refused(&f, RAY_INVALID, "another program");
    end(&f);

    begin(&f, 0, 0);
    sqlite3_exec(f.store->writer, "PRAGMA user_version = 9", NULL, NULL, NULL);
    ray_store_close(f.store);
    check_refused(&f, RAY_INVALID, "another version");
    end(&f);

    begin(&f, 0, 0);
    for (uint32_t i = 1; i < 200; i++) {
        put(&f, document(i, 1, 10, 20, "{\"some\":\"text that fills a page after a while\"}"));
    }
    ray_store_close(f.store);
    damage(&f, 4096, noise, sizeof(noise));
    damage(&f, 3 * 4096, noise, sizeof(noise));
    check_refused(&f, RAY_INVALID, "move it away");
    end(&f);

    begin(&f, 0, 0);
    ray_store_close(f.store);
    damage(&f, 0, noise, sizeof(noise));
    check_refused(&f, RAY_INVALID, "not a database");
    end(&f);
}

/* A pipe in the file's place held the opening up for ever. */
static void test_not_a_file(void **state)
{
    (void)state;
    struct fixture f;
    char path[128];
    for (int is_pipe = 0; is_pipe < 2; is_pipe++) {
        begin(&f, 0, 0);
        ray_store_close(f.store);
        path_of(&f, "", path);
        unlink(path);
        assert_int_equal(is_pipe ? mkfifo(path, 0600) : mkdir(path, 0700), 0);
        check_refused(&f, RAY_IO, "name another directory");
        ray_arena_free(f.arena);
        assert_int_equal(remove(path), 0);
        assert_int_equal(rmdir(f.directory), 0);
    }
    struct ray_store_error error = {""};
    struct ray_store_options options = {"/dev/null", 0, 0, &ray_clock_system};
    assert_int_equal(ray_store_open(&options, &f.store, &error), RAY_IO);
    CHECK_STR(ray_str_from(error.text),
              "/dev/null/local.db: Not a directory; name another directory");
}

/* Do a reader and writers run beside each other, and does every read see what was put before? */
static void *write_many(void *argument)
{
    struct fixture *f = argument;
    struct ray_store_error error;
    for (uint32_t i = 0; i < 200; i++) {
        struct ray_store_document d = document(7, (uint8_t)i, 10 + i, 20 + i, "{}");
        d.id[0] = (uint8_t)((uintptr_t)&error >> 12);
        if (ray_store_put(f->store, &d, 1, &error) != RAY_OK) {
            return argument;
        }
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, 0, 0);
    pthread_t threads[2];
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, &f), 0);
    }
    for (uint32_t i = 100; i < 200; i++) {
        put(&f, document(i, 1, 10, 20, "mine"));
        CHECK_STR(read_line(&f, i), "1: mine");
    }
    for (size_t i = 0; i < 2; i++) {
        void *failed = NULL;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replacing), cmocka_unit_test(test_reopening),
        cmocka_unit_test(test_windows),   cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_max_size),  cmocka_unit_test(test_max_age),
        cmocka_unit_test(test_bad_files), cmocka_unit_test(test_not_a_file),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
