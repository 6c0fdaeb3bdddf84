/* disk: a queue's folder may hold what nobody would put there. */
#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queue/disk.h"

static void check_refused(const char *path)
{
    static const int flags[] = {O_RDONLY, O_RDWR, O_RDWR | O_CREAT};
    struct ray_disk disk = ray_disk_system;
    for (size_t i = 0; i < 3; i++) {
        int file = disk.ops->open(&disk, path, flags[i]);
        if (file != -1 || errno == 0) {
            fail_msg("%s with flags %#x: %d, errno %d", path, (unsigned)flags[i], file, errno);
        }
    }
}

/* Opening a pipe waits for its other end, for ever: the program would never be ready. */
static void test_only_files_are_opened(void **state)
{
    (void)state;
    char folder[] = "/tmp/ray-disk-XXXXXX";
    char path[64];
    assert_non_null(mkdtemp(folder));
    alarm(20); /* instead of waiting */
    snprintf(path, sizeof(path), "%s/pipe", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    check_refused(path);
    alarm(0);
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    check_refused(path);
    rmdir(path);
    check_refused("/dev/null");
    struct ray_disk disk = ray_disk_system;
    int file = disk.ops->open(&disk, path, O_RDWR | O_CREAT | O_EXCL);
    if (file < 0) {
        fail_msg("%s: errno %d", path, errno);
    }
    disk.ops->close(&disk, file);
    unlink(path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_files_are_opened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
