/* session_look - one round trip: who is at the other end, the ledger, the catalogue. */
#include <string.h>

#include "op/declared.h"
#include "op/held.h"
#include "op/onrecord.h"
#include "op/session.h"
#include "op/tidcount.h"

/* Names of every table worth details: configured ones, every fixture's and every reference's. Duplicates do no
 * harm. */
static size_t wanted_tables(const struct session *s, const struct fixture_set *fixtures, struct arena *arena,
                            const char ***names)
{
    const struct settings *settings = s->ctx->settings;
    const char **declared;
    size_t count = fixture_tables(fixtures, arena, &declared);
    *names = arena_grow(arena, declared, count, count + settings->table_count + 1, sizeof **names);
    for (size_t i = 0; i < settings->table_count; i++)
        (*names)[count++] = settings->tables[i].name;
    return count;
}

void session_forget_look(struct session *s)
{
    if (!s->looked && !s->listed)
        return;
    db_catalog_free(&s->catalog);
    ledger_state_free(&s->ledger_state);
    s->looked = s->looked_early = s->listed = false;
}

/* Identity, mark and ledger: what every look and every meeting begin with. */
enum { MEETING_PROBES = IDENTITY_PROBES + MARK_PROBES + LEDGER_PROBES };

static size_t meeting_probes(const struct session *s, struct db_probe probes[MEETING_PROBES])
{
    size_t count = db_identity_probes(probes);
    mark_probes(probes + count);
    count += MARK_PROBES;
    if (!s->ledger)
        return count;
    ledger_probes(s->ledger, probes + count);
    return count + LEDGER_PROBES;
}

static bool take_identity(struct session *s, const struct db_probe *probes, struct err *err)
{
    const struct environment *env = s->ctx->environment;
    return db_identity_take(s->db, env->url.pooled_hint, probes, IDENTITY_PROBES, &s->identity, err);
}

/* What follows from the identity; the ledger into *ledger, where there is one. NULL: it was not asked. */
static void take_meeting(struct session *s, const struct db_probe *probes, bool pins_later, struct ledger_state *ledger,
                         struct err *problem)
{
    const struct db_probe *mark = probes + IDENTITY_PROBES;
    db_peer_read(s->db, &s->identity, &s->peer);
    mark_take(mark, &s->mark);
    if (pins_later)
        known_visit_later(s);
    else
        known_visit(s);
    err_clear(problem);
    if (s->ledger && ledger)
        ledger_read(s->ledger, mark + MARK_PROBES, ledger, problem);
    s->met = true;
    onrecord_identity(s, false);
}

/* Whether one that was begun runs or has failed is told by who holds the lock: that is asked only then. */
static bool in_doubt(const struct ledger_state *ledger)
{
    for (size_t i = 0; i < ledger->count; i++)
        if (ledger->migrations[i].state == MIGRATION_FAILED)
            return true;
    return false;
}

bool session_meet(struct session *s, struct ledger_state *ledger, struct err *err)
{
    struct db_probe probes[MEETING_PROBES] = {0};
    struct err problem;
    size_t count = meeting_probes(s, probes) - (s->ledger != NULL);     /* the last: who holds the lock */
    if (s->ledger)
        probes[count] = (struct db_probe){0};
    ledger_state_free(ledger);
    if (!db_pipeline(s->db, probes, count, err))
        return false;
    bool ok = take_identity(s, probes, err);
    if (ok)
        take_meeting(s, probes, true, ledger, &problem);
    db_probes_free(probes, count);
    if (ok && problem.class != ERR_NONE) {
        *err = problem;
        ok = false;
    }
    return ok && (!in_doubt(ledger) || ledger_refresh(s->ledger, s->db, ledger, err));
}

/* Small tables only: a count by TID takes half a millisecond a page. */
static bool is_small(const struct db_table *table)
{
    enum { SMALL_BYTES = 200 * 8192 };
    return table->heap_bytes > 0 && table->heap_bytes <= SMALL_BYTES;
}

/* Counters that do not add up to the rows this role sees: rows deleted or rolled back, or row security. */
static bool blurred(const struct db_table *table)
{
    return is_small(table) &&
           (table->row_security || table->deleted > 0 || table->dead > 0 || table->live != table->inserted);
}

/* Rows that are lost by the counters alone, which may have begun after the rows came. A table of the application's
 * may well be empty. */
static bool said_lost(const struct session *s, const struct db_table *table)
{
    if (!is_small(table) || table->deleted <= 0)
        return false;
    const struct table_rule *rule = declared_rule(s, table);
    return (!rule || rule->class != TABLE_OPERATIONAL) &&
           held_table(table, rule ? rule->min_rows : -1, declared_rows(s, table));
}

/* After a crash the counters start from zero: whether rows are lost is then asked of a table's line pointers, which
 * costs two round trips but no evidence. What cannot be counted stays unknown. */
static void settle_counters(struct session *s, bool exactly)
{
    struct arena arena = {0};
    const struct db_table **doubtful = arena_alloc(&arena, s->catalog.count * sizeof *doubtful);
    int64_t *rows = arena_alloc(&arena, s->catalog.count * sizeof *rows);
    size_t count = 0;
    struct err ignored = {0};
    for (size_t i = 0; i < s->catalog.count; i++) {
        const struct db_table *table = &s->catalog.tables[i];
        if (table->details && table->can_select &&
            (held_unknown(table) || (exactly && blurred(table)) || said_lost(s, table)))
            doubtful[count++] = table;
    }
    tid_counts(s->db, doubtful, count, rows, &ignored);
    for (size_t i = 0; i < count; i++) {
        struct db_table *table = db_catalog_by_oid(&s->catalog, doubtful[i]->oid);
        table->counted = rows[i] >= 0;
        table->rows = rows[i] >= 0 ? rows[i] : 0;
    }
    arena_free(&arena);
}

/* One pipeline: our own probes, then the caller's, which keep their answers. */
static bool ask_look(struct session *s, const struct fixture_set *fixtures, struct db_probe *more, size_t more_count,
                     struct err *err)
{
    struct arena arena = {0};
    const char **names;
    size_t wanted = wanted_tables(s, fixtures, &arena, &names), most = MEETING_PROBES + CATALOG_PROBES;
    struct db_probe *probes = arena_alloc(&arena, (most + more_count) * sizeof *probes);
    size_t met = meeting_probes(s, probes);
    size_t count = met + db_catalog_probes(&arena, names, wanted, wanted == 0, probes + met);
    if (more_count)
        memcpy(probes + count, more, more_count * sizeof *more);
    bool ok = db_pipeline(s->db, probes, count + more_count, err) && take_identity(s, probes, err) &&
              db_catalog_take(&s->catalog, probes + met, count - met, err);
    if (ok) {
        take_meeting(s, probes, false, &s->ledger_state, &s->ledger_problem);
        s->looked = true;
    }
    db_probes_free(probes, count);
    if (more_count)
        memcpy(more, probes + count, more_count * sizeof *more);
    arena_free(&arena);
    return ok;
}

static bool look(struct session *s, struct db_probe *more, size_t more_count, struct err *err)
{
    if (!ask_look(s, &s->fixtures, more, more_count, err))
        return false;
    if (s->fixtures.count + s->ctx->settings->table_count > 0)
        settle_counters(s, more_count > 0);
    return true;
}

bool session_list(struct session *s, struct err *err)
{
    struct arena arena = {0};
    struct db_probe probes[IDENTITY_PROBES + MARK_PROBES + CATALOG_PROBES];
    const char **names;
    if ((s->looked && !s->looked_early) || s->listed)
        return true;
    session_fixtures(s);
    session_forget_look(s);
    size_t wanted = wanted_tables(s, &s->fixtures, &arena, &names), met = db_identity_probes(probes);
    mark_probes(probes + met);
    met += MARK_PROBES;
    size_t count = met + db_catalog_list_probes(&arena, names, wanted, probes + met);
    bool ok = db_pipeline(s->db, probes, count, err);
    if (ok) {
        struct err none;
        ok = take_identity(s, probes, err) && db_catalog_take(&s->catalog, probes + met, count - met, err);
        if (ok)
            take_meeting(s, probes, false, NULL, &none);
        db_probes_free(probes, count);
    }
    arena_free(&arena);
    s->listed = ok;
    if (ok && wanted)
        settle_counters(s, false);
    return ok;
}

bool session_look_early(struct session *s, const struct fixture_set *peeked, struct err *err)
{
    return s->looked_early = ask_look(s, peeked, NULL, 0, err);
}

bool session_saw_all(struct session *s)
{
    session_fixtures(s);
    struct arena arena = {0};
    const char **names;
    size_t count = fixture_tables(&s->fixtures, &arena, &names), seen = 0;
    for (; seen < count; seen++) {
        const struct db_table *table = db_catalog_find(&s->catalog, names[seen], NULL);
        if (table && !table->details)
            break;
    }
    arena_free(&arena);
    return seen == count;
}

bool session_look(struct session *s, bool refresh, struct err *err)
{
    if (s->looked && !s->looked_early && !refresh)
        return true;
    session_fixtures(s);
    if (s->looked_early && !refresh && session_saw_all(s)) {
        s->looked_early = false;
        settle_counters(s, false);
        return true;
    }
    session_forget_look(s);
    return look(s, NULL, 0, err);
}

bool session_look_deeper(struct session *s, struct db_probe *more, size_t count, struct err *err)
{
    session_fixtures(s);
    session_forget_look(s);
    return look(s, more, count, err);
}

size_t session_tables_wanted(struct session *s, struct arena *arena, const char ***names)
{
    session_fixtures(s);
    return wanted_tables(s, &s->fixtures, arena, names);
}
