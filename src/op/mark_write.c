/* mark_write - `seedops mark`: the database is told which environment it is, and keeps a trail from then on. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "op/lineage.h"
#include "op/ops.h"
#include "op/trail.h"

static const char settings_sql[] = "SET LOCAL lock_timeout = '10s'; SET LOCAL statement_timeout = '60s'; ";

static struct mark *mark_of(struct session *s) { return s->direct == s->db ? &s->mark : &s->direct_mark; }

static const struct known *known_of(const struct session *s)
{
    return s->direct == s->db ? &s->known : &s->direct_known;
}

static void emit_outcome(struct session *s, int64_t began_ms, bool written, const char *before)
{
    struct input *in = input_new(IN_OUTCOME);
    struct str now = {0};
    str_printf(&now, "%s (%s)", s->ctx->environment->name, role_name(s->ctx->environment->role));
    in->name = xstrdup("mark");
    in->ok = true;
    in->text = str_take(&now);
    in->title = xstrdup(before);
    in->number = clock_mono_ms() - began_ms;
    in->number2 = written;
    ctx_emit(s->ctx, in);
}

static bool is_marked(struct session *s)
{
    const struct mark *mark = mark_of(s);
    const struct environment *env = s->ctx->environment;
    const struct pin_identity *now = &known_of(s)->now;
    return mark->there && mark->trail != TRAIL_NONE && strcmp(mark->environment, env->name) == 0 &&
           strcmp(mark->role, role_name(env->role)) == 0 &&
           strcmp(mark->identity.system_identifier, now->system_identifier) == 0 &&
           mark->identity.database_oid == now->database_oid && strcmp(mark->identity.database, now->database) == 0;
}

static void add_literal(struct str *sql, const char *text)
{
    db_quote_literal(sql, *text ? text : NULL);
    str_add(sql, ", ");
}

static void mark_sql(struct session *s, struct str *sql)
{
    const struct environment *env = s->ctx->environment;
    const struct pin_identity *now = &known_of(s)->now;
    char host[256];
    struct str by = {0};
    str_printf(&by, "%s@%s", lineage_user(), lineage_host(host, sizeof host));
    str_add(sql, "INSERT INTO seedops.mark (environment, role, system_identifier, database, marked_by, version, "
                 "database_oid) VALUES (");
    add_literal(sql, env->name);
    add_literal(sql, role_name(env->role));
    add_literal(sql, now->system_identifier);
    add_literal(sql, now->database);
    add_literal(sql, str_text(&by));
    add_literal(sql, PACKAGE_VERSION);
    str_printf(sql, "%lu) ON CONFLICT (one) DO UPDATE SET environment = excluded.environment, role = excluded.role, "
               "system_identifier = excluded.system_identifier, database_oid = excluded.database_oid, "
               "database = excluded.database, marked_at = pg_catalog.now(), marked_by = excluded.marked_by, "
               "version = excluded.version;", (unsigned long)now->database_oid);
    str_free(&by);
}

/* CREATE ... IF NOT EXISTS wants the right to create also where there is nothing to do. */
static bool write_mark(struct session *s, struct db *db, struct err *err)
{
    struct mark *mark = mark_of(s);
    enum trail_state trail = mark->trail;
    struct trail_entry entry = {.action = "mark"};
    struct str sql = {0};
    mark->trail = trail == TRAIL_NONE ? TRAIL_OPEN : trail;   /* made by the statements before */
    trail_announce(s);
    str_add(&sql, "BEGIN; ");
    str_add(&sql, settings_sql);
    if (!mark->there || trail == TRAIL_NONE)
        str_add(&sql, mark_create_sql());
    mark_sql(s, &sql);
    trail_sql(s, &entry, &sql);
    str_add(&sql, "COMMIT");
    db_mark_committing(db, true);
    bool ok = db_run(db, str_text(&sql), 0, NULL, NULL, err);
    if (db_alive(db))
        db_mark_committing(db, false);
    str_free(&sql);
    if (ok) {
        trail_left(s);
        return true;
    }
    mark->trail = trail;
    if (db_alive(db))
        db_rollback(db);
    if (strcmp(err->sqlstate, "42501") == 0)
        err_hint(err, "as the owner of the database: GRANT CREATE ON DATABASE to the role, or run mark once as the owner");
    return err_context(err, "marking the database");
}

bool op_mark(struct session *s, bool dry_run, struct err *err)
{
    struct db *db;
    int64_t began = clock_mono_ms();
    if (!session_look(s, true, err) || !session_direct(s, &db, err))
        return false;
    if (!mark_of(s)->read) {
        err_set(err, ERR_QUERY, "whether the database is marked could not be read");
        return err_why(err, "%s", mark_of(s)->problem);
    }
    char before[96] = "";
    if (mark_of(s)->environment[0])
        snprintf(before, sizeof before, "%s (%s)", mark_of(s)->environment, mark_of(s)->role);
    bool needed = !is_marked(s);
    if (needed && !dry_run && (!session_guard(s, GUARD_KEEP, NULL, err) || !write_mark(s, db, err)))
        return false;
    emit_outcome(s, began, needed && !dry_run, before);
    return true;
}
