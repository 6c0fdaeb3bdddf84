/* Are requests found in what comes in, whatever the pieces it comes in, and nothing held that was
 * handed out? */
#include "daemon/request_input.h"
#include "tests/unit/check.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* All requests of `text`, each as "LINE:BYTES" with white space around it cut off and "|" behind.
 */
static void read_requests(const char *text, struct ray_buf *out)
{
    int ends[2];
    struct ray_request_input input;
    struct ray_str request;
    enum ray_status status;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(write(ends[1], text, strlen(text)), strlen(text));
    close(ends[1]);
    ray_request_input_init(&input, ends[0]);
    while ((status = ray_request_input_next(&input, &request)) == RAY_OK) {
        request = ray_str_trim(request);
        ray_buf_printf(out, "%zu:%.*s|", input.line, RAY_STR_ARG(request));
        if (input.form == RAY_REQUEST_FORM_UNKNOWN && text[0] == '\n' && input.taken > 0) {
            ray_buf_append(out, RAY_STR("text|"));
            ray_request_input_is_text(&input);
        }
    }
    assert_int_equal(status, RAY_CLOSED);
    assert_int_equal(ray_request_input_next(&input, &request), RAY_CLOSED); /* and stays so */
    ray_request_input_clear(&input);
    close(ends[0]);
}

static void test_requests(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"", ""},
        {" \n\n \n", ""},
        {"{}", "1:{}|"},
        {"{}\n", "1:{}|"},
        {"{\"a\":1}\n{\"b\":2}\n", "1:{\"a\":1}|2:{\"b\":2}|"},
        {"{}\n\n \n{}", "1:{}|2:{}|"},       /* blank lines belong to what follows */
        {"{}\n{\n{}\n", "1:{}|2:{|3:{}|"},   /* a broken line is one line */
        {"{\n\"a\":1}\n", "1:{\n\"a\":1}|"}, /* one request over lines */
        {"{\n\"a\":1}\n{}\n", "1:{\n\"a\":1}|3:{}|"},
        {"{\"}\":\n\"\\\"{\"}\n{}\n", "1:{\"}\":\n\"\\\"{\"}|3:{}|"}, /* brackets in strings */
        {"{}\r\n{}\r\n", "1:{}|2:{}|"},
        {"[]\n[]\n", "1:[]|2:[]|"},
        {"\n{}\n{}\n", "1:{}\n{}|text|1:{}|3:{}|"},
        {"\n{\n}\n{}\n", "1:{\n}\n{}|text|1:{\n}|4:{}|"},
        {"\n{}", "1:{}|text|1:{}|"},
        {"any\nbytes", "1:any\nbytes|"}, /* one request of protobuf */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ray_buf out;
        ray_buf_init(&out, 1u << 16);
        read_requests(cases[i].text, &out);
        CHECK_BUF(&out, cases[i].want);
        ray_buf_clear(&out);
    }
}

/* Bytes come one at a time: a value of several reads is the same value. */
static void test_bytes_one_by_one(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":\"\\\"\"}\n{}\n";
    int ends[2];
    struct ray_request_input input;
    struct ray_str request;
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_DIRECT), 0); /* a read gets one write (pipe(7)) */
    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        assert_int_equal(write(ends[1], text + i, 1), 1);
    }
    ray_request_input_init(&input, ends[0]);
    /* The first is there before its writer has closed. */
    CHECK_OK(ray_request_input_next(&input, &request));
    CHECK_STR(request, "{\"a\":\"\\\"\"}\n");
    CHECK_OK(ray_request_input_next(&input, &request));
    CHECK_STR(request, "{}\n");
    close(ends[1]);
    assert_int_equal(ray_request_input_next(&input, &request), RAY_CLOSED);
    ray_request_input_clear(&input);
    close(ends[0]);
}

#define MANY_LINES 20000

static void *write_many(void *fd)
{
    static const char line[] = "{\"a\":\"0123456789012345678901234567890123456789\"}\n";
    bool good = true; /* an assertion belongs to the main thread: it counts what arrives */
    for (int i = 0; good && i < MANY_LINES; i++) {
        good = write(*(int *)fd, line, sizeof(line) - 1) == sizeof(line) - 1;
    }
    close(*(int *)fd);
    return NULL;
}

static void test_memory_is_that_of_a_line(void **state)
{
    (void)state;
    int ends[2];
    struct ray_request_input input;
    struct ray_str request;
    pthread_t writer;
    size_t lines = 0;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(pthread_create(&writer, NULL, write_many, &ends[1]), 0);
    ray_request_input_init(&input, ends[0]);
    while (ray_request_input_next(&input, &request) == RAY_OK) {
        lines++;
        assert_int_equal(input.line, lines);
    }
    assert_int_equal(lines, MANY_LINES);
    assert_true(input.buf.capacity <= 256 * 1024); /* a megabyte went through */
    pthread_join(writer, NULL);
    ray_request_input_clear(&input);
    close(ends[0]);
}

static void test_reading_fails(void **state)
{
    (void)state;
    struct ray_request_input input;
    struct ray_str request;
    ray_request_input_init(&input, -1);
    assert_int_equal(ray_request_input_next(&input, &request), RAY_IO);
    ray_request_input_clear(&input);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_bytes_one_by_one),
        cmocka_unit_test(test_memory_is_that_of_a_line),
        cmocka_unit_test(test_reading_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
