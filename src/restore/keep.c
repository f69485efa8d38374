/* keep - the newer values that a restore overwrites, in a safepoint of their own. */
#include "db/copy.h"
#include "plan/safepoint.h"
#include "restore/restoring.h"

/* A section of changes: what stands there now, and what the restore sets; so going back needs no question. */
static void keep_sql(struct str *sql, const struct restored *s, size_t n)
{
    bool any = false;
    str_add(sql, "COPY (SELECT ");
    for (size_t c = 0; c < s->table->column_count; c++) {
        if (!safepoint_saves(&s->table->columns[c]))
            continue;
        str_add(sql, any ? ", t." : "t.");
        any = true;
        db_quote_identifier(sql, s->table->columns[c].name);
    }
    for (size_t i = 0; i < s->saved.column_count; i++)
        if (restore_sets(s, i))
            str_printf(sql, ", r.c%zu::%s", i, s->columns[i].live->type.name);
    str_add(sql, " FROM ");
    restore_live(sql, s, "t");
    str_printf(sql, " JOIN (pg_temp.seedops_saved_%zu r JOIN pg_temp.seedops_state_%zu s ON s.r OPERATOR(pg_catalog.=) "
               "r.ctid AND s.s OPERATOR(pg_catalog.=) 'c') ON ", n, n);
    restore_match(sql, s);
    str_add(sql, ") TO STDOUT");
}

static bool begin_section(struct safepoint *to, const struct restored *s, struct err *err)
{
    struct safepoint_change *list = xcalloc(s->saved.column_count + 1, sizeof *list);
    struct safepoint_section section = {.table = s->table, .kind = SAFEPOINT_CHANGED, .changes = list,
                                        .after_fields = true};
    for (size_t i = 0; i < s->saved.column_count; i++)
        if (restore_sets(s, i))
            list[section.change_count++].column = (size_t)(s->columns[i].live - s->table->columns);
    bool ok = safepoint_section(to, &section, err);
    free(list);
    return ok;
}

static bool take_rows(struct safepoint *to, struct db *db, int64_t *rows, struct err *err)
{
    const char *row;
    size_t length;
    for (*rows = 0;; ++*rows) {
        if (!db_copy_out_row(db, &row, &length, err))
            return false;
        if (!row)
            return true;
        if (!safepoint_rows(to, row, length, err)) {
            db_copy_out_abandon(db, NULL);
            return false;
        }
    }
}

static bool keep_section(struct restore *r, size_t n, struct safepoint *to, struct err *err)
{
    const struct restored *s = &r->sections[n];
    struct str sql = {0};
    int64_t rows = 0;
    keep_sql(&sql, s, n);
    bool ok = begin_section(to, s, err) && db_copy_out_begin(r->db, str_text(&sql), err) &&
              take_rows(to, r->db, &rows, err);
    str_free(&sql);
    if (ok && rows != s->states[ROW_CHANGED]) {
        err_set(err, ERR_CONFLICT, "%lld of %lld rows could be saved", (long long)rows,
                (long long)s->states[ROW_CHANGED]);
        ok = false;
    }
    return ok || err_context(err, "saving the newer values of \"%s\"", s->saved.name);
}

static bool create(struct restore *r, struct safepoint **to, struct err *err)
{
    struct session *s = r->session;
    const struct environment *env = s->ctx->environment;
    struct safepoint_options options = {
        .facts = {.action = "restore", .environment = env->name, .role = role_name(env->role),
                  .target = url_redacted(&env->url, &s->ctx->settings->arena),
                  .system_identifier = s->direct_identity.system_identifier, .database = db_facts(r->db)->database,
                  .database_oid = s->direct_identity.database_oid, .server_version = db_facts(r->db)->server_version,
                  .journal = s->ctx->journal, .plan_digest = r->digest},
        .dir = r->options->safepoint_dir, .state_dir = env->state_dir,
    };
    for (size_t n = 0; n < r->count; n++)
        if (r->sections[n].states[ROW_CHANGED])
            options.estimated_bytes += safepoint_estimate(r->sections[n].table, r->sections[n].states[ROW_CHANGED]);
    return safepoint_create(to, &options, err);
}

bool restore_keep(struct restore *r, struct safepoint **kept, struct err *err)
{
    *kept = NULL;
    if (!r->overwrite || restore_total(r, ROW_CHANGED) == 0)
        return true;
    bool ok = create(r, kept, err);
    for (size_t n = 0; ok && n < r->count; n++)
        ok = r->sections[n].states[ROW_CHANGED] == 0 || keep_section(r, n, *kept, err);
    if (ok && safepoint_finish(*kept, err))
        return true;
    safepoint_discard(*kept);
    *kept = NULL;
    return err_hint(err, "nothing was written");
}
