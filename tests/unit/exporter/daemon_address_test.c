/* daemon_address: is every form of the variable read, and what is none refused by its name? */
#include "exporter/daemon_address.h"

#include "tests/unit/check.h"

static const struct {
    const char *configured, *variable, *address, *problem;
} cases[] = {
    {"", NULL, "127.0.0.1:2000", NULL},
    {"", "", "127.0.0.1:2000", NULL},
    {"", "  ", "127.0.0.1:2000", NULL},
    {"", "10.0.0.1:3000", "10.0.0.1:3000", NULL},
    {"", " daemon.internal:2000\n", "daemon.internal:2000", NULL},
    {"", "[::1]:2000", "[::1]:2000", NULL},
    {"", "tcp:10.0.0.1:2000 udp:10.0.0.2:2001", "10.0.0.2:2001", NULL},
    {"", "udp:10.0.0.2:2001 tcp:10.0.0.1:2000", "10.0.0.2:2001", NULL},
    {"", "udp:10.0.0.2:2001  TCP:10.0.0.1:2000", "10.0.0.2:2001", NULL},
    {"", "UDP:[::1]:2001 tcp:[::1]:2000", "[::1]:2001", NULL},
    {"", "udp:10.0.0.2:2001", "10.0.0.2:2001", NULL},
    {"here:1", "udp:10.0.0.2:2001", "here:1", NULL},
    {"here:1", "nonsense", "here:1", NULL},
    {"here", NULL, NULL, "here: no port"},
    {":2000", NULL, NULL, ":2000: needs a host"},
    {"here:0", NULL, NULL, "here:0: needs a host and a port"},
    {"", "nonsense", NULL, "AWS_XRAY_DAEMON_ADDRESS: nonsense: no port"},
    {"", "udp:", NULL, "AWS_XRAY_DAEMON_ADDRESS: "},
    {"", "host:70000", NULL, "AWS_XRAY_DAEMON_ADDRESS: host:70000: port"},
    {"", "tcp:10.0.0.1:2000", NULL,
     "AWS_XRAY_DAEMON_ADDRESS: tcp:10.0.0.1:2000: no address for UDP"},
    {"", "udp:a:1 udp:b:2", NULL, "more than one address for UDP"},
    {"", "a:1 b:2", NULL, "more than one address for UDP"},
};

static void test_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ray_str address = {NULL, 0};
        struct ray_net_error error = {""};
        enum ray_status status = ray_daemon_address_find(ray_str_from(cases[i].configured),
                                                         cases[i].variable, &address, &error);
        if (cases[i].address != NULL) {
            CHECK_OK(status);
            CHECK_STR(address, cases[i].address);
            continue;
        }
        assert_int_equal(status, RAY_INVALID);
        if (strstr(error.text, cases[i].problem) == NULL) {
            fail_msg("got \"%s\", want \"%s\"", error.text, cases[i].problem);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forms)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
