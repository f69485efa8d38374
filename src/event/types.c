/* types - the inputs' field tables: what the journal, the scripts and the tests know of them.
 * A new field is a line here; test_codec fails for a struct whose table forgets one. */
#include "event/types.h"

#include <stdlib.h>

#include "base/err.h"
#include "event/codec.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define TYPE(variable, type_name, fields_) \
    const struct type variable = {.name = #type_name, .size = sizeof(struct type_name), \
                                  .fields = fields_, .field_count = COUNT(fields_)}

static const char *const kind_names[IN_KIND_COUNT] = {
    [IN_NONE] = "none",
    [IN_ACTION] = "action",
    [IN_TEXT] = "text",
    [IN_SECRET] = "secret",
    [IN_SIZE] = "size",
    [IN_SIGNAL] = "signal",
    [IN_CLOCK] = "clock",
    [IN_START] = "start",
    [IN_ENVIRONMENTS] = "environments",
    [IN_CONNECTION] = "connection",
    [IN_STATUS] = "status",
    [IN_TABLE] = "table",
    [IN_MIGRATIONS] = "migrations",
    [IN_MIGRATION] = "migration",
    [IN_STORE] = "store",
    [IN_PAGE] = "page",
    [IN_FOUND] = "found",
    [IN_ACTIVITY] = "activity",
    [IN_PLAN] = "plan",
    [IN_QUESTION] = "question",
    [IN_QUESTION_OVER] = "question-over",
    [IN_PROGRESS] = "progress",
    [IN_OUTCOME] = "outcome",
    [IN_LOG] = "log",
    [IN_ALERT] = "alert",
    [IN_DIAGNOSIS] = "diagnosis",
    [IN_IDENTITY] = "identity",
    [IN_GUARD] = "guard",
    [IN_STATEMENT] = "statement",
    [IN_NOTE] = "note",
    [IN_JOURNAL] = "journal",
};

static const struct field text_item_fields[] = {CODEC_FIELD(struct text_item, text, FIELD_TEXT)};
TYPE(type_text_item, text_item, text_item_fields);

static const struct field environment_fields[] = {
    CODEC_FIELD(struct fact_environment, name, FIELD_TEXT),
    CODEC_FIELD(struct fact_environment, role, FIELD_TEXT),
    CODEC_FIELD(struct fact_environment, target, FIELD_TEXT),
    CODEC_FIELD(struct fact_environment, reachable, FIELD_TEXT),
    CODEC_FIELD(struct fact_environment, migrated, FIELD_TEXT),
    CODEC_FIELD(struct fact_environment, seeded, FIELD_TEXT),
    CODEC_FIELD(struct fact_environment, sentence, FIELD_TEXT),
    CODEC_FIELD(struct fact_environment, identity, FIELD_TEXT),
    CODEC_FIELD(struct fact_environment, of, FIELD_TEXT),
    CODEC_FIELD(struct fact_environment, database, FIELD_TEXT),
    CODEC_FIELD(struct fact_environment, groups, FIELD_TEXT),
    CODEC_FIELD(struct fact_environment, position, FIELD_I64),
};
TYPE(type_fact_environment, fact_environment, environment_fields);

static const struct field identity_fields[] = {
    CODEC_FIELD(struct fact_identity, state, FIELD_TEXT),
    CODEC_FIELD(struct fact_identity, sentence, FIELD_TEXT),
    CODEC_FIELD(struct fact_identity, trouble, FIELD_BOOL),
    CODEC_FIELD(struct fact_identity, system_identifier, FIELD_TEXT),
    CODEC_FIELD(struct fact_identity, database, FIELD_TEXT),
    CODEC_FIELD(struct fact_identity, database_oid, FIELD_I64),
    CODEC_FIELD(struct fact_identity, pinned_identifier, FIELD_TEXT),
    CODEC_FIELD(struct fact_identity, pinned_database, FIELD_TEXT),
    CODEC_FIELD(struct fact_identity, pinned_oid, FIELD_I64),
    CODEC_FIELD(struct fact_identity, first_seen_ms, FIELD_I64),
    CODEC_FIELD(struct fact_identity, known_as, FIELD_TEXT),
    CODEC_FIELD(struct fact_identity, clone_of, FIELD_TEXT),
    CODEC_FIELD(struct fact_identity, marked_as, FIELD_TEXT),
    CODEC_FIELD(struct fact_identity, copy_of, FIELD_TEXT),
};
TYPE(type_fact_identity, fact_identity, identity_fields);

static const struct field server_fields[] = {
    CODEC_FIELD(struct fact_server, ready, FIELD_BOOL),
    CODEC_FIELD(struct fact_server, environment, FIELD_TEXT),
    CODEC_FIELD(struct fact_server, role, FIELD_TEXT),
    CODEC_FIELD(struct fact_server, target, FIELD_TEXT),
    CODEC_FIELD(struct fact_server, way, FIELD_TEXT),
    CODEC_FIELD(struct fact_server, via, FIELD_TEXT),
    CODEC_FIELD(struct fact_server, version, FIELD_TEXT),
    CODEC_FIELD(struct fact_server, in_recovery, FIELD_BOOL),
    CODEC_FIELD(struct fact_server, pooled, FIELD_BOOL),
    CODEC_FIELD(struct fact_server, superuser, FIELD_BOOL),
    CODEC_FIELD(struct fact_server, system_identifier, FIELD_TEXT),
    CODEC_FIELD(struct fact_server, database, FIELD_TEXT),
    CODEC_FIELD(struct fact_server, user, FIELD_TEXT),
    CODEC_FIELD(struct fact_server, backend_pid, FIELD_I64),
    CODEC_FIELD(struct fact_server, round_trips, FIELD_I64),
    CODEC_STRUCT(struct fact_server, identity, &type_fact_identity),
    CODEC_FIELD(struct fact_server, preserved, FIELD_TEXT),
};
TYPE(type_fact_server, fact_server, server_fields);

static const struct field ledger_fields[] = {
    CODEC_FIELD(struct fact_ledger, tool, FIELD_TEXT),
    CODEC_FIELD(struct fact_ledger, relation, FIELD_TEXT),
    CODEC_FIELD(struct fact_ledger, exists, FIELD_BOOL),
    CODEC_FIELD(struct fact_ledger, applied, FIELD_I64),
    CODEC_FIELD(struct fact_ledger, pending, FIELD_I64),
    CODEC_FIELD(struct fact_ledger, failed, FIELD_I64),
    CODEC_FIELD(struct fact_ledger, modified, FIELD_I64),
    CODEC_FIELD(struct fact_ledger, missing, FIELD_I64),
    CODEC_FIELD(struct fact_ledger, last_name, FIELD_TEXT),
    CODEC_FIELD(struct fact_ledger, last_applied_at, FIELD_TEXT),
    CODEC_FIELD(struct fact_ledger, lock_holder, FIELD_TEXT),
    CODEC_FIELD(struct fact_ledger, problem, FIELD_TEXT),
};
TYPE(type_fact_ledger, fact_ledger, ledger_fields);

static const struct field migration_fields[] = {
    CODEC_FIELD(struct fact_migration, name, FIELD_TEXT),
    CODEC_FIELD(struct fact_migration, state, FIELD_TEXT),
    CODEC_FIELD(struct fact_migration, applied_at, FIELD_TEXT),
    CODEC_FIELD(struct fact_migration, duration_ms, FIELD_I64),
    CODEC_FIELD(struct fact_migration, checksum, FIELD_TEXT),
    CODEC_FIELD(struct fact_migration, path, FIELD_TEXT),
    CODEC_FIELD(struct fact_migration, note, FIELD_TEXT),
    CODEC_FIELD(struct fact_migration, transactional, FIELD_BOOL),
    CODEC_LIST(struct fact_migration, risks, risk_count, &type_text_item),
};
TYPE(type_fact_migration, fact_migration, migration_fields);

static const struct field table_fields[] = {
    CODEC_FIELD(struct fact_table, name, FIELD_TEXT),
    CODEC_FIELD(struct fact_table, class, FIELD_TEXT),
    CODEC_FIELD(struct fact_table, rows, FIELD_I64),
    CODEC_FIELD(struct fact_table, estimated, FIELD_BOOL),
    CODEC_FIELD(struct fact_table, held, FIELD_BOOL),
    CODEC_FIELD(struct fact_table, min_rows, FIELD_I64),
    CODEC_FIELD(struct fact_table, fixture_rows, FIELD_I64),
    CODEC_FIELD(struct fact_table, missing, FIELD_I64),
    CODEC_FIELD(struct fact_table, changed, FIELD_I64),
    CODEC_FIELD(struct fact_table, extra, FIELD_I64),
    CODEC_FIELD(struct fact_table, allowed_changed, FIELD_I64),
    CODEC_FIELD(struct fact_table, allowed_extra, FIELD_I64),
    CODEC_FIELD(struct fact_table, bytes, FIELD_I64),
    CODEC_FIELD(struct fact_table, inserted, FIELD_I64),
    CODEC_FIELD(struct fact_table, note, FIELD_TEXT),
    CODEC_FIELD(struct fact_table, at, FIELD_TEXT),
};
TYPE(type_fact_table, fact_table, table_fields);

static const struct field guard_fields[] = {
    CODEC_FIELD(struct fact_guard, local, FIELD_BOOL),
    CODEC_FIELD(struct fact_guard, seed_allowed, FIELD_BOOL),
    CODEC_FIELD(struct fact_guard, migrate_allowed, FIELD_BOOL),
    CODEC_LIST(struct fact_guard, reasons, reason_count, &type_text_item),
    CODEC_FIELD(struct fact_guard, allow_line, FIELD_TEXT),
};
TYPE(type_fact_guard, fact_guard, guard_fields);

static const struct field backend_fields[] = {
    CODEC_FIELD(struct fact_backend, pid, FIELD_I64),
    CODEC_FIELD(struct fact_backend, user, FIELD_TEXT),
    CODEC_FIELD(struct fact_backend, application, FIELD_TEXT),
    CODEC_FIELD(struct fact_backend, client, FIELD_TEXT),
    CODEC_FIELD(struct fact_backend, state, FIELD_TEXT),
    CODEC_FIELD(struct fact_backend, wait, FIELD_TEXT),
    CODEC_FIELD(struct fact_backend, query, FIELD_TEXT),
    CODEC_FIELD(struct fact_backend, age_ms, FIELD_I64),
    CODEC_FIELD(struct fact_backend, query_age_ms, FIELD_I64),
    CODEC_LIST(struct fact_backend, blocked_by, blocked_by_count, &type_text_item),
    CODEC_FIELD(struct fact_backend, ours, FIELD_BOOL),
};
TYPE(type_fact_backend, fact_backend, backend_fields);

static const struct field row_fields[] = {CODEC_LIST(struct fact_row, cells, cell_count, &type_text_item)};
TYPE(type_fact_row, fact_row, row_fields);

static const struct field step_fields[] = {
    CODEC_FIELD(struct fact_step, action, FIELD_TEXT),
    CODEC_FIELD(struct fact_step, object, FIELD_TEXT),
    CODEC_FIELD(struct fact_step, detail, FIELD_TEXT),
    CODEC_FIELD(struct fact_step, rows, FIELD_I64),
    CODEC_FIELD(struct fact_step, danger, FIELD_BOOL),
};
TYPE(type_fact_step, fact_step, step_fields);

static const struct field count_fields[] = {
    CODEC_FIELD(struct fact_count, table, FIELD_TEXT),
    CODEC_FIELD(struct fact_count, before, FIELD_I64),
    CODEC_FIELD(struct fact_count, after, FIELD_I64),
};
TYPE(type_fact_count, fact_count, count_fields);

static const struct field evidence_fields[] = {
    CODEC_FIELD(struct fact_evidence, fact, FIELD_TEXT),
    CODEC_FIELD(struct fact_evidence, source, FIELD_TEXT),
    CODEC_FIELD(struct fact_evidence, table, FIELD_TEXT),
    CODEC_FIELD(struct fact_evidence, supports, FIELD_TEXT),
    CODEC_FIELD(struct fact_evidence, excludes, FIELD_TEXT),
    CODEC_FIELD(struct fact_evidence, rule, FIELD_TEXT),
    CODEC_FIELD(struct fact_evidence, problem, FIELD_TEXT),
};
TYPE(type_fact_evidence, fact_evidence, evidence_fields);

static const struct field alternative_fields[] = {
    CODEC_FIELD(struct fact_alternative, verdict, FIELD_TEXT),
    CODEC_FIELD(struct fact_alternative, confidence, FIELD_TEXT),
    CODEC_FIELD(struct fact_alternative, why, FIELD_TEXT),
};
TYPE(type_fact_alternative, fact_alternative, alternative_fields);

static const struct field denied_fields[] = {
    CODEC_FIELD(struct fact_denied, what, FIELD_TEXT),
    CODEC_FIELD(struct fact_denied, why, FIELD_TEXT),
    CODEC_FIELD(struct fact_denied, grant, FIELD_TEXT),
};
TYPE(type_fact_denied, fact_denied, denied_fields);

static const struct field next_fields[] = {
    CODEC_FIELD(struct fact_next, text, FIELD_TEXT),
    CODEC_FIELD(struct fact_next, command, FIELD_TEXT),
    CODEC_FIELD(struct fact_next, action, FIELD_TEXT),
};
TYPE(type_fact_next, fact_next, next_fields);

static const struct field table_verdict_fields[] = {
    CODEC_FIELD(struct fact_table_verdict, name, FIELD_TEXT),
    CODEC_FIELD(struct fact_table_verdict, class, FIELD_TEXT),
    CODEC_FIELD(struct fact_table_verdict, verdict, FIELD_TEXT),
    CODEC_FIELD(struct fact_table_verdict, confidence, FIELD_TEXT),
    CODEC_FIELD(struct fact_table_verdict, rule, FIELD_TEXT),
    CODEC_FIELD(struct fact_table_verdict, why, FIELD_TEXT),
    CODEC_FIELD(struct fact_table_verdict, held, FIELD_BOOL),
    CODEC_FIELD(struct fact_table_verdict, rows, FIELD_I64),
    CODEC_FIELD(struct fact_table_verdict, floor, FIELD_I64),
    CODEC_FIELD(struct fact_table_verdict, inserted, FIELD_I64),
    CODEC_FIELD(struct fact_table_verdict, deleted, FIELD_I64),
    CODEC_FIELD(struct fact_table_verdict, dead, FIELD_I64),
};
TYPE(type_fact_table_verdict, fact_table_verdict, table_verdict_fields);

static const struct field diagnosis_fields[] = {
    CODEC_FIELD(struct fact_diagnosis, verdict, FIELD_TEXT),
    CODEC_FIELD(struct fact_diagnosis, confidence, FIELD_TEXT),
    CODEC_FIELD(struct fact_diagnosis, rule, FIELD_TEXT),
    CODEC_FIELD(struct fact_diagnosis, sentence, FIELD_TEXT),
    CODEC_FIELD(struct fact_diagnosis, since, FIELD_TEXT),
    CODEC_FIELD(struct fact_diagnosis, until, FIELD_TEXT),
    CODEC_FIELD(struct fact_diagnosis, since_why, FIELD_TEXT),
    CODEC_FIELD(struct fact_diagnosis, until_why, FIELD_TEXT),
    CODEC_FIELD(struct fact_diagnosis, by, FIELD_TEXT),
    CODEC_FIELD(struct fact_diagnosis, cannot_tell, FIELD_BOOL),
    CODEC_FIELD(struct fact_diagnosis, mixed, FIELD_BOOL),
    CODEC_FIELD(struct fact_diagnosis, deep, FIELD_BOOL),
    CODEC_FIELD(struct fact_diagnosis, remembered, FIELD_BOOL),
    CODEC_FIELD(struct fact_diagnosis, remembered_at, FIELD_TEXT),
    CODEC_FIELD(struct fact_diagnosis, round_trips, FIELD_I64),
    CODEC_FIELD(struct fact_diagnosis, duration_ms, FIELD_I64),
    CODEC_LIST(struct fact_diagnosis, tables, table_count, &type_fact_table_verdict),
    CODEC_LIST(struct fact_diagnosis, evidence, evidence_count, &type_fact_evidence),
    CODEC_LIST(struct fact_diagnosis, alternatives, alternative_count, &type_fact_alternative),
    CODEC_LIST(struct fact_diagnosis, denied, denied_count, &type_fact_denied),
    CODEC_LIST(struct fact_diagnosis, next, next_count, &type_fact_next),
};
TYPE(type_fact_diagnosis, fact_diagnosis, diagnosis_fields);

static const struct field error_fields[] = {
    CODEC_FIELD(struct input_error, class, FIELD_TEXT),
    CODEC_FIELD(struct input_error, message, FIELD_TEXT),
    CODEC_FIELD(struct input_error, why, FIELD_TEXT),
    CODEC_FIELD(struct input_error, hint, FIELD_TEXT),
    CODEC_FIELD(struct input_error, sqlstate, FIELD_TEXT),
    CODEC_FIELD(struct input_error, at, FIELD_TEXT),
};
TYPE(type_input_error, input_error, error_fields);

static const struct field input_fields[] = {
    CODEC_FIELD(struct input, sequence, FIELD_U64),
    CODEC_FIELD(struct input, offset_ms, FIELD_I64),
    CODEC_ENUM(struct input, kind, kind_names, IN_KIND_COUNT),
    CODEC_FIELD(struct input, request, FIELD_U64),
    CODEC_FIELD(struct input, generation, FIELD_U64),
    CODEC_FIELD(struct input, store, FIELD_U64),
    CODEC_FIELD(struct input, environment, FIELD_TEXT),
    CODEC_FIELD(struct input, name, FIELD_TEXT),
    CODEC_FIELD(struct input, text, FIELD_TEXT),
    CODEC_FIELD(struct input, title, FIELD_TEXT),
    CODEC_FIELD(struct input, expect, FIELD_TEXT),
    CODEC_FIELD(struct input, number, FIELD_I64),
    CODEC_FIELD(struct input, number2, FIELD_I64),
    CODEC_FIELD(struct input, rate, FIELD_I64),
    CODEC_FIELD(struct input, ok, FIELD_BOOL),
    CODEC_FIELD(struct input, secret, FIELD_BOOL),
    CODEC_STRUCT(struct input, error, &type_input_error),
    CODEC_STRUCT(struct input, server, &type_fact_server),
    CODEC_STRUCT(struct input, ledger, &type_fact_ledger),
    CODEC_STRUCT(struct input, guard, &type_fact_guard),
    CODEC_LIST(struct input, environments, environment_count, &type_fact_environment),
    CODEC_LIST(struct input, tables, table_count, &type_fact_table),
    CODEC_LIST(struct input, migrations, migration_count, &type_fact_migration),
    CODEC_LIST(struct input, backends, backend_count, &type_fact_backend),
    CODEC_LIST(struct input, rows, row_count, &type_fact_row),
    CODEC_LIST(struct input, columns, column_count, &type_text_item),
    CODEC_LIST(struct input, steps, step_count, &type_fact_step),
    CODEC_LIST(struct input, counts, count_count, &type_fact_count),
    CODEC_STRUCT(struct input, diagnosis, &type_fact_diagnosis),
};
TYPE(type_input, input, input_fields);

struct input *input_new(enum input_kind kind)
{
    struct input *in = xcalloc(1, sizeof *in);
    in->kind = kind;
    return in;
}

void input_free(struct input *in)
{
    if (!in)
        return;
    codec_free(&type_input, in);
    free(in);
}

void input_set_error(struct input *in, const struct err *err)
{
    codec_free(&type_input_error, &in->error);
    if (err->class == ERR_NONE)
        return;
    in->error = (struct input_error){
        .class = xstrdup(err_class_name(err->class)), .message = xstrdup(err->message),
        .why = xstrdup(err->why), .hint = xstrdup(err->hint),
        .sqlstate = xstrdup(err->sqlstate), .at = xstrdup(err->at),
    };
}

const char *input_kind_name(enum input_kind kind)
{
    return (unsigned)kind < IN_KIND_COUNT ? kind_names[kind] : "unknown";
}
