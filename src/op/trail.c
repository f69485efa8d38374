/* trail - the row, as one INSERT of literals: it must fit into a script that is sent whole. */
#include "op/trail.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "config/checkout.h"
#include "op/lineage.h"

enum { END_MS = 2000 };

static const struct mark *mark_of(const struct session *s)
{
    return s->direct && s->direct != s->db ? &s->direct_mark : &s->mark;
}

static const struct db_identity *identity_of(const struct session *s)
{
    return s->direct && s->direct != s->db ? &s->direct_identity : &s->identity;
}

/* Waits for the disk, so it is asked before the transaction: no lock is held meanwhile. */
static void note_record(struct session *s)
{
    const struct ctx *ctx = s->ctx;
    if (!ctx->place || !ctx->place(ctx->sink, &s->recorded_at))
        s->recorded_at = (struct journal_place){0};
}

void trail_announce(struct session *s)
{
    const struct mark *mark = mark_of(s);
    const char *name = s->ctx->environment->name;
    switch (mark->trail) {
    case TRAIL_OPEN:
        session_fixtures(s);         /* which its rows name */
        note_record(s);
        break;
    case TRAIL_NONE:
        ctx_log(s->ctx, "info", "this write leaves no trail in the database: it keeps none; seedops mark %s begins one",
                name);
        break;
    case TRAIL_CLOSED:
        ctx_log(s->ctx, "warning", "this write leaves no trail in the database: %s may not add to seedops.actions; as its "
                "owner: GRANT INSERT ON seedops.actions TO it", identity_of(s)->user);
        break;
    case TRAIL_UNKNOWN:
        ctx_log(s->ctx, "warning", "this write leaves no trail in the database: whether it keeps one was not to be found "
                "out (%s)", mark->problem[0] ? mark->problem : "not asked");
        break;
    }
}

/* ---- values ---- */

static void add_text(struct str *sql, const char *text)
{
    str_add(sql, ", ");
    db_quote_literal(sql, text && *text ? text : NULL);
}

/* {"Station": 7, ...} of the one moment or the other. */
static void add_counts(struct str *sql, const struct trail_entry *entry, bool after)
{
    struct str text = {0};
    struct json_out o;
    json_begin(&o, &text);
    json_object(&o);
    for (size_t i = 0; i < entry->count_count; i++) {
        const struct fact_count *c = &entry->counts[i];
        int64_t rows = after ? c->after : c->before;
        json_key(&o, c->table);
        if (rows < 0)
            json_null(&o);
        else
            json_int(&o, rows);
    }
    json_object_end(&o);
    add_text(sql, entry->count_count ? str_text(&text) : NULL);
    str_free(&text);
}

static void add_time(struct str *sql, int64_t wall_ms)
{
    char text[32] = "";
    if (wall_ms > 0)
        clock_format_utc(wall_ms, text, sizeof text);
    add_text(sql, text);
}

static const char *base_name(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash ? slash + 1 : path;
}

void trail_sql(const struct session *s, const struct trail_entry *entry, struct str *sql)
{
    struct applied_set set;
    char host[256];
    if (mark_of(s)->trail != TRAIL_OPEN)
        return;
    lineage_own(s, &set);
    str_add(sql, "INSERT INTO seedops.actions (who, host, environment, action, object, plan_digest, fixture_digest, "
                 "fixture_commit, fixtures_dated, fixtures_applied, before, after, version, journal, journal_hash) VALUES (");
    db_quote_literal(sql, lineage_user());
    add_text(sql, lineage_host(host, sizeof host));
    add_text(sql, s->ctx->environment->name);
    add_text(sql, entry->action);
    add_text(sql, entry->object);
    add_text(sql, entry->plan_digest);
    add_text(sql, set.digest);
    add_text(sql, set.commit);
    add_time(sql, set.dated_ms);
    str_add(sql, entry->fixtures ? ", true" : ", false");
    add_counts(sql, entry, false);
    add_counts(sql, entry, true);
    add_text(sql, PACKAGE_VERSION);
    add_text(sql, s->recorded_at.session[0] ? s->recorded_at.session : base_name(s->ctx->journal));
    add_text(sql, s->recorded_at.hash);
    str_add(sql, ");");
}

/* ---- writing ---- */

bool trail_add(struct session *s, struct db *db, const struct trail_entry *entry, struct err *err)
{
    struct str sql = {0};
    trail_sql(s, entry, &sql);
    bool ok = sql.length == 0 || db_run(db, str_text(&sql), 0, NULL, NULL, err);
    str_free(&sql);
    return ok || err_context(err, "leaving a trail in seedops.actions");
}

void trail_left(struct session *s) { s->trailed = s->trailed || mark_of(s)->trail == TRAIL_OPEN; }

void trail_applied(struct session *s, const struct trail_entry *entry)
{
    trail_left(s);
    if (entry->fixtures)
        lineage_remember(s);
}

/* ---- the end ---- */

/* Of the session that the rows before name; another one's hash would be taken for its. */
static bool take_hash(struct session *s, const char *hash)
{
    char session[sizeof s->recorded_at.session];
    snprintf(session, sizeof session, "%s", s->recorded_at.session);
    if (hash)
        snprintf(s->recorded_at.hash, sizeof s->recorded_at.hash, "%s", hash);
    else
        note_record(s);
    return s->recorded_at.hash[0] && session[0] && strcmp(session, s->recorded_at.session) == 0;
}

bool trail_end(struct session *s, const char *hash, struct err *err)
{
    struct db *db = s->direct ? s->direct : s->db;
    struct trail_entry entry = {.action = "session", .object = "end"};
    struct str sql = {0};
    if (!s->trailed || !take_hash(s, hash))
        return true;
    s->trailed = false;
    if (!db_alive(db)) {
        err_set(err, ERR_LOST, "the connection is gone");
        return err_context(err, "leaving the journal's last hash in seedops.actions");
    }
    trail_sql(s, &entry, &sql);
    db_ignore_cancel(db, true);
    bool ok = db_run(db, str_text(&sql), END_MS, NULL, NULL, err);
    db_ignore_cancel(db, false);
    str_free(&sql);
    return ok || err_context(err, "leaving the journal's last hash in seedops.actions");
}
