/* migrate_ground - before the first migration: the operator's own command, and whether this database is ours to begin
 * with. */
#include <string.h>

#include "base/spawn.h"
#include "op/migrate.h"

enum { BEFORE_OUTPUT = 1 << 20 };

bool migrate_run_before(struct migrate_run *run, struct err *err)
{
    const struct settings *settings = run->ctx->settings;
    const char *command = settings->migrations_before;
    if (!command)
        return true;
    if (!session_allow_command(run->ctx, "take migrations.before out of the file", err))
        return false;
    ctx_log(run->ctx, "info", "running migrations.before: %s", command);
    struct spawn_options options = {.shell = command,
                                    .directory = settings->base_dir,
                                    .cancel_fd = run->ctx->cancel_fd,
                                    .output_limit = BEFORE_OUTPUT};
    struct str out = {0};
    int status = 0;
    bool ok = spawn_run(&options, &out, &status, err);
    str_free(&out);
    if (ok && status != 0) {
        err_set(err, ERR_MIGRATION, "migrations.before ended with status %d: nothing was migrated", status);
        err_why(err, "%s", command);
        ok = err_hint(err, "mend that command (it is the way back), then run migrate again");
    } else if (!ok && err->class != ERR_CANCELLED) {
        err->class = ERR_MIGRATION;
        err_context(err, "migrations.before");
    }
    return ok;
}

/* What the first run needs to know of the server: whether the schema takes a ledger, and whether it has been in use
 * without one. */
struct ground { bool schema_exists, can_create, in_use; };

void migrate_ground_probe(const struct migrate_run *run, struct str *sql, struct db_probe *probe)
{
    str_add(sql,
            "select n.oid is not null,"
            " case when n.oid is null then pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')"
            " else pg_catalog.has_schema_privilege(n.oid, 'CREATE') end,"
            " exists (select from pg_catalog.pg_class c where c.relnamespace = n.oid and"
            " c.relkind in ('r', 'p', 'v', 'm', 'f') and not exists (select from pg_catalog.pg_depend d where"
            " d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = c.oid and d.deptype = 'e'))"
            " from (select 1) one left join pg_catalog.pg_namespace n on n.nspname = ");
    db_quote_literal(sql, ledger_schema(run->ledger));
    *probe = (struct db_probe){.name = "schema of the ledger", .sql = str_text(sql)};
}

/* Asked under the lock, unless that was done. */
static bool take_ground(struct migrate_run *run, struct db_probe *probe, struct ground *ground, struct err *err)
{
    bool asked = probe->ok || probe->err.class != ERR_NONE;
    if (!asked && !db_pipeline(run->db, probe, 1, err))
        return false;
    if (!probe->ok) {
        *err = probe->err;
        return false;
    }
    const struct db_result *r = probe->result;
    *ground = (struct ground){.schema_exists = db_bool(r, 0, 0), .can_create = db_bool(r, 0, 1),
                              .in_use = db_bool(r, 0, 2)};
    return true;
}

const struct db_identity *migrate_identity(const struct migrate_run *run)
{
    const struct session *s = run->s;
    return s->direct == s->db ? &s->identity : &s->direct_identity;
}

static bool check_rights(const struct migrate_run *run, const struct ground *ground, struct err *err)
{
    if (ground->can_create)
        return true;
    struct str grant = {0};
    if (ground->schema_exists) {
        str_add(&grant, "GRANT USAGE, CREATE ON SCHEMA ");
        db_quote_identifier(&grant, ledger_schema(run->ledger));
    } else {
        str_add(&grant, "GRANT CREATE ON DATABASE ");
        db_quote_identifier(&grant, db_facts(run->db)->database);
    }
    str_add(&grant, " TO ");
    db_quote_identifier(&grant, migrate_identity(run)->user);
    err_set(err, ERR_MIGRATION, "the role %s may not create anything in the schema %s", migrate_identity(run)->user,
            ledger_schema(run->ledger));
    err_sqlstate(err, "42501");
    err_hint(err, "as the owner: %s;", str_text(&grant));
    str_free(&grant);
    return false;
}

static void mention_power(struct migrate_run *run)
{
    const struct db_identity *identity = migrate_identity(run);
    if (!identity->superuser && !identity->create_role)
        return;
    const char *level = run->ctx->environment->role == ROLE_PRODUCTION ? "warning" : "info";
    ctx_log(run->ctx, level,
            "the role %s is %s: migrations need no more than GRANT USAGE, CREATE ON SCHEMA %s", identity->user,
            identity->superuser ? "a superuser" : "allowed to make roles", ledger_schema(run->ledger));
}

bool migrate_prepare(struct migrate_run *run, struct db_probe *probe, struct err *err)
{
    struct ground ground;
    mention_power(run);
    if (run->state.exists)
        return true;
    if (!take_ground(run, probe, &ground, err) || !check_rights(run, &ground, err))
        return false;
    if (ground.in_use && strcmp(ledger_tool(run->ledger), "prisma") == 0) {
        err_set(err, ERR_MIGRATION, "the schema %s is not empty and has no ledger (Prisma's P3005)",
                ledger_schema(run->ledger));
        err_why(err,
                "which migrations its tables come from is not known; applying them all may fail or destroy");
        return err_hint(
            err, "note those that are there without running them: seedops migrate baseline [NAME of the "
                 "last one]");
    }
    return ledger_create_in(run->ledger, run->db, ground.schema_exists, err);
}
