/*
 * check: cmocka, and a few comparisons that print both sides.
 */
#ifndef RAY_TESTS_CHECK_H
#define RAY_TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/buf.h"

static inline void check_str(struct ray_str got, struct ray_str want, const char *file, int line)
{
    if (!ray_str_eq(got, want)) {
        print_error("got  (%zu) %.*s\nwant (%zu) %.*s\n", got.len, RAY_STR_ARG(got), want.len,
                    RAY_STR_ARG(want));
        _fail(file, line);
    }
}

/* CHECK_STR(view, "literal or C string") */
#define CHECK_STR(got, want)  check_str((got), ray_str_from(want), __FILE__, __LINE__)
#define CHECK_VIEW(got, want) check_str((got), (want), __FILE__, __LINE__)
#define CHECK_BUF(got, want)  check_str(ray_buf_str(got), ray_str_from(want), __FILE__, __LINE__)
#define CHECK_OK(status)      assert_int_equal((status), RAY_OK)

/* The whole file tests/<name>; freed by the caller. Fails the test when it cannot be read. */
static inline struct ray_str check_read_file(const char *name)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", RAY_TEST_DATA, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fail_msg("cannot open %s", path);
    }
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *text = malloc((size_t)size + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)size, file), size);
    text[size] = '\0';
    fclose(file);
    return (struct ray_str){text, (size_t)size};
}

#endif
