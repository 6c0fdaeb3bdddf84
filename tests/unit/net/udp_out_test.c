/* udp_out: do datagrams arrive as they are, is a full buffer told apart from a loss, and is it
 * heard when nobody listens? On loopback. */
#include "net/udp_out.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/check.h"

static int listen_udp(uint16_t *port)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(*port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    *port = ntohs(at.sin_port);
    return fd;
}

static struct ray_udp_out *open_to(const char *host, uint16_t port)
{
    char endpoint[64];
    struct ray_net_error error;
    snprintf(endpoint, sizeof(endpoint), "%s:%u", host, port);
    struct ray_udp_out *out = ray_udp_out_new(ray_str_from(endpoint));
    assert_non_null(out);
    CHECK_OK(out->ops->open(out, &error));
    return out;
}

static void test_arrives(void **state)
{
    (void)state;
    uint16_t port = 0;
    char got[32];
    int code = 0, fd = listen_udp(&port);
    struct ray_udp_out *out = open_to("localhost", port);
    const struct ray_str texts[] = {RAY_STR_INIT("one"), RAY_STR_INIT(""), RAY_STR_INIT("three")};
    assert_int_equal(out->ops->send(out, RAY_STR("> "), texts, 3, &code), 3);
    assert_int_equal(code, 0);
    assert_int_equal(out->ops->returned(out), 0);
    for (size_t i = 0; i < 3; i++) {
        char want[32];
        ssize_t len = recv(fd, got, sizeof(got), 0);
        snprintf(want, sizeof(want), "> %.*s", RAY_STR_ARG(texts[i]));
        CHECK_STR(((struct ray_str){got, (size_t)len}), want);
    }
    out->ops->free(out);
    close(fd);
}

static void test_largest(void **state)
{
    (void)state;
    uint16_t port = 0;
    int code = 0, fd = listen_udp(&port);
    struct ray_udp_out *out = open_to("127.0.0.1", port);
    char *bytes = calloc(1, 1u << 17);
    struct ray_str text = {bytes, RAY_UDP_MAX_BYTES - 2};
    assert_int_equal(out->ops->send(out, RAY_STR("> "), &text, 1, &code), 1);
    assert_int_equal(code, 0);
    assert_int_equal(recv(fd, bytes, 1u << 17, 0), RAY_UDP_MAX_BYTES);
    text.len++;
    assert_int_equal(out->ops->send(out, RAY_STR("> "), &text, 1, &code), 0);
    assert_int_equal(code, EMSGSIZE);
    free(bytes);
    out->ops->free(out);
    close(fd);
}

/* The reason is not lost between the datagrams of one call, and told once. */
static void test_nobody_listens(void **state)
{
    (void)state;
    uint16_t port = 0;
    int code = 0;
    close(listen_udp(&port));
    struct ray_udp_out *out = open_to("127.0.0.1", port);
    const struct ray_str texts[4] = {RAY_STR_INIT("1"), RAY_STR_INIT("2"), RAY_STR_INIT("3"),
                                     RAY_STR_INIT("4")};
    assert_int_equal(out->ops->send(out, RAY_STR("> "), texts, 4, &code), 1);
    assert_int_equal(code, ECONNREFUSED);
    assert_int_equal(out->ops->returned(out), 0);
    int fd = listen_udp(&port); /* and then somebody does */
    assert_int_equal(out->ops->send(out, RAY_STR("> "), texts, 4, &code), 4);
    assert_int_equal(code, 0);
    out->ops->free(out);
    close(fd);
}

static void test_wakes(void **state)
{
    (void)state;
    uint16_t port = 0;
    int fd = listen_udp(&port);
    struct ray_udp_out *out = open_to("127.0.0.1", port);
    out->ops->wakeup(out);
    out->ops->wait(out, false, 60000); /* the test would run into its time limit */
    out->ops->wait(out, true, 60000);  /* there is room */
    out->ops->wait(out, false, 1);
    out->ops->free(out);
    close(fd);
}

static void test_no_such_host(void **state)
{
    (void)state;
    struct ray_net_error error = {""};
    const char *const endpoints[] = {"host.invalid:2000", "127.0.0.1:0", "127.0.0.1", ":2000"};
    for (size_t i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++) {
        struct ray_udp_out *out = ray_udp_out_new(ray_str_from(endpoints[i]));
        assert_int_equal(out->ops->open(out, &error), RAY_IO);
        assert_non_null(strstr(error.text, endpoints[i]));
        assert_int_equal(out->ops->returned(out), 0);
        out->ops->free(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrives),        cmocka_unit_test(test_largest),
        cmocka_unit_test(test_nobody_listens), cmocka_unit_test(test_wakes),
        cmocka_unit_test(test_no_such_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
