/* suspects - a batch is filled, asked and answered until none is left. */
#include "diff/suspects.h"

#include "diff/typed.h"

const char diff_begin[] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 0; "
                          "SET LOCAL lock_timeout = '3s'; ";

bool suspects_decide(struct db *db, struct match *m, struct err *err)
{
    for (;;) {
        struct typed_batch batch;
        struct db_result *result = NULL;
        bool ok = typed_fill(m, &batch, err);
        size_t count = batch.count;
        if (ok && count && m->totals.live_rows) {
            typed_ask(m, &batch);
            ok = db_query(db, batch.sql, batch.param_count, batch.params, &result, err);
        }
        ok = ok && typed_take(m, &batch, result, err);
        db_result_free(result);
        typed_free(&batch);
        if (!ok || count == 0)
            return ok;
    }
}
