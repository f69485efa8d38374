/* watch_decide - the rules, from top to bottom. */
#include "op/watch_decide.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum {
    JUMP_MS = 2000,                  /* less is what clocks are trimmed by, and what a loaded machine sleeps too long */
    SHOWN = 5                        /* names in a sentence; the event has all */
};

/* ---- words ---- */

static const char *took(struct arena *arena, int64_t ms)
{
    int64_t s = (ms + 500) / 1000;
    if (s < 120)
        return arena_printf(arena, "%lld s", (long long)s);
    if (s < 7200)
        return arena_printf(arena, "%lld min", (long long)((s + 30) / 60));
    return arena_printf(arena, "%lld h %lld min", (long long)(s / 3600), (long long)(s % 3600 / 60));
}

static const char *moment(struct arena *arena, int64_t wall_ms)
{
    char text[32];
    clock_format_utc(wall_ms, text, sizeof text);
    return arena_printf(arena, "%.10s %.8s UTC", text, text + 11);
}

static bool say(struct watch_event *event, const char *text)
{
    event->text = text;
    return true;
}

/* ---- the server ---- */

static bool same_text(const char *a, const char *b) { return strcmp(a ? a : "", b ? b : "") == 0; }

static bool same_database(const struct pin_identity *a, const struct pin_identity *b)
{
    return a->database_oid == b->database_oid && strcmp(a->system_identifier, b->system_identifier) == 0 &&
           strcmp(a->database, b->database) == 0;
}

static bool restarted(const struct watch_change *c)
{
    return c->before->started_ms && c->now->started_ms && c->before->started_ms != c->now->started_ms &&
           same_database(&c->before->identity, &c->now->identity);
}

static bool find_unreachable(const struct watch_change *c, struct watch_event *event)
{
    return c->now->away && !c->before->away && say(event, arena_printf(&c->now->arena, "the database does not answer: %s",
                                                                      c->now->away_why ? c->now->away_why : ""));
}

static bool find_reachable(const struct watch_change *c, struct watch_event *event)
{
    struct arena *arena = &c->now->arena;
    if (c->now->away || !c->before->away)
        return false;
    int64_t gone = c->now->wall_ms - c->before->away_ms;
    return say(event, arena_printf(arena, "the database answers again after %s%s%s", took(arena, gone < 0 ? 0 : gone),
                                   restarted(c) ? "; the server was started at " : "",
                                   restarted(c) ? moment(arena, c->now->started_ms) : ""));
}

static bool find_restarted(const struct watch_change *c, struct watch_event *event)
{
    return !c->now->away && !c->before->away && restarted(c) &&
           say(event, arena_printf(&c->now->arena, "the server was restarted at %s and answers",
                                   moment(&c->now->arena, c->now->started_ms)));
}

static bool find_relinked(const struct watch_change *c, struct watch_event *event)
{
    return c->now->relinked && !c->now->away && !c->before->away && !restarted(c) &&
           say(event, "the connection was lost and is made again; the server was not restarted");
}

static bool find_stranger(const struct watch_change *c, struct watch_event *event)
{
    bool other = c->before->stranger && !same_database(&c->before->identity, &c->now->identity);
    return !c->now->away && c->now->stranger && (!c->before->stranger || other) &&
           say(event, c->now->stranger_why ? c->now->stranger_why : "another database answers");
}

static bool find_known_again(const struct watch_change *c, struct watch_event *event)
{
    return !c->now->away && !c->now->stranger && c->before->stranger &&
           say(event, "the database that answers is the one that is known");
}

static bool find_role(const struct watch_change *c, struct watch_event *event)
{
    return c->before->wall_ms && !c->now->away && !c->now->stranger && c->now->standby != c->before->standby &&
           c->before->started_ms && same_database(&c->before->identity, &c->now->identity) &&
           say(event, c->now->standby ? "the server is a standby now" : "the server was promoted: it is a primary now");
}

/* ---- clocks ---- */

static bool find_suspended(const struct watch_change *c, struct watch_event *event)
{
    if (!c->before->boot_ms || !c->now->boot_ms)
        return false;
    int64_t slept = (c->now->boot_ms - c->before->boot_ms) - (c->now->mono_ms - c->before->mono_ms);
    return slept >= JUMP_MS && say(event, arena_printf(&c->now->arena, "this machine was suspended for %s: nothing was looked "
                                                       "at meanwhile", took(&c->now->arena, slept)));
}

static bool find_clock(const struct watch_change *c, struct watch_event *event)
{
    if (!c->before->boot_ms || !c->now->boot_ms)
        return false;
    int64_t jump = (c->now->wall_ms - c->before->wall_ms) - (c->now->boot_ms - c->before->boot_ms);
    return llabs(jump) >= JUMP_MS &&
           say(event, arena_printf(&c->now->arena, "this machine's clock was set %s by %s: times before and after do not "
                                   "compare", jump > 0 ? "forward" : "back", took(&c->now->arena, llabs(jump))));
}

/* ---- rows ---- */

static const struct watch_table *table_of(const struct watch_state *s, const char *name)
{
    for (size_t i = 0; i < s->table_count; i++)
        if (strcmp(s->tables[i].name, name) == 0)
            return &s->tables[i];
    return NULL;
}

bool watch_lacks(const struct watch_table *now, const struct watch_table *before)
{
    if (!now->there || now->held)
        return true;
    if (now->rows < 0)
        return before && before->lacking;
    if (now->floor >= 0)
        return now->rows < now->floor;
    return now->rows == 0 && before && (before->rows > 0 || before->lacking);
}

static void put_table(struct str *out, const struct watch_table *t)
{
    str_add(out, t->name);
    if (!t->there)
        str_add(out, " is not there");
    else if (t->held && t->rows < 0)
        str_add(out, " lost rows (held)");
    else
        str_printf(out, " %s%lld", t->estimated ? "about " : "", (long long)t->rows);
    if (t->there && t->floor >= 0)
        str_printf(out, " of %lld", (long long)t->floor);
}

/* "Station 0 of 7, Sensor 0 of 14 and 3 more" */
static const char *list_tables(struct arena *arena, const struct watch_event *event, const char *before)
{
    struct str out = {0};
    str_add(&out, before);
    for (size_t i = 0; i < event->table_count && i < SHOWN; i++) {
        str_add(&out, i ? ", " : "");
        put_table(&out, event->tables[i]);
    }
    if (event->table_count > SHOWN)
        str_printf(&out, " and %zu more", event->table_count - SHOWN);
    const char *text = arena_strdup(arena, str_text(&out));
    str_free(&out);
    return text;
}

static bool find_tables(const struct watch_change *c, struct watch_event *event, bool lacking, const char *words)
{
    struct watch_state *now = c->now;
    if (now->away || now->stranger)
        return false;
    event->tables = arena_alloc(&now->arena, (now->table_count + 1) * sizeof *event->tables);
    for (size_t i = 0; i < now->table_count; i++) {
        const struct watch_table *t = &now->tables[i], *then = table_of(c->before, t->name);
        if (t->lacking == lacking && (then ? then->lacking != lacking : lacking))
            event->tables[event->table_count++] = t;
    }
    return event->table_count && say(event, list_tables(&now->arena, event, words));
}

static bool find_lost(const struct watch_change *c, struct watch_event *event)
{
    return find_tables(c, event, true, "rows are missing: ");
}

static bool find_restored(const struct watch_change *c, struct watch_event *event)
{
    return find_tables(c, event, false, "rows are there again: ");
}

/* ---- migrations ---- */

enum { NONE = MIGRATION_STATE_COUNT };

static int state_of(const struct watch_state *s, const char *name)
{
    for (size_t i = 0; i < s->migration_count; i++)
        if (strcmp(s->migrations[i].name, name) == 0)
            return s->migrations[i].state;
    return NONE;
}

static bool is_done(int state)
{
    return state == MIGRATION_APPLIED || state == MIGRATION_MISSING || state == MIGRATION_MODIFIED ||
           state == MIGRATION_SKIPPED;
}

static bool is_open(int state)
{
    return state == MIGRATION_PENDING || state == MIGRATION_OUT_OF_ORDER || state == MIGRATION_ROLLED_BACK;
}

static bool knows_migrations(const struct watch_change *c)
{
    return !c->now->away && !c->now->stranger && c->now->migrations_known;
}

static bool say_migrations(struct watch_state *now, struct watch_event *event, const char *words)
{
    size_t n = event->migration_count;
    struct str out = {0};
    str_printf(&out, "%zu migration%s %s: ", n, n == 1 ? "" : "s", words);
    for (size_t i = 0; i < n && i < SHOWN; i++)
        str_printf(&out, "%s%s", i ? ", " : "", event->migrations[i]->name);
    if (n > SHOWN)
        str_printf(&out, " and %zu more", n - SHOWN);
    event->text = arena_strdup(&now->arena, str_text(&out));
    str_free(&out);
    return n > 0;
}

/* Those that are there now and whose change `matters` (state before: NONE when it was not known). */
static bool find_migrations(const struct watch_change *c, struct watch_event *event, const char *words,
                            bool (*matters)(int before, int now, bool first))
{
    struct watch_state *now = c->now;
    if (!knows_migrations(c))
        return false;
    event->migrations = arena_alloc(&now->arena, (now->migration_count + 1) * sizeof *event->migrations);
    for (size_t i = 0; i < now->migration_count; i++)
        if (matters(state_of(c->before, now->migrations[i].name), now->migrations[i].state, !c->before->migrations_known))
            event->migrations[event->migration_count++] = &now->migrations[i];
    return say_migrations(now, event, words);
}

/* Those that were there before (state now: NONE when it is known no more); the event has them as they were. */
static bool find_former(const struct watch_change *c, struct watch_event *event, const char *words,
                        bool (*matters)(int before, int now))
{
    struct watch_state *now = c->now;
    if (!knows_migrations(c))
        return false;
    event->migrations = arena_alloc(&now->arena, (c->before->migration_count + 1) * sizeof *event->migrations);
    for (size_t i = 0; i < c->before->migration_count; i++) {
        const struct watch_migration *m = &c->before->migrations[i];
        struct watch_migration *copy = arena_alloc(&now->arena, sizeof *copy);
        if (!matters(m->state, state_of(now, m->name)))
            continue;
        *copy = (struct watch_migration){arena_strdup(&now->arena, m->name), m->state};
        event->migrations[event->migration_count++] = copy;
    }
    return say_migrations(now, event, words);
}

static bool has_failed(int before, int now, bool first)
{
    (void)first;
    return now == MIGRATION_FAILED && before != MIGRATION_FAILED;
}

static bool was_modified(int before, int now, bool first)
{
    (void)first;
    return now == MIGRATION_MODIFIED && before != MIGRATION_MODIFIED;
}

static bool came_open(int before, int now, bool first)
{
    return is_open(now) && (first || !(is_open(before) || is_done(before)));
}

static bool was_applied(int before, int now, bool first)
{
    return !first && is_done(now) && !is_done(before) && before != MIGRATION_FAILED;
}

static bool was_resolved(int before, int now) { return before == MIGRATION_FAILED && now != MIGRATION_FAILED; }

static bool was_mended(int before, int now) { return before == MIGRATION_MODIFIED && now == MIGRATION_APPLIED; }

/* The ledger has lost what it noted: emptied, another database's, or by hand. */
static bool was_forgotten(int before, int now) { return is_done(before) && (now == NONE || is_open(now)); }

static bool find_failed(const struct watch_change *c, struct watch_event *event)
{
    return find_migrations(c, event, "failed", has_failed);
}

static bool find_modified(const struct watch_change *c, struct watch_event *event)
{
    return find_migrations(c, event, "no longer what was applied (the file or the ledger's checksum changed)", was_modified);
}

static bool find_pending(const struct watch_change *c, struct watch_event *event)
{
    return find_migrations(c, event, "pending", came_open);
}

static bool find_applied(const struct watch_change *c, struct watch_event *event)
{
    return find_migrations(c, event, "applied", was_applied);
}

static bool find_resolved(const struct watch_change *c, struct watch_event *event)
{
    return find_former(c, event, "no longer failed", was_resolved);
}

static bool find_mended(const struct watch_change *c, struct watch_event *event)
{
    return find_former(c, event, "as applied again", was_mended);
}

static bool find_forgotten(const struct watch_change *c, struct watch_event *event)
{
    return find_former(c, event, "applied before, and not noted in the ledger any more", was_forgotten);
}

static bool find_unreadable(const struct watch_change *c, struct watch_event *event)
{
    return !c->now->away && c->now->ledger_problem && !c->before->ledger_problem &&
           say(event, arena_printf(&c->now->arena, "the migrations' ledger cannot be read: %s", c->now->ledger_problem));
}

static bool find_readable(const struct watch_change *c, struct watch_event *event)
{
    return !c->now->away && !c->now->ledger_problem && c->before->ledger_problem &&
           say(event, "the migrations' ledger can be read again");
}

/* ---- the table ---- */

const struct watch_rule watch_rules[] = {
    {"suspended", WATCH_NEWS, false, find_suspended, NULL},
    {"clock-jumped", WATCH_NEWS, false, find_clock, "compare the clocks: timedatectl"},
    {"unreachable", WATCH_BAD, false, find_unreachable, "seedops wait ENV says when it answers again; look at the server"},
    {"reachable", WATCH_GOOD, false, find_reachable, NULL},
    {"restarted", WATCH_NEWS, false, find_restarted, NULL},
    {"reconnected", WATCH_NEWS, false, find_relinked, NULL},
    {"identity-changed", WATCH_BAD, true, find_stranger,
     "seedops envs shows both; seedops envs --accept ENV, when it is the right one"},
    {"identity-restored", WATCH_GOOD, false, find_known_again, NULL},
    {"role-changed", WATCH_NEWS, false, find_role, NULL},
    {"below-floor", WATCH_BAD, true, find_lost,
     "seedops preserve ENV keeps what can still be read back, before anything else; then seedops diagnose ENV"},
    {"floor-restored", WATCH_GOOD, false, find_restored, NULL},
    {"ledger-unreadable", WATCH_BAD, false, find_unreadable, "seedops migrate status ENV"},
    {"ledger-readable", WATCH_GOOD, false, find_readable, NULL},
    {"migration-failed", WATCH_BAD, false, find_failed, "seedops migrate status ENV; seedops migrate resolve ENV NAME"},
    {"migration-resolved", WATCH_GOOD, false, find_resolved, NULL},
    {"migration-modified", WATCH_BAD, false, find_modified, "seedops migrate status ENV"},
    {"migration-mended", WATCH_GOOD, false, find_mended, NULL},
    {"migration-forgotten", WATCH_BAD, true, find_forgotten, "seedops diagnose ENV"},
    {"migration-pending", WATCH_BAD, false, find_pending, "seedops migrate ENV"},
    {"migration-applied", WATCH_NEWS, false, find_applied, NULL},
};
const int watch_rule_count = sizeof watch_rules / sizeof *watch_rules;
_Static_assert(sizeof watch_rules / sizeof *watch_rules <= WATCH_EVENTS, "an event for each rule");

/* ---- carrying over, deciding ---- */

static void carry_tables(const struct watch_state *before, struct watch_state *now)
{
    now->tables = arena_alloc(&now->arena, (before->table_count + 1) * sizeof *now->tables);
    for (now->table_count = 0; now->table_count < before->table_count; now->table_count++) {
        struct watch_table *t = &now->tables[now->table_count];
        *t = before->tables[now->table_count];
        t->name = arena_strdup(&now->arena, t->name);
    }
    now->tables_known = before->tables_known;
}

static void carry_migrations(const struct watch_state *before, struct watch_state *now)
{
    now->migrations = arena_alloc(&now->arena, (before->migration_count + 1) * sizeof *now->migrations);
    for (now->migration_count = 0; now->migration_count < before->migration_count; now->migration_count++) {
        const struct watch_migration *m = &before->migrations[now->migration_count];
        now->migrations[now->migration_count] = (struct watch_migration){arena_strdup(&now->arena, m->name), m->state};
    }
    now->migrations_known = before->migrations_known;
}

static void carry(const struct watch_state *before, struct watch_state *now)
{
    now->serial = before->serial;
    if (now->away) {
        now->away_ms = before->away ? before->away_ms : now->wall_ms;
        now->stranger = before->stranger;
        now->stranger_why = arena_strdup(&now->arena, before->stranger_why);
        now->identity = before->identity;
        now->started_ms = before->started_ms;
        now->standby = before->standby;
        now->ledger_problem = arena_strdup(&now->arena, before->ledger_problem);
    }
    /* what another database lacks says nothing about ours */
    if (!now->tables_known || now->away || now->stranger)
        carry_tables(before, now);
    if (!now->migrations_known || now->away || now->stranger)
        carry_migrations(before, now);
    if (now->stranger && !now->away)
        now->ledger_problem = arena_strdup(&now->arena, before->ledger_problem);
}

size_t watch_decide(const struct watch_state *before, struct watch_state *now, struct watch_event events[WATCH_EVENTS])
{
    const struct watch_change change = {before, now};
    size_t count = 0;
    carry(before, now);
    if (!now->away && !now->stranger)
        for (size_t i = 0; i < now->table_count; i++)
            now->tables[i].lacking = watch_lacks(&now->tables[i], table_of(before, now->tables[i].name));
    for (int i = 0; i < watch_rule_count; i++) {
        struct watch_event *event = &events[count];
        *event = (struct watch_event){.rule = &watch_rules[i]};
        if (!watch_rules[i].find(&change, event))
            continue;
        event->serial = ++now->serial;
        count++;
    }
    return count;
}

enum err_class watch_health(const struct watch_state *s)
{
    bool well = !s->stranger, failed = s->ledger_problem != NULL;
    if (s->away)
        return ERR_NOT_READY;
    for (size_t i = 0; i < s->table_count; i++)
        well = well && !s->tables[i].lacking;
    for (size_t i = 0; i < s->migration_count; i++) {
        failed = failed || s->migrations[i].state == MIGRATION_FAILED;
        well = well && !is_open(s->migrations[i].state) && s->migrations[i].state != MIGRATION_MODIFIED;
    }
    return failed ? ERR_MIGRATION : well ? ERR_NONE : ERR_DIFFERENT;
}

bool watch_same(const struct watch_state *a, const struct watch_state *b)
{
    if (a->serial != b->serial || a->away != b->away || a->stranger != b->stranger || a->started_ms != b->started_ms ||
        a->standby != b->standby || !same_database(&a->identity, &b->identity) ||
        !same_text(a->ledger_problem, b->ledger_problem) || a->table_count != b->table_count ||
        a->migration_count != b->migration_count || a->tables_known != b->tables_known ||
        a->migrations_known != b->migrations_known)
        return false;
    for (size_t i = 0; i < a->table_count; i++) {
        const struct watch_table *t = &a->tables[i], *u = &b->tables[i];
        if (strcmp(t->name, u->name) != 0 || t->there != u->there || t->lacking != u->lacking || t->held != u->held ||
            (t->rows > 0) != (u->rows > 0) || t->floor != u->floor)
            return false;
    }
    for (size_t i = 0; i < a->migration_count; i++)
        if (strcmp(a->migrations[i].name, b->migrations[i].name) != 0 || a->migrations[i].state != b->migrations[i].state)
            return false;
    return true;
}
