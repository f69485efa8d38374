/* preserve - what to do first, step by step, before anybody puts anything right (keep.h has the picture).
 *
 * The slot comes before the CHECKPOINT that reading files needs: a checkpoint lets the server remove the WAL that the
 * slot would keep. A step that this role may not take becomes a line for someone who may. */
#include "preserve/keep.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "op/declared.h"
#include "op/evidence.h"
#include "op/held.h"
#include "op/trail.h"
#include "preserve/preserve.h"

#define PLENTY ((int64_t)20 << 30)      /* and one with more is not filled before somebody has looked again */
enum { DIGEST_LEAST = 12 };             /* digits of a plan's digest that name it: what the plan shows */
#define LEAST_FREE ((int64_t)1 << 30)   /* a disk with less is not given a slot that fills it */

struct preserving {
    struct session *s;
    const struct preserve_options *options;
    const struct db_table **tables;
    uint32_t *oids;
    size_t count;
    struct keep_facts facts;
    struct keep_record record;
    char *archive;                   /* the directory, NULL: no pages can be saved */
    bool slot, hold, save;           /* steps of ours */
    char digest[HASH_HEX];
    size_t done, failed;
    int64_t started_ms;
};

/* ---- shared: steps ---- */

void keep_step(struct keep_plan *plan, bool danger, const char *action, const char *object, const char *format, ...)
{
    struct input *in = plan->in;
    if (in->step_count == plan->room) {
        plan->room = plan->room ? plan->room * 2 : 16;
        in->steps = xrealloc(in->steps, plan->room * sizeof *in->steps);
    }
    char *detail;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&detail, format, args);
    va_end(args);
    in->steps[in->step_count++] = (struct fact_step){.action = xstrdup(action), .object = xstrdup(object),
        .detail = length < 0 ? xstrdup("") : detail, .rows = -1, .danger = danger};
    plan->doable++;
}

void keep_by_hand(struct keep_plan *plan, const char *who, const char *format, ...)
{
    char *line;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&line, format, args);
    va_end(args);
    keep_step(plan, false, "by hand", who, "%s", length < 0 ? "" : line);
    if (length >= 0)
        free(line);
    plan->doable--;
    plan->by_hand++;
}

void keep_plan_emit(struct session *s, struct keep_plan *plan, const char *name, char hex[HASH_HEX])
{
    struct input *in = plan->in;
    struct guard_answer guard = {0};     /* no connection to write over: refused without reasons */
    struct hash hash;
    hash_init(&hash);
    hash_add_field(&hash, s->identity.system_identifier);
    hash_add_field(&hash, s->identity.database);
    for (size_t i = 0; i < in->step_count; i++) {
        hash_add_field(&hash, in->steps[i].action);
        hash_add_field(&hash, in->steps[i].object);
    }
    hash_hex(&hash, hex);
    session_guard_shown(s, GUARD_KEEP, &guard);
    in->name = xstrdup(name);
    in->text = xstrdup(hex);
    in->number = (int64_t)plan->doable;
    in->guard = (struct fact_guard){.local = guard.local, .seed_allowed = guard.allowed,
        .migrate_allowed = guard.allowed, .reason_count = guard.reason_count,
        .reasons = xcalloc(guard.reason_count + 1, sizeof *in->guard.reasons),
        .allow_line = xstrdup(guard.allow_line)};
    for (size_t i = 0; i < guard.reason_count; i++)
        in->guard.reasons[i].text = xstrdup(guard.reasons[i]);
    for (size_t i = 0; i < in->step_count && s->ctx->face == GUARD_CONSOLE; i++)
        if (strcmp(in->steps[i].action, "by hand") == 0)   /* whole, and to be copied: a dialog has no room for that */
            ctx_log(s->ctx, "info", "by hand (%s): %s", in->steps[i].object, in->steps[i].detail);
    ctx_emit(s->ctx, in);
    plan->in = NULL;
}

bool keep_as_confirmed(const char *seen, const char *digest, struct err *err)
{
    size_t length = seen ? strlen(seen) : 0;
    if (!seen || (length >= DIGEST_LEAST && strncmp(seen, digest, length) == 0))
        return true;
    err_set(err, ERR_CONFLICT, "the plan is not the one that was confirmed any more; nothing was changed");
    return err_hint(err, "look at the new plan and confirm that");
}

void keep_outcome(struct session *s, const char *name, int64_t started_ms, size_t steps, const char *archive)
{
    struct input *in = input_new(IN_OUTCOME);
    in->name = xstrdup(name);
    in->ok = true;
    in->number = clock_mono_ms() - started_ms;
    in->number2 = (int64_t)steps;
    in->text = xstrdup(archive);
    ctx_emit(s->ctx, in);
}

/* Longer than deadlock_timeout, after which an autovacuum that is in the way gives up. */
#define BEGIN_ALTER "BEGIN; SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = '30s'; "

static bool run_one(struct db *db, const char *statements, struct err *err)
{
    struct str sql = {0};
    str_printf(&sql, BEGIN_ALTER "%s; COMMIT", statements);
    bool ok = db_run(db, str_text(&sql), 0, NULL, NULL, err);
    str_free(&sql);
    if (!ok && db_alive(db))
        db_rollback(db);
    return ok;
}

size_t keep_run_all(struct session *s, struct db *db, const struct str *statements, size_t count)
{
    struct str all = {0};
    struct err err = {0};
    size_t done = 0;
    for (size_t i = 0; i < count; i++)
        str_printf(&all, "%s%s", i ? "; " : "", str_text(&statements[i]));
    if (count == 0 || run_one(db, str_text(&all), &err))
        done = count;
    for (size_t i = 0; done < count && i < count && db_alive(db) && err.class != ERR_CANCELLED; i++) {
        if (run_one(db, str_text(&statements[i]), &err))
            done++;
        else
            ctx_log(s->ctx, "warning", "not done: %s: %s%s%s", str_text(&statements[i]), err.message,
                    err.why[0] ? ": " : "", err.why);
        if (i + 1 == count)
            break;
    }
    str_free(&all);
    return done;
}

static void add_option(struct str *set, struct str *reset, const char *name, const char *value)
{
    if (value) {
        str_printf(set, "%s%s = ", set->length ? ", " : "", name);
        db_quote_literal(set, value);
    } else {
        str_printf(reset, "%s%s", reset->length ? ", " : "", name);
    }
}

void keep_alter(struct str *sql, const char *schema, const char *name, const char *autovacuum, bool toast,
                const char *toast_autovacuum)
{
    struct str set = {0}, reset = {0}, table = {0};
    db_quote_relation(&table, schema, name);
    add_option(&set, &reset, "autovacuum_enabled", autovacuum);
    if (toast)
        add_option(&set, &reset, "toast.autovacuum_enabled", toast_autovacuum);
    if (set.length)
        str_printf(sql, "ALTER TABLE %s SET (%s)", str_text(&table), str_text(&set));
    if (reset.length)
        str_printf(sql, "%sALTER TABLE %s RESET (%s)", set.length ? "; " : "", str_text(&table), str_text(&reset));
    str_free(&set);
    str_free(&reset);
    str_free(&table);
}

/* ---- which tables ---- */

/* Held, or emptied so far that only the WAL and the catalogue tell of it. */
static bool lost_its_rows(const struct session *s, const struct db_table *t)
{
    const struct table_rule *rule = declared_rule(s, t);
    int64_t floor = rule ? rule->min_rows : -1, fixture = declared_rows(s, t);
    if (!t->details || (t->kind != 'r' && t->kind != 'm'))
        return false;
    if (t->heap_bytes > 0)
        return held_table(t, floor, fixture);
    return (floor > 0 || fixture > 0) && held_estimate(t) == 0 && (t->deleted > 0 || t->index_excess > 0);
}

/* Truncated, or made anew: the WAL and the catalogue may tell of it all the same. */
static bool is_empty(const struct session *s, const struct db_table *t)
{
    const struct table_rule *rule = declared_rule(s, t);
    return t->details && (t->kind == 'r' || t->kind == 'm') && ((rule && rule->min_rows > 0) || declared_rows(s, t) > 0) &&
           t->heap_bytes == 0 && held_estimate(t) == 0;
}

static void add_all(struct preserving *p, bool (*wanted)(const struct session *, const struct db_table *))
{
    for (size_t i = 0; i < p->s->catalog.count; i++)
        if (wanted(p->s, &p->s->catalog.tables[i]))
            p->tables[p->count++] = &p->s->catalog.tables[i];
}

static bool add_named(struct preserving *p, const char *name, struct err *err)
{
    const char *nearest = NULL;
    const struct db_table *table = db_catalog_find(&p->s->catalog, name, &nearest);
    if (!table) {
        err_set(err, ERR_USAGE, "there is no table %s", name);
        return nearest ? err_hint(err, "did you mean %s?", nearest) : false;
    }
    if (table->kind != 'r' && table->kind != 'm') {
        err_set(err, ERR_USAGE, "%s holds no rows of its own", name);
        return err_hint(err, table->kind == 'p' ? "name its partitions" : "name the tables that it reads");
    }
    p->tables[p->count++] = table;
    return true;
}

static bool choose_tables(struct preserving *p, struct err *err)
{
    const struct db_catalog *catalog = &p->s->catalog;
    p->tables = xcalloc(catalog->count + p->options->count + 1, sizeof *p->tables);
    for (size_t i = 0; i < p->options->count; i++)
        if (!add_named(p, p->options->tables[i], err))
            return false;
    if (!p->options->count)
        add_all(p, lost_its_rows);
    if (!p->options->count && !p->count)
        add_all(p, is_empty);
    p->oids = xcalloc(p->count + 1, sizeof *p->oids);
    for (size_t i = 0; i < p->count; i++)
        p->oids[i] = p->tables[i]->oid;
    if (p->count)
        return true;
    err_set(err, ERR_GENERAL, "no table is seen to have lost its rows or to be empty: there is nothing to preserve");
    return err_hint(err, "name the tables to preserve all the same: seedops preserve TABLE...");
}

/* ---- the plan ---- */

static void size_text(char out[32], int64_t bytes)
{
    if (bytes < 10 * 1000 * 1000)
        snprintf(out, 32, "%lld kB", (long long)((bytes + 999) / 1000));
    else
        snprintf(out, 32, "%lld MB", (long long)((bytes + 500000) / 1000000));
}

/* "7 tables: Catchment, Station ..." of those for which `which` holds. */
static void table_list(const struct keep_facts *f, bool (*which)(const struct keep_table *), struct str *out)
{
    size_t count = 0;
    struct str names = {0};
    for (size_t i = 0; i < f->table_count; i++)
        if (which(&f->tables[i]))
            str_printf(&names, "%s%s", count++ ? ", " : "", f->tables[i].name);
    str_printf(out, "%zu table%s: %s", count, count == 1 ? "" : "s", str_text(&names));
    str_free(&names);
}

static bool is_on(const struct keep_table *t)
{
    return !t->autovacuum || strcmp(t->autovacuum, "false") != 0 ||
           (t->toast && (!t->toast_autovacuum || strcmp(t->toast_autovacuum, "false") != 0));
}
static bool to_hold(const struct keep_table *t) { return t->owned && is_on(t); }
static bool has_pages(const struct keep_table *t) { return t->bytes + t->toast_bytes > 0; }

/* Free bytes of the server's disk, where it is this machine's; -1 unknown. */
static int64_t server_free(const struct preserving *p)
{
    struct guard_facts guard;
    struct statvfs fs;
    session_guard_facts(p->s, &guard);
    if (!guard.unix_socket || !guard_is_local(&guard, NULL) || statvfs(p->facts.data_directory, &fs) != 0)
        return -1;
    return (int64_t)(fs.f_bavail * fs.f_frsize);
}

static void plan_slot(struct preserving *p, struct keep_plan *plan)
{
    const struct keep_facts *f = &p->facts;
    int64_t room = server_free(p);
    char text[32] = "";
    bool bounded = *f->keep_most && strcmp(f->keep_most, "-1") != 0;
    if (f->slot_there) {
        keep_step(plan, false, "slot", f->slot, "there already, keeps WAL from %s", f->slot_lsn);
        return;
    }
    if (strcmp(f->wal_level, "minimal") == 0) {
        keep_by_hand(plan, "the operator", "wal_level is minimal, so no slot can keep WAL: copy pg_wal now");
    } else if (!f->replication) {
        keep_by_hand(plan, "a role with REPLICATION", "SELECT pg_create_physical_replication_slot('%s', true);", f->slot);
    } else if (f->slots >= f->slots_most) {
        keep_by_hand(plan, "the operator", "all %lld replication slots are taken (max_replication_slots): drop one, then "
                     "SELECT pg_create_physical_replication_slot('%s', true);", (long long)f->slots_most, f->slot);
    } else if (room >= 0 && room < LEAST_FREE) {
        size_text(text, room);
        keep_by_hand(plan, "the operator", "only %s are free on the server's disk, which kept WAL would fill: make room, "
                     "then SELECT pg_create_physical_replication_slot('%s', true);", text, f->slot);
    } else {
        p->slot = true;
        size_text(text, room);
        keep_step(plan, !bounded && room < PLENTY, "slot", f->slot, "keeps WAL %s%s; %s%s",
                  bounded ? "until undone, at most " : "and fills the disk until undone", bounded ? f->keep_most : "",
                  room < 0 ? "free disk not known from here" : text, room < 0 ? "" : " are free");
    }
}

static void plan_wal(const struct keep_facts *f, struct keep_plan *plan)
{
    char size[32];
    const char *directory = *f->data_directory ? f->data_directory : "$PGDATA";
    if (f->segments_why) {
        keep_by_hand(plan, "a role in pg_monitor", "SELECT name, size FROM pg_ls_waldir();   -- %s here", f->segments_why);
    } else {
        size_text(size, f->segments_bytes);
        keep_step(plan, false, "list", "WAL", "%zu segment%s, %s, the oldest %s", f->segment_count, f->segment_count == 1 ? "" : "s", size,
                  f->segment_count ? f->segments[0].name : "none");
    }
    keep_by_hand(plan, "the server's shell", "cp -p %s/pg_wal/[0-9A-F]* /a/safe/place/", directory);
}

static void plan_hold(struct preserving *p, struct keep_plan *plan)
{
    const struct keep_facts *f = &p->facts;
    struct str text = {0};
    size_t ours = 0;
    for (size_t i = 0; i < f->table_count; i++)
        ours += to_hold(&f->tables[i]);
    p->hold = ours > 0;
    if (p->hold) {
        table_list(f, to_hold, &text);
        keep_step(plan, false, "hold", "autovacuum off", "%s", str_text(&text));
    }
    for (size_t i = 0; i < f->table_count; i++) {
        const struct keep_table *t = &f->tables[i];
        if (t->owned || !is_on(t))
            continue;
        str_reset(&text);
        keep_alter(&text, t->schema, t->name, "false", t->toast != 0, "false");
        keep_by_hand(plan, arena_printf(&p->facts.arena, "the owner %s", t->owner), "%s;", str_text(&text));
    }
    str_free(&text);
}

static void plan_save(struct preserving *p, struct keep_plan *plan)
{
    const struct keep_facts *f = &p->facts;
    const char *directory = *f->data_directory ? f->data_directory : "$PGDATA";
    int64_t bytes = 0;
    for (size_t i = 0; i < f->table_count; i++)
        bytes += f->tables[i].bytes + f->tables[i].toast_bytes;
    if (bytes == 0)
        return;
    p->save = f->raw_pages || (f->read_files && f->checkpoint);
    if (p->save) {
        char size[32];
        struct str text = {0};
        size_text(size, bytes);
        table_list(f, has_pages, &text);
        keep_step(plan, false, "save", "heap pages", "%lld pages, %s, of %s", (long long)(bytes / f->block_bytes), size,
                  str_text(&text));
        str_free(&text);
        return;
    }
    keep_by_hand(plan, "a superuser", "CHECKPOINT;");
    for (size_t i = 0; i < f->table_count; i++) {
        const struct keep_table *t = &f->tables[i];
        if (has_pages(t))
            keep_by_hand(plan, "the server's shell", "cp -p %s/%s* %s%s%s/a/safe/place/   # %s", directory, t->path,
                         t->toast_bytes ? directory : "", t->toast_bytes ? "/" : "",
                         t->toast_bytes ? arena_printf(&p->facts.arena, "%s* ", t->toast_path) : "", t->name);
    }
}

static void make_plan(struct preserving *p)
{
    struct keep_plan plan = {.in = input_new(IN_PLAN)};
    keep_step(&plan, false, "record", "evidence", "what the catalogue says of %zu table%s, into the journal", p->count,
              p->count == 1 ? "" : "s");
    if (p->facts.in_recovery) {
        keep_by_hand(&plan, "a superuser", "SELECT pg_wal_replay_pause();   -- and do not promote this standby");
    } else {
        plan_slot(p, &plan);
        plan_wal(&p->facts, &plan);
        plan_hold(p, &plan);
    }
    plan_save(p, &plan);
    keep_plan_emit(p->s, &plan, "preserve", p->digest);
}

/* ---- doing it ---- */

static bool make_slot(struct preserving *p, struct db *db, struct err *err)
{
    struct db_result *r = NULL;
    struct str sql = {0};
    str_add(&sql, "SELECT lsn FROM pg_catalog.pg_create_physical_replication_slot(");
    db_quote_literal(&sql, p->facts.slot);
    str_add(&sql, ", true)");
    bool ok = db_run(db, str_text(&sql), 0, &r, NULL, err);
    if (ok)
        ctx_log(p->s->ctx, "info", "slot %s keeps WAL from %s", p->facts.slot,
                db_rows(r) && db_value(r, 0, 0) ? db_value(r, 0, 0) : "now");
    else if (db_alive(db))
        ctx_log(p->s->ctx, "warning", "no slot: %s", err->message);
    p->facts.slot_there |= ok;
    p->done += ok;
    p->failed += !ok;
    db_result_free(r);
    str_free(&sql);
    return ok || db_alive(db);
}

static bool hold_all(struct preserving *p, struct db *db, struct err *err)
{
    const struct keep_facts *f = &p->facts;
    struct str *statements = xcalloc(f->table_count + 1, sizeof *statements);
    size_t count = 0;
    for (size_t i = 0; i < f->table_count; i++)
        if (to_hold(&f->tables[i]))
            keep_alter(&statements[count++], f->tables[i].schema, f->tables[i].name, "false", f->tables[i].toast != 0,
                       "false");
    size_t done = keep_run_all(p->s, db, statements, count);
    if (done)
        ctx_log(p->s->ctx, "info", "autovacuum is off on %zu table%s", done, done == 1 ? "" : "s");
    p->done += done == count;
    p->failed += done < count;
    for (size_t i = 0; i < count; i++)
        str_free(&statements[i]);
    free(statements);
    if (db_alive(db) && !ctx_cancelled(p->s->ctx))
        return true;
    return ctx_cancelled(p->s->ctx) ? err_set(err, ERR_CANCELLED, "cancelled")
                                    : err_set(err, ERR_LOST, "the connection was lost");
}

static bool save_pages(struct preserving *p, struct db *db, struct err *err)
{
    int64_t pages = 0;
    struct err own = {0};
    if (keep_pages(p->s, db, &p->facts, p->archive, &pages, &own)) {
        ctx_log(p->s->ctx, "info", "%lld pages are saved in %s", (long long)pages, p->archive);
        p->done++;
        return true;
    }
    free(p->archive);
    p->archive = NULL;
    p->failed++;
    ctx_log(p->s->ctx, "warning", "the pages are not saved: %s%s%s", own.message, own.why[0] ? ": " : "", own.why);
    if (own.class != ERR_CANCELLED && db_alive(db))
        return true;
    *err = own;
    return false;
}

/* Two in one second: the later one gets a number. */
static char *free_name(char *path)
{
    char *name = xstrdup(path);
    for (int n = 2; access(name, F_OK) == 0 && n < 1000; n++) {
        struct str next = {0};
        str_printf(&next, "%s-%d", path, n);
        free(name);
        name = str_take(&next);
    }
    free(path);
    return name;
}

/* "ENV-20260421T121503Z" below the state directory, or as named. */
static char *archive_path(const struct preserving *p, struct err *err)
{
    if (p->options->output)
        return xstrdup(p->options->output);
    char now[32], *directory = keep_directory(p->s, err);
    if (!directory)
        return NULL;
    struct str name = {0};
    for (const char *c = p->s->ctx->environment->name; *c; c++)
        str_add_char(&name, *c == '/' || *c == '.' ? '-' : *c);
    clock_format_utc(clock_wall_ms(), now, sizeof now);
    str_add_char(&name, '-');
    for (const char *c = now; *c && *c != '.'; c++)
        if (*c != '-' && *c != ':')
            str_add_char(&name, *c);
    str_add_char(&name, 'Z');
    char *path = file_join(directory, str_text(&name));
    str_free(&name);
    free(directory);
    return free_name(path);
}

/* SAFETY 5: the evidence is in the journal and the way back is on the disk before the first write. */
static bool prepare(struct preserving *p, struct err *err)
{
    if (!evidence_record(p->s, p->tables, p->count, err) || !keep_record_lock(p->s, &p->record, err))
        return false;
    p->record.slot_ours |= p->slot;
    keep_record_add(&p->record, &p->facts);
    if (p->save && !(p->archive = archive_path(p, err)))
        return false;
    if (p->archive)
        keep_record_archive(&p->record, p->archive);
    return (!p->slot && !p->hold && !p->save) || keep_record_write(p->s, &p->record, err);
}

/* What the server says now, against what was to be. */
static bool check(struct preserving *p, struct err *err)
{
    struct keep_facts now;
    size_t still = 0;
    bool ok = keep_ask(p->s, p->oids, p->count, &now, err);
    for (size_t i = 0; ok && i < now.table_count; i++)
        still += to_hold(&now.tables[i]);
    bool slot_lost = ok && p->facts.slot_there && !now.slot_there;
    keep_facts_free(&now);
    if (!ok)
        return false;
    if (slot_lost)
        ctx_log(p->s->ctx, "warning", "slot %s is not there any more: somebody dropped it", p->facts.slot);
    if (p->failed || still || slot_lost) {
        err_set(err, ERR_GENERAL, "not everything could be preserved: %zu of %zu steps failed",
                p->failed + slot_lost, p->failed + p->done);
        return err_hint(err, "the messages above say which; run it again, what is done already stays");
    }
    return true;
}

static bool carry_out(struct preserving *p, struct err *err)
{
    struct db *db;
    if (!session_guard(p->s, GUARD_KEEP, NULL, err) || !session_direct(p->s, &db, err) || !prepare(p, err))
        return false;
    trail_announce(p->s);
    bool ok = (!p->slot || make_slot(p, db, err)) && (!p->hold || hold_all(p, db, err)) &&
              (!p->save || save_pages(p, db, err)) && check(p, err);
    if (!ok && err->class == ERR_CANCELLED)
        err_hint(err, "seedops preserve --undo takes back what was changed until then");
    struct trail_entry entry = {.action = "preserve", .plan_digest = p->digest};
    ok = ok && (p->done == 0 || trail_add(p->s, db, &entry, err));
    if (ok)
        keep_outcome(p->s, "preserve", p->started_ms, p->done, p->archive);
    return ok;
}

static bool preserve(struct preserving *p, struct err *err)
{
    if (!session_look(p->s, false, err) || !choose_tables(p, err) || !keep_record_open(p->s, &p->record, err) ||
        !keep_ask(p->s, p->oids, p->count, &p->facts, err))
        return false;
    make_plan(p);
    if (p->options->dry_run) {
        keep_outcome(p->s, "preserve", p->started_ms, 0, NULL);
        return true;
    }
    if (!keep_as_confirmed(p->options->seen, p->digest, err))
        return false;
    return carry_out(p, err);
}

bool op_preserve(struct session *s, const struct preserve_options *options, struct err *err)
{
    if (options->undo)
        return keep_undo(s, options, err);
    struct preserving p = {.s = s, .options = options, .started_ms = clock_mono_ms()};
    bool ok = preserve(&p, err);
    keep_record_close(&p.record);
    keep_facts_free(&p.facts);
    free(p.archive);
    free(p.tables);
    free(p.oids);
    return ok;
}
