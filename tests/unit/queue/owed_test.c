/* owed: is the bookkeeping of bits the same as a list that does it the slow way? */
#include "tests/unit/check.h"

#include <string.h>

#include "queue/owed.h"

#define NUMBERS 4000u
#define CURSORS 2

enum { NOTHING, OWED, DONE };

/* The slow way. */
struct naive {
    unsigned char what[CURSORS][NUMBERS + 1];
    uint64_t end;
};

struct fixture {
    struct ray_owed owed;
    struct ray_owed_cursor cursors[CURSORS];
    struct naive naive;
    size_t units; /* in it */
    uint64_t random;
};

static uint64_t next_random(struct fixture *f)
{
    f->random = f->random * 6364136223846793005u + 1442695040888963407u;
    return f->random >> 33;
}

static void append(struct fixture *f, bool grows)
{
    uint32_t documents = 1 + (uint32_t)(next_random(f) % (grows ? 30 : 150));
    uint64_t first = f->owed.end + 1;
    struct ray_unit *unit = ray_unit_new(first, grows ? 0 : documents, CURSORS);
    assert_non_null(unit);
    unit->bytes = 10;
    unit->growing = grows;
    for (int c = 0; c < CURSORS; c++) {
        unit->shares[c].cursor = &f->cursors[c];
    }
    CHECK_OK(ray_owed_append(&f->owed, unit));
    f->units++;
    for (unsigned part = 0; part < (grows ? 5 : 1); part++) {
        if (grows) {
            first = f->owed.end + 1;
            CHECK_OK(ray_unit_reserve(unit, first + documents - 1));
            ray_owed_grew(&f->owed, unit, first + documents - 1, 1);
        }
        for (int c = 0; c < CURSORS; c++) { /* the last cursor has fewer */
            uint32_t owed = c == 0 ? documents : (uint32_t)(next_random(f) % (documents + 1));
            ray_unit_owe(unit, &unit->shares[c], first, documents, owed);
            f->cursors[c].backlog += owed;
            memset(&f->naive.what[c][first], OWED, owed);
        }
    }
    unit->growing = false;
    f->naive.end = f->owed.end;
}

static void free_done(struct fixture *f, struct ray_unit *done)
{
    while (done != NULL) {
        struct ray_unit *next = done->next_done;
        for (int c = 0; c < CURSORS; c++) {
            for (uint64_t n = done->first; n <= done->last; n++) {
                assert_int_not_equal(f->naive.what[c][n], OWED);
            }
        }
        ray_unit_free(done);
        f->units--;
        done = next;
    }
}

static void ack(struct fixture *f)
{
    int c = (int)(next_random(f) % CURSORS);
    uint64_t from = 1 + next_random(f) % f->naive.end;
    uint64_t to = from + next_random(f) % (next_random(f) % 8 == 0 ? 300 : 20);
    to = to < f->naive.end ? to : f->naive.end;
    uint64_t want = 0;
    for (uint64_t n = from; n <= to; n++) {
        want += f->naive.what[c][n] == OWED;
        f->naive.what[c][n] = f->naive.what[c][n] == OWED ? DONE : f->naive.what[c][n];
    }
    struct ray_unit *done = NULL;
    assert_int_equal(ray_owed_ack(&f->owed, &f->cursors[c], from, to, &done), want);
    free_done(f, done);
}

static void check_ranges(struct fixture *f, int c)
{
    static struct ray_done_range ranges[NUMBERS];
    static bool covered[NUMBERS + 2];
    memset(covered, 0, sizeof(covered));
    size_t count = ray_owed_done_ranges(&f->owed, &f->cursors[c], ranges, NUMBERS);
    for (size_t i = 0; i < count; i++) {
        assert_true(ranges[i].count > 0);
        assert_true(i == 0 || ranges[i].first > ranges[i - 1].first + ranges[i - 1].count);
        memset(covered + ranges[i].first, 1, ranges[i].count);
    }
    for (uint64_t n = f->cursors[c].low + 1; n <= f->naive.end; n++) {
        if (covered[n] == (f->naive.what[c][n] == OWED)) {
            fail_msg("cursor %d: number %u is %d in the list and %d in the ranges", c, (unsigned)n,
                     f->naive.what[c][n], covered[n]);
        }
    }
}

static void check_all(struct fixture *f)
{
    for (int c = 0; c < CURSORS; c++) {
        uint64_t left = 0, low = f->naive.end;
        for (uint64_t n = f->naive.end; n > 0; n--) {
            left += f->naive.what[c][n] == OWED;
            low = f->naive.what[c][n] == OWED ? n - 1 : low;
        }
        ray_owed_raise_low(&f->owed, &f->cursors[c]);
        assert_int_equal(f->cursors[c].backlog, left);
        assert_int_equal(f->cursors[c].low, low);
        check_ranges(f, c);
    }
    assert_int_equal(f->owed.place_count - f->owed.places_empty, f->units);
}

static void test_like_a_list(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct fixture *f = calloc(1, sizeof(*f));
        assert_non_null(f);
        f->random = seed;
        while (f->owed.end + 200 < NUMBERS) {
            append(f, next_random(f) % 4 == 0);
            for (unsigned i = 0; i < 25; i++) {
                ack(f);
            }
            check_all(f);
        }
        for (int c = 0; c < CURSORS; c++) {
            struct ray_unit *done = NULL;
            (void)ray_owed_ack(&f->owed, &f->cursors[c], 1, f->owed.end, &done);
            memset(f->naive.what[c], DONE, sizeof(f->naive.what[c]));
            free_done(f, done);
        }
        assert_int_equal(f->units, 0);
        assert_int_equal(f->owed.bytes, 0);
        ray_owed_clear(&f->owed);
        free(f);
    }
}

/* What was begun and got no document ends where the unit before it does. */
static void test_an_empty_unit_can_be_removed(void **state)
{
    (void)state;
    struct ray_owed owed = {0};
    struct ray_unit *full = ray_unit_new(1, 5, 0), *empty = ray_unit_new(6, 0, 0);
    CHECK_OK(ray_owed_append(&owed, full));
    CHECK_OK(ray_owed_append(&owed, empty));
    ray_owed_remove(&owed, empty);
    assert_null(owed.places[1].unit);
    ray_owed_remove(&owed, full);
    assert_int_equal(owed.places_empty, 2);
    ray_unit_free(full);
    ray_unit_free(empty);
    ray_owed_clear(&owed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_like_a_list),
        cmocka_unit_test(test_an_empty_unit_can_be_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
