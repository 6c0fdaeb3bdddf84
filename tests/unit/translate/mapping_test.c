/* Is the table of the mapping complete, and is the page made of it? */
#include "core/json_reader.h"
#include "tests/unit/check.h"
#include "translate/field.h"
#include "translate/mapping.h"
#include "translate/semconv.h"

#include <dirent.h>

static bool has_row(struct ray_str pattern)
{
    size_t count;
    return ray_mappings_of(pattern, &count) != NULL;
}

struct tally {
    const char *file;
    size_t fields;
    size_t missing;
};

static void check_field(void *context, const struct ray_field *field)
{
    struct tally *tally = context;
    tally->fields++;
    if (!has_row(field->pattern)) {
        tally->missing++;
        print_error("%s: no row for %.*s (%.*s)\n", tally->file, RAY_STR_ARG(field->pattern),
                    RAY_STR_ARG(field->path));
    }
}

static void check_documents(struct ray_json_reader *r, struct ray_arena *arena, struct tally *tally)
{
    struct ray_str document;
    for (ray_json_enter_array(r); ray_json_next_element(r);) {
        assert_true(ray_json_skip_value(r, &document));
        CHECK_OK(ray_fields_walk(document, arena, check_field, tally));
    }
}

static void check_case(struct ray_str line, struct ray_arena *arena, struct tally *tally)
{
    struct ray_json_reader r;
    struct ray_str key;
    ray_json_read_init(&r, line, arena, RAY_JSON_DEPTH_MAX);
    for (ray_json_enter_object(&r); ray_json_next_key(&r, &key);) {
        if (ray_str_eq(key, RAY_STR("expected"))) {
            check_documents(&r, arena, tally);
        } else {
            ray_json_skip_value(&r, NULL);
        }
    }
    assert_false(r.failed);
}

static void check_file(const char *name, struct tally *tally)
{
    struct ray_str file = check_read_file(name), rest = file, line;
    struct ray_arena *arena = ray_arena_new(64u << 20);
    tally->file = name;
    while (ray_str_split(&rest, '\n', &line)) {
        if (line.len > 0) {
            ray_arena_reset(arena);
            check_case(line, arena, tally);
        }
    }
    ray_arena_free(arena);
    free((void *)(uintptr_t)file.ptr);
}

static void check_folder(const char *folder, struct tally *tally)
{
    char path[512], name[512];
    snprintf(path, sizeof(path), "%s/%s", RAY_TEST_DATA, folder);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (ray_str_ends_with(ray_str_from(entry->d_name), RAY_STR(".jsonl"))) {
            snprintf(name, sizeof(name), "%s/%.200s", folder, entry->d_name);
            check_file(name, tally);
        }
    }
    closedir(dir);
}

static void test_every_golden_field_has_a_row(void **state)
{
    (void)state;
    struct tally tally = {0};
    check_folder("golden/parity", &tally);
    check_folder("golden/deviations", &tally);
    assert_int_equal(tally.missing, 0);
    assert_true(tally.fields > 10000); /* else the golden files were not read */
}

/* The name in "span:NAME=VALUE". */
static struct ray_str source_name(const char *from)
{
    struct ray_str name = ray_str_from(from);
    name = ray_str_from_pos(name, ray_str_find_byte(name, ':') + 1);
    return ray_str_until(name, ray_str_find_byte(name, '='));
}

static bool some_row_names(struct ray_str name)
{
    size_t count;
    const struct ray_mapping *rows = ray_mappings(&count);
    for (size_t i = 0; i < count; i++) {
        if (ray_str_eq(source_name(rows[i].from), name)) {
            return true;
        }
    }
    return false;
}

static void test_every_known_name_has_a_row(void **state)
{
    (void)state;
    size_t missing = 0;
    for (unsigned key = RAY_KEY_NONE + 1; key < RAY_KEY_COUNT; key++) {
        struct ray_str name = ray_semconv_name((enum ray_key)key);
        if (!some_row_names(name)) {
            print_error("no row for the attribute %.*s\n", RAY_STR_ARG(name));
            missing++;
        }
    }
    assert_int_equal(missing, 0);
}

/* A row that stands apart from the others of its path would never be found. */
static void test_rows_of_a_path_stand_together(void **state)
{
    (void)state;
    size_t count, seen = 0, of_path;
    const struct ray_mapping *rows = ray_mappings(&count);
    for (size_t i = 0; i < count; i += of_path) {
        const struct ray_mapping *first = ray_mappings_of(ray_str_from(rows[i].path), &of_path);
        assert_string_equal(first->path, rows[i].path);
        assert_ptr_equal(first, &rows[i]);
        seen += of_path;
    }
    assert_int_equal(seen, count);
}

static void test_the_page_is_made_of_the_table(void **state)
{
    (void)state;
    struct ray_buf page;
    ray_buf_init(&page, 1u << 20);
    ray_mapping_write_page(&page);
    assert_false(page.failed);
    struct ray_str file = check_read_file("../docs/mapping.md");
    if (!ray_str_eq(ray_buf_str(&page), file)) {
        fail_msg("docs/mapping.md is old: spanbridge translate --mapping > docs/mapping.md");
    }
    free((void *)(uintptr_t)file.ptr);
    ray_buf_clear(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_golden_field_has_a_row),
        cmocka_unit_test(test_every_known_name_has_a_row),
        cmocka_unit_test(test_rows_of_a_path_stand_together),
        cmocka_unit_test(test_the_page_is_made_of_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
