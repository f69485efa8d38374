/* undo - takes back what a preserve changed in the database: the slot, and autovacuum's options as they
 * were. The archive of pages stays: it may be all that is left.
 *
 * The record of this machine says how things were. Without it (the preserve ran elsewhere) the slot is recognised by
 * its name; a table's options only where it is named, because nothing says who set them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "op/trail.h"
#include "preserve/keep.h"
#include "preserve/preserve.h"

struct undoing {
    struct session *s;
    const struct preserve_options *options;
    struct keep_record record;
    struct keep_facts facts;
    uint32_t *oids;
    size_t count;
    struct str *statements;          /* one a table */
    size_t statement_count;
    bool drop_slot, left;            /* left: something is not ours to take back */
    char digest[HASH_HEX];
    size_t done;
    int64_t started_ms;
};

static bool is_off(const char *value) { return value && strcmp(value, "false") == 0; }

/* Tables of the record; without one those that are named, or have autovacuum off. */
static bool choose(struct undoing *u, struct err *err)
{
    const struct db_catalog *catalog = &u->s->catalog;
    u->oids = xcalloc(u->record.table_count + catalog->count + u->options->count + 1, sizeof *u->oids);
    for (size_t i = 0; i < u->record.table_count; i++)
        u->oids[u->count++] = u->record.tables[i].oid;
    for (size_t i = 0; i < u->options->count; i++) {
        const struct db_table *table = db_catalog_find(catalog, u->options->tables[i], NULL);
        if (!table)
            return err_set(err, ERR_USAGE, "there is no table %s", u->options->tables[i]);
        u->oids[u->count++] = table->oid;
    }
    for (size_t i = 0; !u->count && i < catalog->count; i++)
        if (catalog->tables[i].autovacuum_off)
            u->oids[u->count++] = catalog->tables[i].oid;
    return true;
}

static const struct keep_saved *saved_of(const struct keep_record *record, uint32_t oid)
{
    for (size_t i = 0; i < record->table_count; i++)
        if (record->tables[i].oid == oid)
            return &record->tables[i];
    return NULL;
}

static bool same(const char *a, const char *b) { return a && b ? strcmp(a, b) == 0 : a == b; }

/* What somebody set since is theirs. */
static void plan_table(struct undoing *u, struct keep_plan *plan, const struct keep_table *t)
{
    const struct keep_saved *saved = saved_of(&u->record, t->oid);
    bool own = is_off(t->autovacuum), toast = t->toast && is_off(t->toast_autovacuum);
    bool known = saved || u->options->count;
    struct str sql = {0};
    if ((!own && !toast) || (saved && same(t->autovacuum, saved->autovacuum) &&
                             same(t->toast_autovacuum, saved->toast_autovacuum)))
        return;
    keep_alter(&sql, t->schema, t->name, saved ? saved->autovacuum : NULL, t->toast != 0,
               saved ? saved->toast_autovacuum : NULL);
    if (known && t->owned) {
        u->statements[u->statement_count++] = sql;
        keep_step(plan, false, "restore", t->name, "autovacuum %s", saved && saved->autovacuum
                  ? strcmp(saved->autovacuum, "false") == 0 ? "stays off, as it was before" : "on, as it was set before"
                  : "as the server has it by default");
        return;
    }
    u->left = true;
    keep_by_hand(plan, arena_printf(&u->facts.arena, "the owner %s", t->owner), "%s;%s", str_text(&sql), known ? "" : "   -- if a preserve set it");
    str_free(&sql);
}

static void plan_slot(struct undoing *u, struct keep_plan *plan)
{
    const struct keep_facts *f = &u->facts;
    if (!f->slot_there || (u->record.there && !u->record.slot_ours))
        return;
    u->drop_slot = f->replication && !f->slot_active;
    if (u->drop_slot) {
        keep_step(plan, true, "drop", f->slot, "the WAL it keeps since %s may be removed then", f->slot_lsn);
        return;
    }
    u->left = true;
    keep_by_hand(plan, f->slot_active ? "after ending its reader" : "a role with REPLICATION",
                 "SELECT pg_drop_replication_slot('%s');", f->slot);
}

static void make_plan(struct undoing *u)
{
    struct keep_plan plan = {.in = input_new(IN_PLAN)};
    u->statements = xcalloc(u->facts.table_count + 1, sizeof *u->statements);
    plan_slot(u, &plan);
    for (size_t i = 0; i < u->facts.table_count; i++)
        plan_table(u, &plan, &u->facts.tables[i]);
    if (u->record.there && plan.doable + plan.by_hand == 0)
        keep_step(&plan, false, "forget", "the record", "nothing of it is in force any more");
    keep_plan_emit(u->s, &plan, "preserve --undo", u->digest);
}

static bool drop_slot(struct undoing *u, struct db *db, struct err *err)
{
    struct str sql = {0};
    str_add(&sql, "SELECT pg_catalog.pg_drop_replication_slot(");
    db_quote_literal(&sql, u->facts.slot);
    str_add_char(&sql, ')');
    bool ok = db_run(db, str_text(&sql), 0, NULL, NULL, err);
    str_free(&sql);
    if (ok)
        ctx_log(u->s->ctx, "info", "slot %s is dropped", u->facts.slot);
    u->done += ok;
    return ok || err_context(err, "slot %s", u->facts.slot);
}

static bool restore_options(struct undoing *u, struct db *db, struct err *err)
{
    size_t done = keep_run_all(u->s, db, u->statements, u->statement_count);
    u->done += done;
    if (done)
        ctx_log(u->s->ctx, "info", "autovacuum is as it was on %zu table%s", done, done == 1 ? "" : "s");
    if (done == u->statement_count)
        return true;
    err_set(err, ERR_GENERAL, "autovacuum is still off on %zu of %zu tables", u->statement_count - done,
            u->statement_count);
    return err_hint(err, "the messages above say why; run it again");
}

/* The plan is of the record as it was read then. */
static bool lock_record(struct undoing *u, struct err *err)
{
    size_t tables = u->record.table_count, archives = u->record.archive_count;
    if (!keep_record_lock(u->s, &u->record, err))
        return false;
    if (u->record.table_count == tables && u->record.archive_count == archives)
        return true;
    err_set(err, ERR_CONFLICT, "another preserve or undo was at work meanwhile");
    return err_hint(err, "nothing was changed; look at the new plan");
}

static bool carry_out(struct undoing *u, struct err *err)
{
    struct db *db;
    if (!session_guard(u->s, GUARD_KEEP, NULL, err) || !session_direct(u->s, &db, err) || !lock_record(u, err))
        return false;
    trail_announce(u->s);
    if ((u->statement_count && !restore_options(u, db, err)) || (u->drop_slot && !drop_slot(u, db, err)))
        return false;
    if (u->done && !trail_add(u->s, db, &(struct trail_entry){.action = "preserve --undo", .plan_digest = u->digest}, err))
        return false;
    if (u->left) {
        err_set(err, ERR_GENERAL, "not all of it could be taken back");
        err_why(err, u->record.there ? "this role may not do the rest"
                                     : "this machine has no record of a preserve here, and this role or the lack of it "
                                       "leaves the rest");
        return err_hint(err, "the lines marked \"by hand\" do the rest");
    }
    return keep_record_remove(&u->record, err);
}

static bool undo(struct undoing *u, struct err *err)
{
    if (!session_look(u->s, false, err) || !keep_record_open(u->s, &u->record, err) || !choose(u, err) ||
        !keep_ask(u->s, u->oids, u->count, &u->facts, err))
        return false;
    make_plan(u);
    if (!u->options->dry_run &&
        (!keep_as_confirmed(u->options->seen, u->digest, err) || !carry_out(u, err)))
        return false;
    if (!u->options->dry_run && u->record.archive_count)
        ctx_log(u->s->ctx, "info", "the saved pages stay in %s", u->record.archives[u->record.archive_count - 1]);
    keep_outcome(u->s, "preserve --undo", u->started_ms, u->done, NULL);
    return true;
}

bool keep_undo(struct session *s, const struct preserve_options *options, struct err *err)
{
    struct undoing u = {.s = s, .options = options, .started_ms = clock_mono_ms()};
    bool ok = undo(&u, err);
    for (size_t i = 0; i < u.statement_count; i++)
        str_free(&u.statements[i]);
    free(u.statements);
    free(u.oids);
    keep_record_close(&u.record);
    keep_facts_free(&u.facts);
    return ok;
}
