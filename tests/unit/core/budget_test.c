/* Does the budget hold its limit, also when many threads take at once? */
#include "tests/unit/check.h"

#include "core/budget.h"

#include <pthread.h>

static void takes_to_the_limit(void **state)
{
    (void)state;
    struct ray_budget budget;
    ray_budget_init(&budget, 100);
    assert_true(ray_budget_take(&budget, 60));
    assert_false(ray_budget_take(&budget, 41));
    assert_false(ray_budget_take(&budget, SIZE_MAX));
    assert_int_equal(ray_budget_used(&budget), 60);
    assert_true(ray_budget_take(&budget, 40));
    assert_true(ray_budget_take(&budget, 0));
    assert_false(ray_budget_take(&budget, 1));
    ray_budget_give(&budget, 60);
    assert_true(ray_budget_take(&budget, 1));
    assert_int_equal(ray_budget_used(&budget), 41);
}

static void *take_and_give(void *argument)
{
    struct ray_budget *budget = argument;
    for (int i = 0; i < 20000; i++) {
        if (ray_budget_take(budget, 7)) {
            if (ray_budget_used(budget) > budget->limit_bytes) {
                return budget; /* over the limit: not NULL */
            }
            ray_budget_give(budget, 7);
        }
    }
    return NULL;
}

static void many_threads_balance(void **state)
{
    (void)state;
    struct ray_budget budget;
    ray_budget_init(&budget, 20);
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, &budget), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        void *problem = NULL;
        pthread_join(threads[i], &problem);
        assert_null(problem);
    }
    assert_int_equal(ray_budget_used(&budget), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_to_the_limit),
        cmocka_unit_test(many_threads_balance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
