/* verify - for CI: identity, migrations, floors, fixtures, references, sequences. Every finding is a line of its own
 * (level "finding", title: which of these); rows that are extra are no finding. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "diff/diff.h"
#include "op/count.h"
#include "op/ops.h"
#include "op/soundness.h"

struct verification {
    struct session *session;
    struct input *counted;         /* tables, told with what the comparison finds */
    size_t findings;
};

static void finding(struct verification *v, const char *check, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void finding(struct verification *v, const char *check, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    v->findings++;
    struct input *in = input_new(IN_LOG);
    in->name = xstrdup("finding");
    in->title = xstrdup(check);
    in->text = xstrdup(text);
    ctx_emit(v->session->ctx, in);
}

/* ---- identity ---- */

/* A copy or a mark that differs is for the guard; another database than the one that was known is not this one. */
static void check_identity(struct verification *v)
{
    const struct known *known = &v->session->known;
    struct str text = {0};
    if (known->state == KNOWN_CHANGED || known->broken[0]) {
        known_sentence(known, v->session->ctx->environment, &text);
        finding(v, "identity", "%s", str_text(&text));
    }
    str_free(&text);
}

/* ---- migrations ---- */

static void check_migrations(struct verification *v)
{
    struct session *s = v->session;
    if (s->ledger_error.class != ERR_NONE)
        finding(v, "migrations", "migrations: %s", s->ledger_error.message);
    if (s->ledger_problem.class != ERR_NONE)
        finding(v, "migrations", "migrations: %s", s->ledger_problem.message);
    for (size_t i = 0; s->ledger && i < s->ledger_state.count; i++) {
        const struct migration *m = &s->ledger_state.migrations[i];
        if (m->state != MIGRATION_APPLIED && m->state != MIGRATION_SKIPPED)
            finding(v, "migrations", "migration %s is %s", m->name, migration_state_name(m->state));
    }
}

/* ---- floors ---- */

static void check_floor(struct verification *v, const struct fact_table *t)
{
    if (t->note && t->note[0])
        finding(v, "floors", "%s: %s", t->name, t->note);
    else if (t->held)
        finding(v, "floors", "%s is held: rows were deleted from it and a scan would destroy what can be read back; "
                   "--scan looks anyway", t->name);
    if (t->min_rows >= 0 && t->rows >= 0 && t->rows < t->min_rows)
        finding(v, "floors", "%s has %s%lld %s, its floor is %lld", t->name, t->estimated ? "about " : "",
                (long long)t->rows, t->rows == 1 ? "row" : "rows", (long long)t->min_rows);
}

static bool check_floors(struct verification *v, bool scan, struct err *err)
{
    if (!count_tables(v->session, scan, true, &v->counted, err))
        return false;
    for (size_t i = 0; i < v->counted->table_count; i++)
        check_floor(v, &v->counted->tables[i]);
    return true;
}

/* ---- fixtures ---- */

static void note_totals(struct verification *v, const char *table, const struct diff_totals *totals)
{
    for (size_t i = 0; i < v->counted->table_count; i++) {
        struct fact_table *t = &v->counted->tables[i];
        if (strcmp(t->name, table) != 0)
            continue;
        t->missing = (int64_t)totals->missing;
        t->changed = (int64_t)totals->changed;
        t->extra = (int64_t)totals->extra;
        t->allowed_changed = (int64_t)totals->allowed_changed;
        t->allowed_extra = (int64_t)totals->allowed_extra;
    }
}

static bool check_table(void *context, const char *table, const struct diff_totals *totals, bool held,
                        struct err *err)
{
    struct verification *v = context;
    uint64_t changed = totals->changed - totals->allowed_changed;
    (void)err;
    if (!held)
        note_totals(v, table, totals);
    if (held)
        finding(v, "fixtures", "%s was not compared with its fixture: it, or a table it refers to, is held", table);
    else if (totals->missing || changed)
        finding(v, "fixtures", "%s differs from its fixture: %llu missing, %llu changed", table,
                (unsigned long long)totals->missing, (unsigned long long)changed);
    return true;
}

static bool check_fixtures(struct verification *v, bool scan, struct err *err)
{
    struct diff_report report = {.context = v, .end = check_table};
    bool identical;
    if (v->session->fixtures.count == 0 && v->session->fixture_problems.count == 0)
        return true;
    return op_diff(v->session, NULL, 0, scan, &report, &identical, err);
}

/* ---- references, sequences ---- */

static void unsound(void *context, const char *check, const char *text)
{
    finding(context, check, "%s", text);
}

static bool check_soundness(struct verification *v, bool scan, struct err *err)
{
    struct soundness_report report = {.context = v, .finding = unsound};
    return soundness_check(v->session, scan, &report, err);
}

bool op_verify(struct session *s, bool scan, struct err *err)
{
    struct verification v = {.session = s};
    session_fixtures(s);
    if (!session_look(s, false, err))
        return false;
    check_identity(&v);
    check_migrations(&v);
    bool ok = check_floors(&v, scan, err);
    ok = ok && check_fixtures(&v, scan, err);
    if (v.counted)
        ctx_emit(s->ctx, v.counted);
    if (!ok || !check_soundness(&v, scan, err))
        return false;
    if (v.findings == 0)
        return true;
    err_set(err, ERR_DIFFERENT, "verification found %zu %s", v.findings, v.findings == 1 ? "problem" : "problems");
    return err_hint(err, "seedops migrate, then seedops seed put it right; seedops diff shows the rows");
}
