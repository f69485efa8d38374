#include "diagnose/advise.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "db/conn.h"
#include "diagnose/judge.h"
#include "diagnose/rules.h"

/* ---- texts that name what the evidence found ---- */

static bool lacks(const struct table_evidence *t) { return t->context && table_lacks_rows(t); }

static const struct table_evidence *first_with(const struct evidence *e, bool (*has)(const struct table_evidence *))
{
    for (size_t i = 0; i < e->count; i++)
        if (lacks(&e->tables[i]) && has(&e->tables[i]))
            return &e->tables[i];
    return NULL;
}

static bool has_twin(const struct table_evidence *t) { return t->twin != NULL; }
static bool has_renamed(const struct table_evidence *t) { return t->renamed != NULL; }
static bool has_writer(const struct table_evidence *t) { return t->writer != NULL; }

/* "public" of "public.Station" */
static void quote_schema_of(struct str *out, const char *name)
{
    const char *dot = strrchr(name, '.');
    char *schema = xstrndup(name, dot ? (size_t)(dot - name) : strlen(name));
    db_quote_identifier(out, schema);
    free(schema);
}

static void quote_table(struct str *out, const struct table_evidence *t)
{
    const char *dot = strrchr(t->name, '.');
    db_quote_relation(out, t->schema_name ? t->schema_name : "public", dot ? dot + 1 : t->name);
}

static void say_search_path(const struct evidence *e, struct str *out)
{
    const struct table_evidence *t = first_with(e, has_twin);
    if (!t) {
        str_add(out, "Put the schema that has the rows first in the search path.");
        return;
    }
    str_printf(out, "The rows are in %s: put its schema first, then connect again: ALTER ROLE ", t->twin);
    db_quote_identifier(out, e->user ? e->user : "");
    str_add(out, " IN DATABASE ");
    db_quote_identifier(out, e->database ? e->database : "");
    str_add(out, " SET search_path = ");
    quote_schema_of(out, t->twin);
    str_add_char(out, ';');
}

static void say_grant(const struct evidence *e, struct str *out)
{
    size_t count = 0;
    str_add(out, "Have its owner or a superuser run: GRANT SELECT ON ");
    for (size_t i = 0; i < e->count; i++)
        if (e->tables[i].context && e->tables[i].present && !e->tables[i].can_select) {
            str_add(out, count++ ? ", " : "");
            quote_table(out, &e->tables[i]);
        }
    if (!count)
        str_add(out, "ALL TABLES IN SCHEMA public");
    str_add(out, " TO ");
    db_quote_identifier(out, e->user ? e->user : "");
    str_add_char(out, ';');
}

/* The server forgets a partition's bounds when it is detached. */
static void say_attach(const struct evidence *e, struct str *out)
{
    const struct table_evidence *t = first_with(e, has_renamed);
    if (!t) {
        str_add(out, "Find the tables that were its partitions, and attach them with the bounds that the migrations gave"
                     " them.");
        return;
    }
    str_printf(out, "The rows are in %s. Attached as the default partition they show at once (save where it is"
               " partitioned by hash): ALTER TABLE ", t->renamed);
    quote_table(out, t);
    str_add(out, " ATTACH PARTITION ");
    str_add(out, t->renamed);
    str_add(out, " DEFAULT; with FOR VALUES and the bounds that the migration gave it, it is as it was.");
}

static void say_logged(const struct evidence *e, struct str *out)
{
    str_add(out, "Make it logged, or a crash empties it again:");
    for (size_t i = 0; i < e->count; i++)
        if (e->tables[i].context && e->tables[i].persistence == 'u') {
            str_add(out, " ALTER TABLE ");
            quote_table(out, &e->tables[i]);
            str_add(out, " SET LOGGED;");
        }
}

static void say_rename(const struct evidence *e, struct str *out)
{
    const struct table_evidence *t = first_with(e, has_renamed);
    if (!t) {
        str_add(out, "Compare the two tables, then rename them back.");
        return;
    }
    const char *dot = strrchr(t->name, '.'), *name = dot ? dot + 1 : t->name;
    struct str aside = {0};
    str_printf(&aside, "%s_empty", name);
    str_printf(out, "Compare %s with %s, which has the rows; then: ALTER TABLE ", t->name, t->renamed);
    quote_table(out, t);
    str_add(out, " RENAME TO ");
    db_quote_identifier(out, str_text(&aside));
    str_add(out, "; ALTER TABLE ");
    str_add(out, t->renamed);
    str_add(out, " RENAME TO ");
    db_quote_identifier(out, name);
    str_add_char(out, ';');
    str_free(&aside);
}

static void say_prepared(const struct evidence *e, struct str *out)
{
    const struct table_evidence *t = first_with(e, has_writer);
    if (!t || !t->gid) {
        str_add(out, "Ask its owner: COMMIT PREPARED keeps the rows, ROLLBACK PREPARED drops them.");
        return;
    }
    str_add(out, "Ask its owner; the rows are kept by COMMIT PREPARED ");
    db_quote_literal(out, t->gid);
    str_add(out, "; and dropped by ROLLBACK PREPARED ");
    db_quote_literal(out, t->gid);
    str_add_char(out, ';');
}

/* ---- when a step is one ---- */

static bool other_databases(const struct evidence *e)
{
    for (size_t i = 0; i < e->database_count; i++)
        if (e->databases[i].can_connect)
            return true;
    return false;
}
static bool ledger_filled(const struct evidence *e) { return e->ledger && e->ledger_rows > 0; }
static bool ledger_empty(const struct evidence *e) { return !ledger_filled(e); }

/* ---- the steps ---- */

#define ON(verdict) (1u << VERDICT_##verdict)

/* %s in a command is how the command line names the environment. */
static const struct step {
    unsigned verdicts;
    const char *text, *command, *action;
    void (*say)(const struct evidence *e, struct str *out);   /* instead of `text` */
    bool (*when)(const struct evidence *e);
} steps[] = {
    {ON(DELETED), "Read nothing from these tables, restart nothing, run no VACUUM or pg_dump: each destroys rows that "
                  "can still be read.", NULL, NULL, NULL, NULL},
    {ON(DELETED), "Save what is still readable.", "preserve %s", "preserve", NULL, NULL},
    {ON(TRUNCATED) | ON(RECREATED), "Keep the WAL: it names the transaction, and the moment to restore a backup to.",
     "preserve %s", "preserve", NULL, NULL},
    {ON(DELETED) | ON(TRUNCATED) | ON(RECREATED), "Look deeper for the statement, the transaction and the role.",
     "diagnose %s --deep", "deeper", NULL, NULL},
    {ON(ROLLED_BACK), "Find out first why the load failed: its log, or a dry run.", "seed %s --dry-run", NULL, NULL,
     NULL},
    {ON(NEVER_SEEDED) | ON(WRONG_DATABASE), "See whether another database of this server has the rows.",
     "diagnose %s --deep", "deeper", NULL, other_databases},
    {ON(DELETED) | ON(TRUNCATED) | ON(RECREATED) | ON(REINITIALISED) | ON(RESTORED_EMPTY) | ON(UNLOGGED),
     "Bring back the rows that the fixtures declare.", "seed %s", "seed", NULL, NULL},
    {ON(ROLLED_BACK) | ON(NEVER_SEEDED), "Write the rows that the fixtures declare.", "seed %s", "seed", NULL, NULL},
    {ON(TRUNCATED) | ON(RECREATED) | ON(REINITIALISED) | ON(DELETED),
     "Rows of the application come back from a backup only.", NULL, NULL, NULL, NULL},
    {ON(REINITIALISED), "Look for the former volume before anything is removed: docker volume ls, the host's disks.",
     NULL, NULL, NULL, NULL},
    {ON(RESTORED_EMPTY), "Ask for a dump from before the rows were lost: this one was made after.", NULL, NULL, NULL,
     NULL},
    {ON(WRONG_DATABASE), "Compare the URL with the database named below.", "envs", NULL, NULL, NULL},
    {ON(WRONG_SCHEMA), NULL, NULL, NULL, say_search_path, NULL},
    {ON(HIDDEN_BY_RLS), "Connect as a role that the policies let see the rows, or with BYPASSRLS.", NULL, NULL, NULL,
     NULL},
    {ON(NO_PRIVILEGE), NULL, NULL, NULL, say_grant, NULL},
    {ON(STALE_REPLICA), "Look at the primary; here, resume replay: SELECT pg_wal_replay_resume();", NULL, NULL, NULL,
     NULL},
    {ON(DETACHED), NULL, NULL, NULL, say_attach, NULL},
    {ON(RENAMED), NULL, NULL, NULL, say_rename, NULL},
    {ON(UNLOGGED), NULL, NULL, NULL, say_logged, NULL},
    {ON(LOADING), "Let that transaction end, or look at it.", "%s --dump 120x30 --screen activity", "activity", NULL,
     NULL},
    {ON(PREPARED), NULL, NULL, NULL, say_prepared, NULL},
    {ON(SCHEMA_MISSING), "Apply the migrations.", "migrate %s", "migrate", NULL, ledger_empty},
    {ON(SCHEMA_MISSING), "See which migration makes the table. One that is pending can be applied (migrate); one that"
                         " is applied is not run again: the table was dropped since, and comes from a backup.",
     "migrate status %s", NULL, NULL, ledger_filled},
};

static char *command_of(const struct evidence *e, const char *template)
{
    const char *place = strstr(template, "%s");
    struct str out = {0};
    if (!place) {
        str_add(&out, template);
    } else {
        bool named = *e->environment != '\0';
        size_t before = (size_t)(place - template);
        str_add_bytes(&out, template, !named && before ? before - 1 : before);   /* without the blank, too */
        str_add(&out, e->environment);
        str_add(&out, !named && !before ? place + 3 : place + 2);
    }
    return str_take(&out);
}

static void add_step(struct fact_diagnosis *d, const struct evidence *e, const struct step *step)
{
    char *command = step->command ? command_of(e, step->command) : NULL;
    struct str text = {0};
    if (step->say)
        step->say(e, &text);
    else
        str_add(&text, step->text);
    diagnose_add_next(d, &(struct fact_next){.text = (char *)str_text(&text), .command = command,
        .action = (char *)step->action});
    str_free(&text);
    free(command);
}

void diagnose_advise(const struct evidence *e, enum verdict verdict, unsigned cannot, struct fact_diagnosis *d)
{
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        const struct step *s = &steps[i];
        bool first_aid = cannot & ON(DELETED) && s->verdicts == ON(DELETED);
        if ((s->verdicts & 1u << verdict || first_aid) && (!s->when || s->when(e)))
            add_step(d, e, s);
    }
}
