/* Which texts are addresses, what do they become, and what does a listener say when it cannot? */
#include "tests/unit/check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include "net/address.h"

static const struct {
    const char *text, *host;
    int port; /* -1: refused */
    const char *error;
} splits[] = {
    {"127.0.0.1:4317", "127.0.0.1", 4317, NULL},
    {"localhost:0", "localhost", 0, NULL},
    {":4318", "", 4318, NULL},
    {"[::1]:2000", "::1", 2000, NULL},
    {"[fe80::1%lo]:65535", "fe80::1%lo", 65535, NULL},
    {"collector.example:80", "collector.example", 80, NULL},
    {"localhost:70000", NULL, -1, "localhost:70000: port is not 0 to 65535"},
    {"localhost:-1", NULL, -1, "localhost:-1: port is not 0 to 65535"},
    {"localhost:", NULL, -1, "localhost:: port is not 0 to 65535"},
    {"localhost:80x", NULL, -1, "localhost:80x: port is not 0 to 65535"},
    {"localhost: 80", NULL, -1, "localhost: 80: port is not 0 to 65535"},
    {"localhost:18446744073709551697", NULL, -1,
     "localhost:18446744073709551697: port is not 0 to 65535"},
    {"localhost", NULL, -1, "localhost: no port; write host:port"},
    {"", NULL, -1, ": no port; write host:port"},
    {"::1:80", NULL, -1, "::1:80: write an IPv6 address as [address]:port"},
    {"[::1]", NULL, -1, "[::1]: write an IPv6 address as [address]:port"},
    {"[]:80", NULL, -1, "[]:80: write an IPv6 address as [address]:port"},
    {"[::1:80", NULL, -1, "[::1:80: write an IPv6 address as [address]:port"},
};

static void splits_host_and_port(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(splits) / sizeof(splits[0]); i++) {
        struct ray_str host = {NULL, 0};
        struct ray_net_error error = {""};
        uint16_t port = 0;
        enum ray_status status =
            ray_address_split(ray_str_from(splits[i].text), &host, &port, &error);
        if (splits[i].port < 0) {
            assert_int_equal(status, RAY_INVALID);
            CHECK_STR(ray_str_from(error.text), splits[i].error);
            continue;
        }
        CHECK_OK(status);
        CHECK_STR(host, splits[i].host);
        assert_int_equal(port, splits[i].port);
    }
}

static const struct {
    const char *text, *shown;
    bool loopback;
} resolved[] = {
    {"127.0.0.1:4317", "127.0.0.1:4317", true},
    {"127.9.8.7:1", "127.9.8.7:1", true},
    {"LocalHost:5", "127.0.0.1:5", true},
    {"0.0.0.0:6", "0.0.0.0:6", false},
    {"[::1]:7", "[::1]:7", true},
    {"[::]:8", "[::]:8", false},
    {"[::ffff:127.0.0.1]:9", "127.0.0.1:9", true},
    {"192.0.2.1:10", "192.0.2.1:10", false},
};

static void resolves_and_shows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(resolved) / sizeof(resolved[0]); i++) {
        struct ray_address address;
        struct ray_net_error error = {""};
        char shown[RAY_ADDRESS_TEXT_BYTES];
        CHECK_OK(ray_address_resolve(ray_str_from(resolved[i].text), &address, &error));
        ray_address_text((const struct sockaddr *)&address.storage, shown);
        CHECK_STR(ray_str_from(shown), resolved[i].shown);
        assert_int_equal(ray_address_is_loopback(&address), resolved[i].loopback);
    }
}

static void empty_host_is_every_address(void **state)
{
    (void)state;
    struct ray_address address;
    struct ray_net_error error;
    CHECK_OK(ray_address_resolve(RAY_STR(":0"), &address, &error));
    assert_false(ray_address_is_loopback(&address));
    int fd = -1;
    CHECK_OK(ray_listen_tcp(&address, &fd, &error));
    CHECK_OK(ray_address_of_socket(fd, &address));
    struct sockaddr_in v4 = {.sin_family = AF_INET,
                             .sin_port = htons(ray_address_port(&address)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int client = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(client, (const struct sockaddr *)&v4, sizeof(v4)), 0);
    close(client);
    close(fd);
}

static void impossible_hosts_are_refused(void **state)
{
    (void)state;
    char long_name[300];
    memset(long_name, 'a', sizeof(long_name));
    memcpy(long_name + sizeof(long_name) - 4, ":80", 4);
    const char *texts[] = {long_name, "1.2.3.4.5.6:80", "no such host:80"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct ray_address address;
        struct ray_net_error error = {""};
        assert_int_equal(ray_address_resolve(ray_str_from(texts[i]), &address, &error),
                         RAY_INVALID);
        assert_true(strlen(error.text) > 10);
    }
    struct ray_address address;
    struct ray_net_error error = {""};
    assert_int_equal(ray_address_resolve(RAY_STR("a\0b:80"), &address, &error), RAY_INVALID);
}

static void listens_and_names_what_is_in_the_way(void **state)
{
    (void)state;
    struct ray_address address, bound;
    struct ray_net_error error = {""};
    int first = -1, second = -1;
    CHECK_OK(ray_address_resolve(RAY_STR("127.0.0.1:0"), &address, &error));
    CHECK_OK(ray_listen_tcp(&address, &first, &error));
    CHECK_OK(ray_address_of_socket(first, &bound));
    assert_int_not_equal(ray_address_port(&bound), 0);
    assert_int_equal(ray_listen_tcp(&bound, &second, &error), RAY_IO);
    assert_int_equal(second, -1);
    assert_non_null(strstr(error.text, "Address already in use; stop the program"));
    close(first);
    CHECK_OK(ray_listen_tcp(&bound, &second, &error)); /* at once again */
    close(second);

    CHECK_OK(ray_address_resolve(RAY_STR("192.0.2.1:4317"), &address, &error));
    assert_int_equal(ray_listen_tcp(&address, &first, &error), RAY_IO);
    CHECK_STR(ray_str_from(error.text),
              "cannot listen on 192.0.2.1:4317: Cannot assign requested address; this machine has "
              "no such address");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_host_and_port),
        cmocka_unit_test(resolves_and_shows),
        cmocka_unit_test(empty_host_is_every_address),
        cmocka_unit_test(impossible_hosts_are_refused),
        cmocka_unit_test(listens_and_names_what_is_in_the_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
