/* act_write - what writes, or costs something. Nothing here does it at once: a dialog asks, and what it
 * confirms is an effect. */
#include "app/act.h"

#include <stdlib.h>
#include <string.h>

#include "app/dialog.h"
#include "app/list.h"
#include "app/request.h"
#include "app/screen.h"
#include "app/util.h"
#include "base/err.h"
#include "base/str.h"
#include "base/text.h"

static const char *environment_name(const struct model *m)
{
    return text_is_empty(m->facts.server.environment) ? or_empty(m->environment)
                                                      : m->facts.server.environment;
}

/* What must be typed before a write of this action: the environment's name where the class asks for it, and
 * on production always (Enter alone never confirms a write there). */
static const char *name_to_type(const struct model *m, const char *action)
{
    unsigned needs = action_find(action)->needs;
    bool asked = needs & NAMED_EVERYWHERE || (needs & NEEDS_NAME && !facts_local(m));
    return asked || facts_production(m) ? environment_name(m) : "";
}

/* "Seed · PRODUCTION": what, and where. */
static void title_of(const struct model *m, const char *what, struct str *out)
{
    str_add(out, what);
    str_add(out, " \xc2\xb7 ");
    const char *role = or_empty(m->facts.server.role);
    for (; *role; role++)
        str_add_char(out, *role >= 'a' && *role <= 'z' ? (char)(*role - 32) : *role);
    str_add(out, " ");
    text_visible(out, environment_name(m), strlen(environment_name(m)));
}

static void confirm(struct model *m, const char *action, const char *what, const char *target,
                    const char *body)
{
    struct str title = {0};
    title_of(m, what, &title);
    dialog_confirm(m, action, target, name_to_type(m, action), action_find(action)->needs & DESTRUCTIVE,
                   str_text(&title), body);
    str_free(&title);
}

ACTION(write_mode)
{
    if (m->write_mode) {
        m->write_mode = false;
        notice_set(m, "info", "Write mode is off.");
    } else if (m->facts.server.in_recovery) {
        notice_set(m, "warn", "This server is a standby and takes no writes.");
    } else if (facts_production(m)) {
        confirm(m, "write-mode", "Write mode", NULL,
                "Writes become possible here for as long as you work, and end after ten idle minutes.");
    } else {
        action_find("write-mode")->confirmed(m, "", "", out);
    }
}

CONFIRMED(write_mode)
{
    m->write_mode = true;
    m->write_until_ms = m->now_ms + WRITE_MODE_MS;
    notice_set(m, "good", "Write mode is on; it ends after ten idle minutes. W turns it off.");
}

ACTION(seed)
{
    struct effect *effect = request_start(m, out, EFFECT_SEED, NULL);
    uint64_t request = effect->request;
    effect->number = 1;
    job_find(m, request)->plan = true;
    confirm(m, "seed", "Seed", NULL, NULL);
    m->modal.request = request;
}

CONFIRMED(seed)
{
    text_replace(&request_start(m, out, EFFECT_SEED, NULL)->text, typed);
}

static void plan_preserve(struct model *m, struct effects *out, const char *action, const char *what, bool undo)
{
    struct effect *effect = request_start(m, out, EFFECT_PRESERVE, NULL);
    uint64_t request = effect->request;
    effect->number = 1;
    effect->number2 = undo;
    job_find(m, request)->plan = true;
    confirm(m, action, what, NULL, NULL);
    m->modal.request = request;
}

static void start_preserve(struct model *m, struct effects *out, const char *typed, bool undo)
{
    struct effect *effect = request_start(m, out, EFFECT_PRESERVE, NULL);
    effect->number2 = undo;
    text_replace(&effect->text, typed);
}

ACTION(preserve) { plan_preserve(m, out, "preserve", "Preserve", false); }
CONFIRMED(preserve) { start_preserve(m, out, typed, false); }
ACTION(preserve_undo) { plan_preserve(m, out, "preserve-undo", "Undo preserve", true); }
CONFIRMED(preserve_undo) { start_preserve(m, out, typed, true); }

/* NULL: of the newest safepoint. */
static void plan_restore(struct model *m, const char *safepoint, struct effects *out)
{
    struct effect *effect = request_start(m, out, EFFECT_RESTORE, safepoint);
    uint64_t request = effect->request;
    effect->number = 1;
    job_find(m, request)->plan = true;
    confirm(m, "restore", "Restore", safepoint, NULL);
    m->modal.request = request;
}

ACTION(restore) { plan_restore(m, NULL, out); }

/* The plan names others as well, the next older one first. */
ACTION(other_safepoint)
{
    char *other = NULL;
    if (m->modal.kind != MODAL_CONFIRM || !text_same(m->modal.action, "restore") || m->modal.request)
        return;
    for (size_t i = 0; !other && i < m->modal.step_count; i++)
        if (text_same(m->modal.steps[i].action, "also"))
            other = xstrdup(or_empty(m->modal.steps[i].object));
    if (other)
        plan_restore(m, other, out);
    free(other);
}

CONFIRMED(restore)
{
    text_replace(&request_start(m, out, EFFECT_RESTORE, target)->text, typed);
}

/* The checksums of what is asked about, one a line: if a file changes meanwhile, another SQL than the one on
 * the screen is not run. `only` NULL: all pending ones, as far as they have been looked at. */
static void remember_checksums(struct model *m, const char *only)
{
    struct str seen = {0};
    for (size_t i = 0; i < m->migrations.item_count; i++) {
        const struct fact_migration *item = &m->migrations.items[i];
        if (only ? text_same(item->name, only) : text_same(item->state, "pending"))
            str_printf(&seen, "%s\n", or_empty(item->checksum));
    }
    text_replace(&m->modal.digest, str_text(&seen));
    str_free(&seen);
}

ACTION(migrate_all)
{
    if (!m->migrations.loaded)
        migrations_load(m, out);
    confirm(m, "migrate-all", "Apply all pending migrations", NULL, NULL);
    remember_checksums(m, NULL);
}

CONFIRMED(migrate)
{
    text_replace(&request_start(m, out, EFFECT_MIGRATE, target)->text, typed);
    screen_go(m, SCREEN_MIGRATIONS, out);
}

static const struct fact_migration *selected_migration(const struct model *m)
{
    return migrations_find(m, m->migrations.list.name);
}

static const struct fact_migration *next_pending(const struct model *m)
{
    for (size_t i = 0; i < m->migrations.item_count; i++)
        if (text_same(m->migrations.items[i].state, "pending"))
            return &m->migrations.items[i];
    return NULL;
}

ACTION(migrate_one)
{
    const struct fact_migration *item = selected_migration(m), *next = next_pending(m);
    if (!item || !text_same(item->state, "pending"))
        notice_set(m, "info", "%s is not pending.", item ? or_empty(item->name) : "This row");
    else if (next != item)
        notice_set(m, "info", "%s comes first: migrations are applied in order.", or_empty(next->name));
    else {
        confirm(m, "migrate-one", "Apply one migration", item->name, NULL);
        remember_checksums(m, item->name);
    }
}

static void run_resolve(struct model *m, const char *action, const char *what, const char *consequence)
{
    const struct fact_migration *item = selected_migration(m);
    if (!item)
        return;
    struct str body = {0};
    text_visible(&body, or_empty(item->name), strlen(or_empty(item->name)));
    str_printf(&body, "\n%s", consequence);
    confirm(m, action, what, item->name, str_text(&body));
    str_free(&body);
}

ACTION(resolve_applied)
{
    run_resolve(m, "resolve-applied", "Mark as applied",
                "The ledger will say that it was applied. Its SQL is not run.");
}

ACTION(resolve_rolled_back)
{
    run_resolve(m, "resolve-rolled-back", "Mark as rolled back",
                "The ledger will say that it was rolled back, so that it can run again. No SQL is run.");
}

static void resolve(struct model *m, const char *target, const char *typed, bool applied, struct effects *out)
{
    struct effect *effect = request_start(m, out, EFFECT_RESOLVE, target);
    effect->number = applied;
    text_replace(&effect->text, typed);
}

CONFIRMED(resolve_applied)
{
    resolve(m, target, typed, true, out);
}

CONFIRMED(resolve_rolled_back)
{
    resolve(m, target, typed, false, out);
}

static void run_signal(struct model *m, const char *action, const char *what, const char *consequence)
{
    const struct fact_backend *b = &m->activity.items[list_selected(m)];
    if (b->ours) {
        notice_set(m, "info", "pid %lld is seedops itself: ctrl-x cancels what it runs, q leaves.", (long long)b->pid);
        return;
    }
    struct str body = {0}, pid = {0};
    str_printf(&pid, "%lld", (long long)b->pid);
    str_printf(&body, "pid %s  ", str_text(&pid));
    text_visible(&body, or_empty(b->user), strlen(or_empty(b->user)));
    str_add(&body, "  ");
    text_visible(&body, or_empty(b->application), strlen(or_empty(b->application)));
    str_printf(&body, "\n%s", consequence);
    confirm(m, action, what, str_text(&pid), str_text(&body));
    str_free(&pid);
    str_free(&body);
}

ACTION(cancel_backend)
{
    run_signal(m, "cancel-backend", "Cancel a statement",
               "What it runs now ends with an error; its session stays.");
}

ACTION(terminate)
{
    run_signal(m, "terminate", "Terminate a backend",
               "Its session ends, its open transaction is rolled back.");
}

static void signal_backend(struct model *m, const char *target, const char *typed, bool terminate,
                           struct effects *out)
{
    struct effect *effect = request_start(m, out, EFFECT_SIGNAL_BACKEND, NULL);
    effect->number = strtoll(target, NULL, 10);
    effect->number2 = terminate;
    text_replace(&effect->text, typed);
}

CONFIRMED(cancel_backend)
{
    signal_backend(m, target, typed, false, out);
}

CONFIRMED(terminate)
{
    signal_backend(m, target, typed, true, out);
}

/* ---- which database this is ---- */

static void add_identity(struct str *body, const char *label, const char *server, const char *database, int64_t oid)
{
    str_printf(body, "\n%s server %s, database ", label, text_is_empty(server) ? "unknown" : server);
    text_visible(body, or_empty(database), strlen(or_empty(database)));
    str_printf(body, " (oid %lld)", (long long)oid);
}

ACTION(accept_identity)
{
    const struct fact_identity *identity = &m->facts.server.identity;
    struct str body = {0}, title = {0};
    if (!identity->trouble) {
        notice_set(m, "info", "There is nothing to accept: this is the database that it was.");
        return;
    }
    if (text_same(identity->state, "changed"))
        str_add(&body, "Accept it only if you know why it is another one: a new server, an upgrade, a restore.");
    else
        str_add(&body, or_empty(identity->sentence));
    if (identity->pinned_oid)
        add_identity(&body, "Known:", identity->pinned_identifier, identity->pinned_database, identity->pinned_oid);
    add_identity(&body, "Now:  ", identity->system_identifier, identity->database, identity->database_oid);
    title_of(m, "Accept this database", &title);
    dialog_confirm(m, "trust-identity", NULL, environment_name(m), true, str_text(&title), str_text(&body));
    str_free(&title);
    str_free(&body);
}

CONFIRMED(accept_identity)
{
    text_replace(&request_start(m, out, EFFECT_ACCEPT, NULL)->text, typed);
}

ACTION(mark)
{
    confirm(m, "write-mark", "Mark this database", NULL,
            "Its environment, role and identity are written into seedops.mark, where every machine sees them. From then on "
            "each write leaves a row in seedops.actions.");
}

CONFIRMED(mark)
{
    text_replace(&request_start(m, out, EFFECT_MARK, NULL)->text, typed);
}

/* ---- reads that want a word first ---- */

ACTION(scan)
{
    bool inside = m->screen == SCREEN_DIFF && !text_is_empty(m->diff.table);
    char *table = NULL;
    text_replace(&table, inside ? m->diff.table : facts_table_name(m, list_selected(m)));
    dialog_confirm(m, "scan", table, NULL, true, "Scan a held table?",
                   "Reading this table cleans up its dead rows: what could still be read back of the deleted "
                   "ones is then gone for good. Scan it only if nobody needs that any more.");
    free(table);
}

CONFIRMED(scan)
{
    char *table = NULL;
    text_replace(&table, target);
    diff_open_table(m, table, true, out);
    free(table);
}

ACTION(verify)
{
    if (!job_of(m, EFFECT_VERIFY))
        request_start(m, out, EFFECT_VERIFY, NULL);
}
