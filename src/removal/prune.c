/* prune - prune, reset and converge (SAFETY 5):
 *
 *   evidence ─▶ plan (read only) ─▶ nothing goes: done
 *               ▲      │ as confirmed? guard: environment, operational tables
 *               │      ▼
 *               └── one transaction: lock, save, delete, check, (seed), COMMIT
 *               a serialization failure: the safepoint is discarded and all begins anew, three times */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "op/evidence.h"
#include "removal/removal.h"

enum { ATTEMPTS = 3, DIGEST_LEAST = 8 };

/* ---- which tables ---- */

static bool want_named(struct removal *r, struct err *err)
{
    for (size_t t = 0; t < r->options->table_count; t++) {
        const struct bound *b = declared_find(&r->declared, r->options->tables[t], err);
        if (!b)
            return false;
        if (r->options->kind != REMOVAL_RESET && !b->fixture->prune) {
            err_set(err, ERR_REFUSED, "%s is not pruned: its fixture does not say prune: true", b->fixture->table);
            err_hint(err, "say prune: true where its rows are declared, if rows it does not declare are stale");
            return err_at(err, b->fixture->file, 0, 0);
        }
        r->wanted[b - r->declared.set.items] = true;
    }
    return true;
}

static bool only_tables(struct removal *r, struct err *err)
{
    for (size_t i = 0; i < r->declared.set.count; i++) {
        const struct bound *b = &r->declared.set.items[i];
        if (!r->wanted[i] || b->table->kind == 'r' || b->table->kind == 'p')
            continue;
        err_set(err, ERR_REFUSED, "%s is not a table, so what goes with its rows cannot be found out", b->fixture->table);
        return err_hint(err, "prune the tables below it");
    }
    return true;
}

static bool choose(struct removal *r, struct err *err)
{
    r->wanted = xcalloc(r->declared.set.count + 1, sizeof *r->wanted);
    if (!want_named(r, err))
        return false;
    for (size_t i = 0; r->options->table_count == 0 && i < r->declared.set.count; i++)
        r->wanted[i] = r->options->kind == REMOVAL_RESET || r->declared.set.items[i].fixture->prune;
    return only_tables(r, err);
}

/* ---- held tables (SAFETY 4) ---- */

/* A prune looks at what hangs on its tables; a reset and a converge also write every declared table. */
static bool reaches(const struct removal *r, size_t i)
{
    return r->options->kind != REMOVAL_PRUNE || !r->made ||
           graph_find(&r->graph, r->declared.set.items[i].table->oid) != SIZE_MAX;
}

static bool record_evidence(struct removal *r, struct err *err)
{
    const struct db_table **tables = xcalloc(r->declared.set.count + 1, sizeof *tables);
    size_t count = 0;
    for (size_t i = 0; i < r->declared.set.count; i++)
        if (r->declared.evidence[i] && reaches(r, i))
            tables[count++] = r->declared.set.items[i].table;
    if (count)
        ctx_log(r->session->ctx, "warning", "%zu %s deleted rows that may still be readable; the catalogue's evidence "
                "is recorded, the rows themselves will be lost", count, count == 1 ? "table has" : "tables have");
    bool ok = count == 0 || evidence_record(r->session, tables, count, err);
    r->recorded = true;
    free(tables);
    return ok;
}

static bool any(const struct removal *r, const bool *flags)
{
    for (size_t i = 0; i < r->declared.set.count; i++)
        if (flags[i])
            return true;
    return false;
}

/* A plan scans, and a scan destroys what deleted rows could be read back from: only after the evidence is on record,
 * and a dry run never unasked. A table that is known to be empty is planned without being read. On a standby a scan
 * destroys nothing. */
static bool spare_evidence(struct removal *r, struct err *err)
{
    struct err refused = {0};
    if (!any(r, r->declared.evidence) && !any(r, r->declared.held))
        return true;
    if (!declared_count_held(r->session, &r->declared, err))
        return false;
    if (!any(r, r->declared.held) || r->session->identity.in_recovery)
        return true;
    if (r->options->scan || (!r->options->dry_run && session_guard(r->session, GUARD_DESTROY, NULL, &refused)))
        return record_evidence(r, err);
    err_set(err, ERR_DIFFERENT, "a table is held, so it is not compared unasked");
    err_why(err, "rows were deleted from it, and a scan would destroy what can be read back");
    return err_hint(err, "preserve what is left first; --scan goes on all the same");
}

/* ---- the procedure ---- */

/* A converge from which nothing goes is a seed. */
static enum guard_class class_of(const struct removal *r)
{
    return r->options->kind == REMOVAL_CONVERGE && r->rows == 0 ? GUARD_SEED : GUARD_DESTROY;
}

static void emit_nothing(struct removal *r)
{
    struct input *in = input_new(IN_OUTCOME);
    in->name = xstrdup(removal_word(r));
    in->ok = true;
    in->number = clock_mono_ms() - r->started_ms;
    ctx_emit(r->session->ctx, in);
}

static bool plan_again(struct removal *r, struct err *err)
{
    removal_forget(r);
    if (!removal_plan(r, err))
        return false;
    r->session->ctx->operational = (const char *const *)r->operational;
    r->session->ctx->operational_count = r->operational_count;
    session_guard_shown(r->session, class_of(r), &r->guard);
    if (r->options->row && !r->options->row(r->options->context, NULL, err))
        return false;
    ctx_emit(r->session->ctx, removal_event(r));
    return true;
}

static bool other_plan(struct err *err)
{
    err_set(err, ERR_REFUSED, "the plan is not the one that was confirmed; nothing was deleted");
    err_why(err, "the rows, the fixtures or the schema changed meanwhile");
    return err_hint(err, "look at the new plan and confirm that");
}

static bool as_confirmed(const struct removal *r, struct err *err)
{
    const char *seen = r->options->seen;
    if (!seen)
        return true;
    if (strlen(seen) < DIGEST_LEAST) {
        err_set(err, ERR_USAGE, "\"%s\" is too short for a plan's digest", seen);
        return err_hint(err, "at least its first %d digits", DIGEST_LEAST);
    }
    return strncmp(seen, r->digest, strlen(seen)) == 0 || other_plan(err);
}

static bool nothing_to_do(const struct removal *r)
{
    return r->rows == 0 && r->options->kind != REMOVAL_RESET && !(r->seeds && r->seed.rows);
}

static bool restart(const struct err *err)
{
    return strcmp(err->sqlstate, "40001") == 0 || strcmp(err->sqlstate, "40P01") == 0;
}

static bool carry_out(struct removal *r, struct err *err)
{
    struct db *db;
    char first[HASH_HEX];
    memcpy(first, r->digest, sizeof first);
    for (r->attempt = 1;; r->attempt++) {
        if (!session_guard(r->session, class_of(r), NULL, err) || !session_direct(r->session, &db, err) ||
            !(r->recorded || record_evidence(r, err)))
            return false;
        if (removal_do(r, db, err))
            return true;
        if (r->another) {            /* SAFETY 5: the new plan is shown */
            struct err unread = {0};
            plan_again(r, &unread);
            return false;
        }
        if (!restart(err) || r->attempt == ATTEMPTS) {
            if (restart(err)) {
                err->class = ERR_CONFLICT;
                err_hint(err, "nothing was deleted; others write to these rows all the time: try when they pause");
            }
            return false;
        }
        ctx_log(r->session->ctx, "info", "%s; beginning anew", err->message);
        declared_forget_counts(&r->declared);
        if (!plan_again(r, err))
            return false;
        if (strcmp(first, r->digest) != 0)
            return other_plan(err);
    }
}

static bool run(struct removal *r, struct err *err)
{
    if (!choose(r, err) || !spare_evidence(r, err))
        return false;
    if (r->options->kind != REMOVAL_PRUNE && !declared_validate(r->session, &r->declared, err))
        return false;
    if (!plan_again(r, err))
        return false;
    if (nothing_to_do(r) || r->options->dry_run) {
        emit_nothing(r);
        return true;
    }
    if (!removal_refuse_blocked(r, err) || !as_confirmed(r, err) || !carry_out(r, err))
        return false;
    ctx_emit(r->session->ctx, r->outcome);
    r->outcome = NULL;
    return true;
}

bool op_prune(struct session *s, const struct prune_options *options, struct err *err)
{
    struct removal r = {.session = s, .options = options, .started_ms = clock_mono_ms()};
    if (!declared_load(s, &r.declared, err))
        return false;
    bool ok = run(&r, err);
    s->ctx->operational = NULL;
    s->ctx->operational_count = 0;
    removal_forget(&r);
    free(r.wanted);
    declared_free(&r.declared);
    return ok;
}
