/* Are compressed bodies opened whole, and do bombs, cuts and garbage stop where they must? */
#include "tests/unit/check.h"

#include <zlib.h>
#include <zstd.h>

#include "net/inflate.h"

#define MIB (1024u * 1024)

/* Appends one member/frame that holds `plain`. window_bits as deflateInit2 takes them. */
static void add_zlib(struct ray_buf *to, struct ray_str plain, int window_bits)
{
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 9, Z_DEFAULT_STRATEGY),
                     Z_OK);
    size_t bound = deflateBound(&stream, plain.len);
    assert_true(ray_buf_reserve(to, bound));
    stream.next_in = (Bytef *)(uintptr_t)plain.ptr;
    stream.avail_in = (uInt)plain.len;
    stream.next_out = (Bytef *)to->data + to->len;
    stream.avail_out = (uInt)bound;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    to->len += bound - stream.avail_out;
    deflateEnd(&stream);
}

static void add_zstd(struct ray_buf *to, struct ray_str plain)
{
    size_t bound = ZSTD_compressBound(plain.len);
    assert_true(ray_buf_reserve(to, bound));
    size_t made = ZSTD_compress(to->data + to->len, bound, plain.ptr, plain.len, 3);
    assert_false(ZSTD_isError(made));
    to->len += made;
}

enum form { GZIP, ZLIB, RAW, ZSTD, FORMS };
static const enum ray_compression compressions[FORMS] = {
    RAY_COMPRESSION_GZIP, RAY_COMPRESSION_DEFLATE, RAY_COMPRESSION_DEFLATE, RAY_COMPRESSION_ZSTD};

static void add(enum form form, struct ray_buf *to, struct ray_str plain)
{
    if (form == ZSTD) {
        add_zstd(to, plain);
        return;
    }
    add_zlib(to, plain, form == GZIP ? 31 : form == ZLIB ? 15 : -15);
}

/* Text that compresses by about three, the same every time. */
static struct ray_str sample(size_t len)
{
    char *text = malloc(len + 1);
    uint32_t seed = 1;
    for (size_t i = 0; i < len; i++) {
        seed = seed * 1664525u + 1013904223u;
        text[i] = (char)('a' + (seed >> 28));
    }
    return (struct ray_str){text, len};
}

static enum ray_status open_capped(enum ray_compression how, struct ray_str in, size_t cap,
                                   struct ray_buf *out)
{
    ray_buf_init(out, cap);
    return ray_inflate(how, in, out);
}

static void opens_every_form_and_size(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 255, 256, 257, 4096, 70000, 3 * MIB};
    for (int form = 0; form < FORMS; form++) {
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            struct ray_str plain = sample(sizes[i]);
            struct ray_buf packed, out;
            ray_buf_init(&packed, 8 * MIB);
            add((enum form)form, &packed, plain);
            /* the cap is exactly what comes out: the end must still be found */
            CHECK_OK(open_capped(compressions[form], ray_buf_str(&packed),
                                 plain.len ? plain.len : 1, &out));
            CHECK_VIEW(ray_buf_str(&out), plain);
            ray_buf_clear(&out);
            if (plain.len > 1) {
                assert_int_equal(
                    open_capped(compressions[form], ray_buf_str(&packed), plain.len - 1, &out),
                    RAY_TOO_BIG);
                assert_int_equal(out.len, 0);
                ray_buf_clear(&out);
            }
            ray_buf_clear(&packed);
            free((void *)(uintptr_t)plain.ptr);
        }
    }
}

static void appends_behind_what_is_there(void **state)
{
    (void)state;
    struct ray_buf packed, out;
    ray_buf_init(&packed, 4096);
    add(GZIP, &packed, RAY_STR("world"));
    ray_buf_init(&out, 100);
    ray_buf_append(&out, RAY_STR("hello "));
    CHECK_OK(ray_inflate(RAY_COMPRESSION_GZIP, ray_buf_str(&packed), &out));
    CHECK_BUF(&out, "hello world");
    assert_int_equal(ray_inflate(RAY_COMPRESSION_GZIP, RAY_STR("no gzip"), &out), RAY_INVALID);
    CHECK_BUF(&out, "hello world");
    CHECK_OK(ray_inflate(RAY_COMPRESSION_NONE, RAY_STR("!"), &out));
    CHECK_BUF(&out, "hello world!");
    ray_buf_clear(&out);
    ray_buf_clear(&packed);
}

static void members_follow_each_other(void **state)
{
    (void)state;
    for (int form = 0; form < FORMS; form++) {
        struct ray_buf packed, out;
        ray_buf_init(&packed, 4096);
        add((enum form)form, &packed, RAY_STR("one "));
        add((enum form)form, &packed, RAY_STR(""));
        add((enum form)form, &packed, RAY_STR("two"));
        enum ray_status status = open_capped(compressions[form], ray_buf_str(&packed), 100, &out);
        if (form == GZIP || form == ZSTD) {
            CHECK_OK(status);
            CHECK_BUF(&out, "one two");
        } else {
            assert_int_equal(status, RAY_INVALID); /* zlib has no members: this is garbage */
        }
        ray_buf_clear(&out);
        ray_buf_clear(&packed);
    }
}

static void every_cut_is_noticed(void **state)
{
    (void)state;
    struct ray_str plain = sample(2000);
    for (int form = 0; form < FORMS; form++) {
        struct ray_buf packed, out;
        ray_buf_init(&packed, 8192);
        add((enum form)form, &packed, plain);
        for (size_t len = 0; len < packed.len; len++) {
            struct ray_str cut = ray_str_until(ray_buf_str(&packed), len);
            assert_int_equal(open_capped(compressions[form], cut, 4096, &out), RAY_INVALID);
            assert_int_equal(out.len, 0);
            ray_buf_clear(&out);
        }
        ray_buf_clear(&packed);
    }
    free((void *)(uintptr_t)plain.ptr);
}

static void garbage_behind_is_refused(void **state)
{
    (void)state;
    for (int form = 0; form < FORMS; form++) {
        struct ray_buf packed, out;
        ray_buf_init(&packed, 4096);
        add((enum form)form, &packed, RAY_STR("payload"));
        ray_buf_append(&packed, RAY_STR("\x01garbage"));
        assert_int_equal(open_capped(compressions[form], ray_buf_str(&packed), 100, &out),
                         RAY_INVALID);
        ray_buf_clear(&out);
        ray_buf_clear(&packed);
    }
}

/* 1 GiB of zeros in 1 MiB: one member of 16 MiB, 64 times. */
static void make_bomb_zlib(struct ray_buf *to)
{
    char *zeros = calloc(16, MIB);
    struct ray_buf member;
    ray_buf_init(&member, 32 * MIB);
    add_zlib(&member, (struct ray_str){zeros, 16 * MIB}, 31);
    for (int i = 0; i < 64; i++) {
        ray_buf_append(to, ray_buf_str(&member));
    }
    assert_false(to->failed);
    ray_buf_clear(&member);
    free(zeros);
}

/* 1 GiB of zeros in one frame. */
static void make_bomb_zstd(struct ray_buf *to)
{
    char *zeros = calloc(1, MIB);
    ZSTD_CStream *stream = ZSTD_createCStream();
    assert_true(ray_buf_reserve(to, 2 * MIB));
    ZSTD_outBuffer out = {to->data, 2 * MIB, 0};
    for (int i = 0; i < 1024; i++) {
        ZSTD_inBuffer in = {zeros, MIB, 0};
        size_t left =
            ZSTD_compressStream2(stream, &out, &in, i == 1023 ? ZSTD_e_end : ZSTD_e_continue);
        assert_false(ZSTD_isError(left));
        assert_int_equal(in.pos, in.size);
    }
    to->len = out.pos;
    ZSTD_freeCStream(stream);
    free(zeros);
}

static void bombs_stop_at_the_cap(void **state)
{
    (void)state;
    for (int form = 0; form < 2; form++) {
        enum ray_compression how = form ? RAY_COMPRESSION_ZSTD : RAY_COMPRESSION_GZIP;
        struct ray_buf bomb, out;
        ray_buf_init(&bomb, 2 * MIB);
        (form ? make_bomb_zstd : make_bomb_zlib)(&bomb);
        assert_in_range(bomb.len, 10000, 2 * MIB);
        assert_int_equal(open_capped(how, ray_buf_str(&bomb), 20 * MIB, &out), RAY_TOO_BIG);
        assert_in_range(out.capacity, 1, 20 * MIB); /* the most that it ever held */
        ray_buf_clear(&out);
        ray_buf_clear(&bomb);
    }
}

static void the_ratio_counts_after_a_mebibyte(void **state)
{
    (void)state;
    char *zeros = calloc(1, 4 * MIB);
    for (int form = 0; form < FORMS; form++) {
        struct ray_buf packed, out;
        ray_buf_init(&packed, 8 * MIB);
        add((enum form)form, &packed, (struct ray_str){zeros, MIB});
        assert_true(packed.len < MIB / 100);
        CHECK_OK(open_capped(compressions[form], ray_buf_str(&packed), 20 * MIB, &out));
        assert_int_equal(out.len, MIB);
        ray_buf_clear(&out);
        ray_buf_reset(&packed);
        add((enum form)form, &packed, (struct ray_str){zeros, MIB + 1});
        assert_int_equal(open_capped(compressions[form], ray_buf_str(&packed), 20 * MIB, &out),
                         RAY_TOO_BIG);
        ray_buf_clear(&out);
        ray_buf_clear(&packed);
    }
    free(zeros);
}

static void a_huge_zstd_window_is_refused(void **state)
{
    (void)state;
    /* RFC 8878 3.1.1: magic, descriptor without size, window exponent 30 (1 TiB), empty last
     * raw block */
    static const char frame[] = "\x28\xb5\x2f\xfd\x00\xf0\x01\x00";
    struct ray_buf out;
    assert_int_equal(
        open_capped(RAY_COMPRESSION_ZSTD, (struct ray_str){frame, sizeof(frame)}, MIB, &out),
        RAY_INVALID);
    ray_buf_clear(&out);
}

static void plain_bodies_have_a_cap_too(void **state)
{
    (void)state;
    struct ray_buf out;
    CHECK_OK(open_capped(RAY_COMPRESSION_NONE, RAY_STR("12345"), 5, &out));
    CHECK_BUF(&out, "12345");
    ray_buf_clear(&out);
    assert_int_equal(open_capped(RAY_COMPRESSION_NONE, RAY_STR("123456"), 5, &out), RAY_TOO_BIG);
    ray_buf_clear(&out);
}

static void names_are_known(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int want; /* -1: refused */
    } cases[] = {
        {"", RAY_COMPRESSION_NONE},
        {"identity", RAY_COMPRESSION_NONE},
        {"gzip", RAY_COMPRESSION_GZIP},
        {"GZIP", RAY_COMPRESSION_GZIP},
        {"x-gzip", RAY_COMPRESSION_GZIP},
        {"deflate", RAY_COMPRESSION_DEFLATE},
        {"zlib", RAY_COMPRESSION_DEFLATE},
        {" zstd ", RAY_COMPRESSION_ZSTD},
        {"br", -1},
        {"gzip, gzip", -1},
        {"snappy", -1},
        {"gzipp", -1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum ray_compression got = RAY_COMPRESSION_NONE;
        enum ray_status status = ray_compression_parse(ray_str_from(cases[i].name), &got);
        assert_int_equal(status, cases[i].want < 0 ? RAY_INVALID : RAY_OK);
        if (cases[i].want >= 0) {
            assert_int_equal(got, cases[i].want);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_every_form_and_size),
        cmocka_unit_test(appends_behind_what_is_there),
        cmocka_unit_test(members_follow_each_other),
        cmocka_unit_test(every_cut_is_noticed),
        cmocka_unit_test(garbage_behind_is_refused),
        cmocka_unit_test(bombs_stop_at_the_cap),
        cmocka_unit_test(the_ratio_counts_after_a_mebibyte),
        cmocka_unit_test(a_huge_zstd_window_is_refused),
        cmocka_unit_test(plain_bodies_have_a_cap_too),
        cmocka_unit_test(names_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
