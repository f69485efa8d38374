/* model_codec - the model's tables: checkpoints, equality and the tests' round trips come from them. */
#include <stdlib.h>

#include "app/list.h"
#include "app/model.h"
#include "app/update.h"
#include "event/codec.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define TYPE(variable, type_name, fields_) \
    static const struct type variable = {.name = #type_name, .size = sizeof(struct type_name), \
                                         .fields = fields_, .field_count = COUNT(fields_)}

static const char *const screen_names[SCREEN_COUNT] = {
    [SCREEN_ENVIRONMENTS] = "environments", [SCREEN_OVERVIEW] = "overview",
    [SCREEN_MIGRATIONS] = "migrations", [SCREEN_TABLES] = "tables", [SCREEN_DIFF] = "diff",
    [SCREEN_DIAGNOSE] = "diagnose",
    [SCREEN_ACTIVITY] = "activity", [SCREEN_LOG] = "log", [SCREEN_PLAN] = "plan",
};
static const char *const modal_names[MODAL_KIND_COUNT] = {
    [MODAL_NONE] = "none", [MODAL_HELP] = "help", [MODAL_PALETTE] = "palette", [MODAL_MENU] = "menu",
    [MODAL_SEARCH] = "search", [MODAL_FILTER] = "filter", [MODAL_NOTE] = "note", [MODAL_CONFIRM] = "confirm",
    [MODAL_QUESTION] = "question", [MODAL_ERROR] = "error", [MODAL_VALUE] = "value",
    [MODAL_DETAILS] = "details",
};

static const struct field list_fields[] = {
    CODEC_FIELD(struct list, selected, FIELD_I64), CODEC_FIELD(struct list, top, FIELD_I64),
    CODEC_FIELD(struct list, name, FIELD_TEXT), CODEC_FIELD(struct list, filter, FIELD_TEXT),
    CODEC_FIELD(struct list, search, FIELD_TEXT),
};
TYPE(type_list, list, list_fields);

static const struct field page_fields[] = {
    CODEC_FIELD(struct page, first, FIELD_I64),
    CODEC_LIST(struct page, rows, row_count, &type_fact_row),
};
TYPE(type_page, page, page_fields);

static const struct field rowset_fields[] = {
    CODEC_FIELD(struct rowset, store, FIELD_U64), CODEC_FIELD(struct rowset, base, FIELD_U64),
    CODEC_FIELD(struct rowset, count, FIELD_I64), CODEC_FIELD(struct rowset, base_count, FIELD_I64),
    CODEC_FIELD(struct rowset, complete, FIELD_BOOL),
    CODEC_LIST(struct rowset, columns, column_count, &type_text_item),
    CODEC_LIST(struct rowset, pages, page_count, &type_page),
    CODEC_FIELD(struct rowset, page_request, FIELD_U64),
};
TYPE(type_rowset, rowset, rowset_fields);

static const struct field phase_fields[] = {
    CODEC_FIELD(struct phase, name, FIELD_TEXT), CODEC_FIELD(struct phase, ms, FIELD_I64),
};
TYPE(type_phase, phase, phase_fields);

static const struct field facts_fields[] = {
    CODEC_FIELD(struct facts, phase, FIELD_TEXT), CODEC_FIELD(struct facts, phase_text, FIELD_TEXT),
    CODEC_LIST(struct facts, phases, phase_count, &type_phase),
    CODEC_STRUCT(struct facts, server, &type_fact_server), CODEC_STRUCT(struct facts, ledger, &type_fact_ledger),
    CODEC_STRUCT(struct facts, guard, &type_fact_guard),
    CODEC_LIST(struct facts, tables, table_count, &type_fact_table),
    CODEC_FIELD(struct facts, problem, FIELD_TEXT), CODEC_FIELD(struct facts, status_partial, FIELD_BOOL),
    CODEC_FIELD(struct facts, status_complete, FIELD_BOOL),
    CODEC_FIELD(struct facts, status_at_ms, FIELD_I64),
    CODEC_STRUCT(struct facts, open_error, &type_input_error),
    CODEC_STRUCT(struct facts, diagnosis, &type_fact_diagnosis), CODEC_FIELD(struct facts, diagnosed, FIELD_BOOL),
};
TYPE(type_facts, facts, facts_fields);

static const struct field environments_fields[] = {
    CODEC_STRUCT(struct screen_environments, list, &type_list),
    CODEC_LIST(struct screen_environments, items, item_count, &type_fact_environment),
    CODEC_FIELD(struct screen_environments, seen, FIELD_I64),
    CODEC_FIELD(struct screen_environments, loaded, FIELD_BOOL),
    CODEC_FIELD(struct screen_environments, worst_first, FIELD_BOOL),
    CODEC_FIELD(struct screen_environments, order_chosen, FIELD_BOOL),
};
TYPE(type_environments, screen_environments, environments_fields);

static const struct field overview_fields[] = {CODEC_STRUCT(struct screen_overview, list, &type_list)};
TYPE(type_overview, screen_overview, overview_fields);

static const struct field migrations_fields[] = {
    CODEC_STRUCT(struct screen_migrations, list, &type_list),
    CODEC_LIST(struct screen_migrations, items, item_count, &type_fact_migration),
    CODEC_FIELD(struct screen_migrations, loaded, FIELD_BOOL),
    CODEC_FIELD(struct screen_migrations, reading, FIELD_TEXT),
    CODEC_STRUCT(struct screen_migrations, sql, &type_rowset),
    CODEC_STRUCT(struct screen_migrations, sql_list, &type_list),
};
TYPE(type_migrations, screen_migrations, migrations_fields);

static const struct field tables_fields[] = {CODEC_STRUCT(struct screen_tables, list, &type_list)};
TYPE(type_tables, screen_tables, tables_fields);

static const struct field diff_fields[] = {
    CODEC_STRUCT(struct screen_diff, list, &type_list), CODEC_FIELD(struct screen_diff, identical_too, FIELD_BOOL),
    CODEC_FIELD(struct screen_diff, table, FIELD_TEXT),
    CODEC_STRUCT(struct screen_diff, totals, &type_fact_table),
    CODEC_STRUCT(struct screen_diff, rows, &type_rowset), CODEC_STRUCT(struct screen_diff, row_list, &type_list),
};
TYPE(type_diff, screen_diff, diff_fields);

static const struct field diagnose_fields[] = {CODEC_STRUCT(struct screen_diagnose, list, &type_list)};
TYPE(type_diagnose, screen_diagnose, diagnose_fields);

static const struct field activity_fields[] = {
    CODEC_STRUCT(struct screen_activity, list, &type_list),
    CODEC_LIST(struct screen_activity, items, item_count, &type_fact_backend),
    CODEC_FIELD(struct screen_activity, loaded, FIELD_BOOL), CODEC_FIELD(struct screen_activity, paused, FIELD_BOOL),
    CODEC_FIELD(struct screen_activity, next_ms, FIELD_I64), CODEC_FIELD(struct screen_activity, until_ms, FIELD_I64),
};
TYPE(type_activity, screen_activity, activity_fields);

static const struct field log_line_fields[] = {
    CODEC_FIELD(struct log_line, at_ms, FIELD_I64), CODEC_FIELD(struct log_line, level, FIELD_TEXT),
    CODEC_FIELD(struct log_line, text, FIELD_TEXT),
};
TYPE(type_log_line, log_line, log_line_fields);

static const struct field log_fields[] = {
    CODEC_STRUCT(struct screen_log, list, &type_list),
    CODEC_LIST(struct screen_log, lines, line_count, &type_log_line),
};
TYPE(type_log, screen_log, log_fields);

static const struct field plan_fields[] = {
    CODEC_STRUCT(struct screen_plan, list, &type_list), CODEC_STRUCT(struct screen_plan, rows, &type_rowset),
    CODEC_FIELD(struct screen_plan, action, FIELD_TEXT), CODEC_FIELD(struct screen_plan, digest, FIELD_TEXT),
    CODEC_FIELD(struct screen_plan, first, FIELD_TEXT), CODEC_FIELD(struct screen_plan, request, FIELD_U64),
    CODEC_FIELD(struct screen_plan, total, FIELD_I64), CODEC_FIELD(struct screen_plan, operational, FIELD_I64),
    CODEC_FIELD(struct screen_plan, bytes, FIELD_I64),
    CODEC_LIST(struct screen_plan, names, name_count, &type_text_item),
    CODEC_LIST(struct screen_plan, steps, step_count, &type_fact_step),
    CODEC_FIELD(struct screen_plan, possible, FIELD_BOOL),
};
const struct type type_plan = {.name = "screen_plan", .size = sizeof(struct screen_plan), .fields = plan_fields,
                               .field_count = COUNT(plan_fields)};

static const struct field job_fields[] = {
    CODEC_FIELD(struct job, request, FIELD_U64), CODEC_FIELD(struct job, effect, FIELD_INT),
    CODEC_FIELD(struct job, name, FIELD_TEXT), CODEC_FIELD(struct job, what, FIELD_TEXT),
    CODEC_FIELD(struct job, store, FIELD_U64), CODEC_FIELD(struct job, started_ms, FIELD_I64),
    CODEC_FIELD(struct job, done, FIELD_I64), CODEC_FIELD(struct job, total, FIELD_I64),
    CODEC_FIELD(struct job, rate, FIELD_I64), CODEC_FIELD(struct job, plan, FIELD_BOOL),
    CODEC_FIELD(struct job, writes, FIELD_BOOL), CODEC_FIELD(struct job, cancelling, FIELD_BOOL),
};
TYPE(type_job, job, job_fields);

static const struct field modal_fields[] = {
    CODEC_ENUM(struct modal, kind, modal_names, MODAL_KIND_COUNT), CODEC_FIELD(struct modal, focus, FIELD_INT),
    CODEC_FIELD(struct modal, action, FIELD_TEXT), CODEC_FIELD(struct modal, target, FIELD_TEXT),
    CODEC_FIELD(struct modal, title, FIELD_TEXT), CODEC_FIELD(struct modal, body, FIELD_TEXT),
    CODEC_FIELD(struct modal, text, FIELD_TEXT), CODEC_FIELD(struct modal, expect, FIELD_TEXT),
    CODEC_FIELD(struct modal, second, FIELD_TEXT), CODEC_FIELD(struct modal, expect_second, FIELD_TEXT),
    CODEC_FIELD(struct modal, why, FIELD_TEXT), CODEC_FIELD(struct modal, hint, FIELD_TEXT),
    CODEC_FIELD(struct modal, place, FIELD_TEXT), CODEC_FIELD(struct modal, question, FIELD_I64),
    CODEC_FIELD(struct modal, secret, FIELD_BOOL), CODEC_FIELD(struct modal, secret_length, FIELD_I64),
    CODEC_FIELD(struct modal, selected, FIELD_I64), CODEC_FIELD(struct modal, top, FIELD_I64),
    CODEC_FIELD(struct modal, expires_ms, FIELD_I64), CODEC_FIELD(struct modal, request, FIELD_U64),
    CODEC_FIELD(struct modal, digest, FIELD_TEXT),
    CODEC_LIST(struct modal, steps, step_count, &type_fact_step),
    CODEC_FIELD(struct modal, rows, FIELD_I64), CODEC_FIELD(struct modal, danger, FIELD_BOOL),
};
const struct type type_modal = {.name = "modal", .size = sizeof(struct modal),
                                .fields = modal_fields, .field_count = COUNT(modal_fields)};

static const struct field question_fields[] = {
    CODEC_FIELD(struct question_waiting, id, FIELD_I64), CODEC_FIELD(struct question_waiting, expires_ms, FIELD_I64),
    CODEC_FIELD(struct question_waiting, kind, FIELD_TEXT), CODEC_FIELD(struct question_waiting, title, FIELD_TEXT),
    CODEC_FIELD(struct question_waiting, text, FIELD_TEXT), CODEC_FIELD(struct question_waiting, expect, FIELD_TEXT),
    CODEC_FIELD(struct question_waiting, secret, FIELD_BOOL),
};
TYPE(type_question, question_waiting, question_fields);

static const struct field notice_fields[] = {
    CODEC_FIELD(struct notice, level, FIELD_TEXT), CODEC_FIELD(struct notice, text, FIELD_TEXT),
    CODEC_FIELD(struct notice, until_ms, FIELD_I64),
};
TYPE(type_notice, notice, notice_fields);

static const struct field model_fields[] = {
    CODEC_FIELD(struct model, now_ms, FIELD_I64), CODEC_FIELD(struct model, wall_ms, FIELD_I64),
    CODEC_FIELD(struct model, wall_at_ms, FIELD_I64), CODEC_FIELD(struct model, columns, FIELD_INT),
    CODEC_FIELD(struct model, rows, FIELD_INT), CODEC_FIELD(struct model, last_request, FIELD_U64),
    CODEC_FIELD(struct model, generation, FIELD_U64), CODEC_FIELD(struct model, environment, FIELD_TEXT),
    CODEC_ENUM(struct model, screen, screen_names, SCREEN_COUNT),
    CODEC_ENUM(struct model, previous, screen_names, SCREEN_COUNT),
    CODEC_LIST(struct model, back, back_count, &type_text_item),
    CODEC_LIST(struct model, forward, forward_count, &type_text_item),
    CODEC_FIELD(struct model, roaming, FIELD_BOOL), CODEC_FIELD(struct model, write_mode, FIELD_BOOL), CODEC_FIELD(struct model, write_until_ms, FIELD_I64),
    CODEC_FIELD(struct model, interrupted_ms, FIELD_I64), CODEC_FIELD(struct model, journal, FIELD_TEXT),
    CODEC_FIELD(struct model, journal_text, FIELD_TEXT),
    CODEC_LIST(struct model, jobs, job_count, &type_job), CODEC_STRUCT(struct model, modal, &type_modal),
    CODEC_LIST(struct model, questions, question_count, &type_question),
    CODEC_STRUCT(struct model, notice, &type_notice), CODEC_STRUCT(struct model, facts, &type_facts),
    CODEC_STRUCT(struct model, environments, &type_environments),
    CODEC_STRUCT(struct model, overview, &type_overview),
    CODEC_STRUCT(struct model, migrations, &type_migrations), CODEC_STRUCT(struct model, tables, &type_tables),
    CODEC_STRUCT(struct model, diff, &type_diff), CODEC_STRUCT(struct model, diagnose, &type_diagnose),
    CODEC_STRUCT(struct model, activity, &type_activity),
    CODEC_STRUCT(struct model, plan, &type_plan),
    CODEC_STRUCT(struct model, log, &type_log),
};
const struct type type_model = {.name = "model", .size = sizeof(struct model),
                                .fields = model_fields, .field_count = COUNT(model_fields)};

struct model *model_new(void)
{
    struct model *m = xcalloc(1, sizeof *m);
    m->columns = 80;
    m->rows = 24;
    return m;
}

void model_free(struct model *m)
{
    if (!m)
        return;
    codec_free(&type_model, m);
    free(m);
}

void model_encode(const struct model *m, struct str *out)
{
    struct json_out json;
    json_begin(&json, out);
    codec_encode(&type_model, m, &json);
}

bool model_decode(const char *text, size_t length, struct model **model, struct err *err)
{
    struct json *root = NULL;
    *model = NULL;
    if (!json_parse(&root, text, length, err))
        return false;
    struct model *m = xcalloc(1, sizeof *m);
    bool ok = codec_decode(&type_model, m, root, err);
    json_free(root);
    if (ok && !model_sane(m)) {
        codec_free(&type_model, m);
        ok = err_set(err, ERR_GENERAL, "a checkpoint that no session could have written");
    }
    if (!ok) {
        free(m);
        return false;
    }
    *model = m;
    return true;
}

bool model_equal(const struct model *a, const struct model *b) { return codec_equal(&type_model, a, b); }
