/* status - one screen of text, or one JSON document: reachable, migrated, seeded, true to fixtures, guard. */
#include <stdio.h>
#include <string.h>

#include "app/diagnosis.h"
#include "app/sentence.h"
#include "base/clock.h"
#include "base/text.h"
#include "cmd/cmds.h"
#include "cmd/face.h"
#include "cmd/many.h"
#include "op/health.h"
#include "run/light.h"

/* ---- JSON ---- */

static void count_or_null(struct json_out *o, const char *key, int64_t value, bool held)
{
    json_put_known(o, key, held ? -1 : value);
}

static void json_table(struct json_out *o, const struct fact_table *t)
{
    json_object(o);
    json_put_text(o, "table", t->name);
    json_put_text(o, "class", t->class);
    count_or_null(o, "rows", t->rows, t->held);
    json_put_bool(o, "estimated", t->estimated);
    json_put_bool(o, "held", t->held);
    count_or_null(o, "min_rows", t->min_rows, false);
    count_or_null(o, "fixture_rows", t->fixture_rows, false);
    count_or_null(o, "missing", t->missing, t->held);
    count_or_null(o, "changed", t->changed, t->held);
    count_or_null(o, "extra", t->extra, t->held);
    count_or_null(o, "allowed_changed", t->allowed_changed, t->held);
    count_or_null(o, "allowed_extra", t->allowed_extra, t->held);
    json_put_text(o, "note", t->note && t->note[0] ? t->note : NULL);
    json_object_end(o);
}

static const char *text_or(const char *text, const char *otherwise) { return text && *text ? text : otherwise; }
static const char *or_null(const char *text) { return text && *text ? text : NULL; }

static void json_pinned(struct json_out *o, const struct fact_identity *identity)
{
    char since[32];
    json_key(o, "pinned");
    if (!identity->pinned_oid) {
        json_null(o);
        return;
    }
    clock_format_utc(identity->first_seen_ms, since, sizeof since);
    json_object(o);
    json_put_text(o, "system_identifier", or_null(identity->pinned_identifier));
    json_put_text(o, "database", identity->pinned_database);
    json_put_int(o, "database_oid", identity->pinned_oid);
    json_put_text(o, "since", since);
    json_object_end(o);
}

static void json_identity(struct json_out *o, const struct fact_identity *identity)
{
    json_key(o, "identity");
    json_object(o);
    json_put_text(o, "state", identity->state);
    json_put_text(o, "system_identifier", or_null(identity->system_identifier));
    json_put_text(o, "database", identity->database);
    json_put_int(o, "database_oid", identity->database_oid);
    json_pinned(o, identity);
    json_put_text(o, "known_as", or_null(identity->known_as));
    json_put_text(o, "clone_of", or_null(identity->clone_of));
    json_put_text(o, "marked_as", or_null(identity->marked_as));
    json_put_text(o, "copy_of", or_null(identity->copy_of));
    json_put_text(o, "sentence", or_null(identity->sentence));
    json_object_end(o);
}

static void json_server(struct json_out *o, const struct fact_server *server)
{
    json_put_text(o, "environment", server->environment);
    json_put_text(o, "target", server->target);
    json_key(o, "server");
    json_object(o);
    json_put_text(o, "version", server->version);
    json_put_bool(o, "in_recovery", server->in_recovery);
    bool known = server->system_identifier && server->system_identifier[0];
    json_put_text(o, "system_identifier", known ? server->system_identifier : NULL);
    json_put_text(o, "way", server->way && server->way[0] ? server->way : NULL);
    json_put_text(o, "via", server->via);
    json_object_end(o);
    json_identity(o, &server->identity);
    json_put_bool(o, "ready", server->ready);
    json_put_text(o, "preserved", server->preserved && server->preserved[0] ? server->preserved : NULL);
}

static void json_migrations(struct json_out *o, const struct ledger_state *state)
{
    json_key(o, "migrations");
    json_array(o);
    for (size_t i = 0; i < state->count; i++) {
        const struct migration *m = &state->migrations[i];
        json_object(o);
        json_put_text(o, "name", m->name);
        json_put_text(o, "state", migration_state_name(m->state));
        json_put_text(o, "applied_at", m->applied_at);
        json_put_text(o, "checksum", m->checksum);
        json_object_end(o);
    }
    json_array_end(o);
}

static void json_guard(struct json_out *o, const struct fact_guard *guard)
{
    json_key(o, "guard");
    json_object(o);
    json_put_bool(o, "local", guard->local);
    json_put_text(o, "writes", guard->seed_allowed ? "allowed" : "refused");
    json_key(o, "reasons");
    json_array(o);
    for (size_t i = 0; i < guard->reason_count; i++)
        json_text(o, guard->reasons[i].text);
    json_array_end(o);
    json_put_text(o, "allow", guard->allow_line && guard->allow_line[0] ? guard->allow_line : NULL);
    json_object_end(o);
}

static void put_json(const struct session *session, const struct input *status, enum err_class class, struct str *out)
{
    struct json_out o;
    json_begin(&o, out);
    json_object(&o);
    json_server(&o, &status->server);
    json_key(&o, "ledger");
    json_object(&o);
    json_put_text(&o, "tool", status->ledger.tool[0] ? status->ledger.tool : NULL);
    json_put_text(&o, "relation", status->ledger.relation[0] ? status->ledger.relation : NULL);
    json_put_text(&o, "problem", status->ledger.problem[0] ? status->ledger.problem : NULL);
    json_object_end(&o);
    json_migrations(&o, &session->ledger_state);
    json_key(&o, "tables");
    json_array(&o);
    for (size_t i = 0; i < status->table_count; i++)
        json_table(&o, &status->tables[i]);
    json_array_end(&o);
    json_guard(&o, &status->guard);
    json_put_text(&o, "problem", status->text && status->text[0] ? status->text : NULL);
    json_put_bool(&o, "healthy", class == ERR_NONE);
    json_put_int(&o, "round_trips", status->server.round_trips);
    json_object_end(&o);
}

static void print_json(const struct face *face, const struct input *status, enum err_class class)
{
    struct str out = {0};
    put_json(&face->session, status, class, &out);
    face_write_json(&out);
    str_free(&out);
}

/* ---- text ---- */

/* Right-aligned in `width` cells. */
static void put_count(struct str *out, int width, int64_t count, bool estimated)
{
    struct str text = {0};
    face_count(&text, count, estimated);
    str_printf(out, "%*s%s", width - text_width(str_text(&text)), "", str_text(&text));
    str_free(&text);
}

static int name_width(const struct input *status)
{
    int width = 18;
    for (size_t i = 0; i < status->table_count; i++) {
        int cells = text_width(status->tables[i].name);
        width = cells > width && cells < 48 ? cells : width;
    }
    return width;
}

static void put_table(struct str *out, const struct fact_table *t, int width)
{
    struct str name = {0};
    text_visible(&name, t->name, strlen(t->name));
    int used;
    size_t bytes = text_fit(str_text(&name), width, &used);
    str_printf(out, "  %.*s%*s", (int)bytes, str_text(&name), width - used, "");
    str_free(&name);
    put_count(out, 11, t->rows, t->estimated);
    put_count(out, 9, t->min_rows, false);
    put_count(out, 9, t->fixture_rows, false);
    put_count(out, 9, t->missing, false);
    put_count(out, 9, t->changed, false);
    put_count(out, 7, t->extra, false);
    str_printf(out, "  %s%s%s\n", t->held ? "held" : "", t->held && t->note[0] ? ", " : "", t->note);
}

static void put_tables(struct str *out, const struct input *status)
{
    static const struct { const char *class, *title; } groups[] = {
        {"context", "Context table"}, {"operational", "Operational table"}, {"unlisted", "Table"}};
    int width = name_width(status);
    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
        bool first = true;
        for (size_t i = 0; i < status->table_count; i++) {
            const struct fact_table *t = &status->tables[i];
            if (strcmp(t->class, groups[g].class) != 0)
                continue;
            if (first)
                str_printf(out, "\n  %-*s%11s%9s%9s%9s%9s%7s\n", width, groups[g].title, "rows", "floor", "fixture",
                           "missing", "changed", "extra");
            first = false;
            put_table(out, t, width);
        }
    }
}

/* Names that a server or a ledger gave. */
static void put_foreign(struct str *out, const char *before, const char *text)
{
    str_add(out, before);
    text_visible(out, text, strlen(text));
}

static void put_ledger(struct str *out, const struct fact_ledger *ledger)
{
    if (!ledger->tool[0] && !ledger->problem[0])
        return;
    str_printf(out, "\n  Migrations  %lld applied, %lld pending, %lld failed", (long long)ledger->applied,
               (long long)ledger->pending, (long long)ledger->failed);
    if (ledger->modified > 0)
        str_printf(out, ", %lld modified", (long long)ledger->modified);
    if (ledger->missing > 0)
        str_printf(out, ", %lld missing on disk", (long long)ledger->missing);
    if (ledger->last_name[0])
        put_foreign(out, "   last ", ledger->last_name);
    str_add_char(out, '\n');
    if (ledger->lock_holder[0]) {
        put_foreign(out, "              the ledger's lock is held by ", ledger->lock_holder);
        str_add_char(out, '\n');
    }
    if (ledger->problem[0]) {
        put_foreign(out, "              ", ledger->problem);
        str_add_char(out, '\n');
    }
}

static void put_guard(struct str *out, const struct fact_guard *guard)
{
    str_printf(out, "  Writes      %s", guard->seed_allowed ? "allowed" : "refused");
    for (size_t i = 0; i < guard->reason_count && i < 3; i++)
        str_printf(out, "%s%s", i ? "\n              " : ": ", guard->reasons[i].text);
    if (!guard->seed_allowed && guard->allow_line[0])
        str_printf(out, "\n              %s", guard->allow_line);
    str_add_char(out, '\n');
}

/* Words of `text`, wrapped at 100 columns under `indent` cells; the first line stands after what is there. */
static void put_wrapped(struct str *out, int indent, const char *text)
{
    enum { COLUMNS = 100 };
    int column = indent;
    for (const char *word = text; *word;) {
        size_t length = strcspn(word, " \n");
        char cut[512];
        snprintf(cut, sizeof cut, "%.*s", (int)length, word);
        int cells = text_width(cut);
        if (column > indent && column + 1 + cells > COLUMNS) {
            str_printf(out, "\n%*s", indent, "");
            column = indent;
        }
        if (column > indent)
            str_add_char(out, ' ');
        text_visible(out, word, length);
        column += cells + (column > indent);
        word += length + (word[length] != '\0');
    }
    str_add_char(out, '\n');
}

/* What to type next; the sentence's own advice is about the console's keys. */
static const char *next_command(const struct input *status)
{
    if (status->server.identity.trouble)
        return NULL;                 /* its own sentence says what comes first */
    if (status->ledger.failed > 0)
        return "migrate status";
    if (status->ledger.pending > 0)
        return "migrate";
    const char *command = NULL;
    for (size_t i = 0; i < status->table_count; i++) {
        const struct fact_table *t = &status->tables[i];
        if (!health_table(t) && t->note[0])
            return NULL;             /* it could not be read: what it needs is not known */
        if (!health_table(t))
            command = "seed";
    }
    return command;
}

/* A table without its rows is worth the question what became of them. */
static bool any_empty(const struct input *status)
{
    for (size_t i = 0; i < status->table_count; i++) {
        const struct fact_table *t = &status->tables[i];
        if (t->held || (!health_table(t) && t->rows == 0 && !t->note[0]))
            return true;
    }
    return false;
}

/* Borrowed: sentence and diagnosis only read. */
static struct facts facts_of(const struct input *status)
{
    return (struct facts){.phase = (char *)"ready", .server = status->server, .ledger = status->ledger,
        .guard = status->guard, .tables = status->tables, .table_count = status->table_count,
        .problem = status->text, .status_complete = true};
}

static bool any_held(const struct input *status)
{
    for (size_t i = 0; i < status->table_count; i++)
        if (status->tables[i].held)
            return true;
    return false;
}

static void put_sentence(struct str *out, const struct face *face, const struct input *status)
{
    static const struct { const char *mark, *color; } moods[] = {
        [MOOD_GOOD] = {"✓", "\033[32m"}, [MOOD_WAIT] = {"…", ""}, [MOOD_WARN] = {"!", "\033[33m"},
        [MOOD_BAD] = {"✗", "\033[31m"}};
    struct facts facts = facts_of(status);
    struct sentence_input in = {.facts = &facts, .environment = status->server.environment, .write_mode = true,
                                .command = true, .wall_ms = clock_wall_ms()};
    if (face->last[IN_DIAGNOSIS]) {
        facts.diagnosed = true;
        facts.diagnosis = face->last[IN_DIAGNOSIS]->diagnosis;
    }
    struct sentence sentence;
    sentence_make(&in, &sentence);
    str_printf(out, " %s%s %s%s  ", face->color ? moods[sentence.mood].color : "", moods[sentence.mood].mark,
               sentence.word, face->color ? "\033[0m" : "");
    int indent = 5 + text_width(sentence.word);
    put_wrapped(out, indent, sentence.text);
    const char *command = next_command(status);
    if (any_empty(status))
        str_printf(out, "%*sWhy: seedops diagnose %s\n", indent, "", status->server.environment);
    if (any_held(status) && !(status->server.preserved && status->server.preserved[0]))
        str_printf(out, "%*sFirst: seedops preserve %s keeps what may be read back\n", indent, "",
                   status->server.environment);
    if (command)
        str_printf(out, "%*sNext: seedops %s %s\n", indent, "", command, status->server.environment);
}

static void print_text(const struct face *face, const struct input *status, enum err_class class)
{
    (void)class;
    struct str out = {0};
    const struct fact_server *server = &status->server;
    put_foreign(&out, "", server->environment);
    put_foreign(&out, "  ", server->target);
    str_printf(&out, "  %s", server->via);
    put_foreign(&out, "  PostgreSQL ", server->version);
    str_printf(&out, " %s%s\n\n", server->in_recovery ? "standby" : "primary", server->pooled ? ", pooled" : "");
    put_sentence(&out, face, status);
    put_tables(&out, status);
    put_ledger(&out, &status->ledger);
    put_guard(&out, &status->guard);
    if (server->preserved && server->preserved[0])
        str_printf(&out, "  Preserved   %s; seedops preserve --undo %s takes it back\n", server->preserved,
                   server->environment);
    fwrite(str_text(&out), 1, out.length, stdout);
    fflush(stdout);
    str_free(&out);
}

/* Where rows are missing the sentence says why; a diagnosis that fails leaves it as it was. */
static void ask_why(struct face *face)
{
    struct err ignored = {0};
    const struct input *status = face->last[IN_STATUS];
    if (diagnosis_wanted(&status->ledger, status->tables, status->table_count))
        op_diagnose(&face->session, &(struct diagnose_options){.reason = "status"}, &ignored);
}

/* ---- several ---- */

/* Rows that are missing or wrong: the more of them, the worse. */
static int64_t rows_wrong(const struct input *status)
{
    int64_t wrong = 0;
    for (size_t i = 0; i < status->table_count; i++)
        if (!health_table(&status->tables[i]))
            wrong += 1 + (status->tables[i].missing > 0 ? status->tables[i].missing : 0) +
                     (status->tables[i].changed > 0 ? status->tables[i].changed : 0);
    return wrong;
}

static bool work(struct many_row *row, struct err *err)
{
    const struct options *options = row->many->face->options;
    struct session *session = &row->member->session;
    if (!op_status(session, &(struct status_options){.compare = true, .scan = options->scan}, err))
        return false;
    const struct input *status = row->last[IN_STATUS];
    row->class = health_class(status);
    row->weight = rows_wrong(status);
    light_status(&row->light, status, true);
    many_cell(row, 0, xstrdup(text_or(row->light.identity, row->light.reachable)));
    many_cell(row, 1, xstrdup(row->light.migrated));
    many_cell(row, 2, xstrdup(row->light.seeded));
    row->text = xstrdup(row->light.sentence);
    if (options->json)
        put_json(session, status, row->class, &row->json);
    return true;
}

static const struct many_class status_of_many = {
    .titles = {"reachable", "migrated", "seeded"}, .well = "healthy", .work = work};

int cmd_status(const struct command *command, struct options *options)
{
    struct face face;
    struct err err = {0};
    struct status_options what = {.compare = true, .scan = options->scan};
    struct selection selection = {0};
    bool ok = face_load(&face, command, options, &err) && many_select(&face, &selection, &err);
    if (ok && selection.several)
        return many_run(&face, &selection, &status_of_many);
    ok = ok && face_connect(&face, &err) && op_status(&face.session, &what, &err);
    enum err_class class = ERR_NONE;
    if (ok && !options->json)
        ask_why(&face);
    if (ok) {
        const struct input *status = face.last[IN_STATUS];
        class = health_class(status);
        (options->json ? print_json : print_text)(&face, status, class);
    }
    int code = face_close(&face, ok, &err);
    return ok ? err_exit_code(class) : code;
}
