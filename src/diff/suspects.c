/* suspects - a batch is filled, asked and answered until none is left. */
#include "diff/suspects.h"

#include "diff/typed.h"

const char diff_begin[] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 0; "
                          "SET LOCAL lock_timeout = '3s'; ";

/* With memory to spare the planner hashes the whole table for each batch of a thousand; a key's index is at hand, and the
 * pages have just been read. One batch is not worth the round trip. */
static bool prefer_index(struct db *db, size_t batches, struct err *err)
{
    return batches != 1 || db_run(db, "SET LOCAL random_page_cost = 1", 0, NULL, NULL, err);
}

bool suspects_decide(struct db *db, struct match *m, struct err *err)
{
    for (size_t batches = 0;; batches++) {
        struct typed_batch batch;
        struct db_result *result = NULL;
        bool ok = typed_fill(m, &batch, err);
        size_t count = batch.count;
        if (ok && batch.asked && m->totals.live_rows) {
            typed_ask(m, &batch);
            ok = prefer_index(db, batches, err) && db_query(db, batch.sql, batch.param_count, batch.params, &result, err);
        }
        ok = ok && typed_take(m, &batch, result, err);
        db_result_free(result);
        typed_free(&batch);
        if (!ok || count == 0)
            return ok;
    }
}
