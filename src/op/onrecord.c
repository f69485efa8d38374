#include "op/onrecord.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "op/onrecord_values.h"

enum { SQL_MAX = 64 * 1024 };

/* ---- who answers ---- */

void onrecord_identity(struct session *s, bool direct)
{
    const struct db_identity *identity = direct ? &s->direct_identity : &s->identity;
    struct ctx *ctx = s->ctx;
    char *told = ctx->identity_told[direct], now[sizeof ctx->identity_told[0]];
    snprintf(now, sizeof now, "%s/%u/%s", identity->system_identifier, identity->database_oid, identity->database);
    if (strcmp(told, now) == 0)
        return;
    memcpy(told, now, sizeof now);
    struct input *in = input_new(IN_IDENTITY);
    in->name = xstrdup(direct ? "direct" : "reading");
    in->title = xstrdup(identity->client_address);
    in->number = identity->database_oid;
    session_server_fact(s, &in->server);
    ctx_emit(ctx, in);
}

/* ---- what was decided ---- */

void onrecord_guard(struct ctx *ctx, enum guard_class class, const struct guard_answer *answer)
{
    if (class == GUARD_READ)
        return;
    struct input *in = input_new(IN_GUARD);
    in->name = xstrdup(guard_class_name(class));
    in->text = xstrdup(ctx->action ? ctx->action : guard_class_name(class));
    in->title = xstrdup(ctx->environment->name);
    in->expect = xstrdup(ctx->confirm);
    in->ok = answer->allowed;
    in->guard.local = answer->local;
    in->guard.allow_line = xstrdup(answer->allow_line);
    in->guard.reasons = xcalloc(answer->reason_count ? answer->reason_count : 1, sizeof *in->guard.reasons);
    in->guard.reason_count = answer->reason_count;
    for (size_t i = 0; i < answer->reason_count; i++)
        in->guard.reasons[i].text = xstrdup(answer->reasons[i]);
    ctx_emit(ctx, in);
}

/* ---- what was run ---- */

static bool starts_with(const char *sql, const char *word)
{
    size_t length = strlen(word);
    return strncasecmp(sql, word, length) == 0 && (sql[length] == '\0' || strchr(" \t\n;(", sql[length]));
}

/* A SELECT that does something all the same. */
static bool calls_writer(const char *sql)
{
    static const char *const functions[] = {
        "setval(", "nextval(", "pg_cancel_backend(", "pg_terminate_backend(", "pg_create_physical_replication_slot(",
        "pg_drop_replication_slot("};
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (strstr(sql, functions[i]))
            return true;
    return false;
}

/* Statements that only read, or that set the connection up. */
static bool only_reads(const char *sql)
{
    static const char *const words[] = {"select", "show", "set", "reset", "explain", "values", "begin", "start",
                                        "fetch", "close", "savepoint", "release", "discard"};
    if (calls_writer(sql))
        return false;
    sql += strspn(sql, " \t\r\n;(");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (starts_with(sql, words[i]))
            return !strchr(sql, ';') || strchr(sql, ';')[1] == '\0';
    return starts_with(sql, "copy") && strcasestr(sql, "to stdout");
}

/* A transaction that says it only reads, from its BEGIN to its end. */
static bool in_read_only(struct ctx *ctx, const char *sql)
{
    bool ends = starts_with(sql, "commit") || starts_with(sql, "rollback"), was = ctx->reading;
    if (starts_with(sql, "begin") || starts_with(sql, "start"))
        ctx->reading = strcasestr(sql, "read only") != NULL;
    else if (ends)
        ctx->reading = false;
    return ctx->reading || (ends && was);
}

/* What operations write of themselves: its literals may be rows, and a row may hold a secret. The text of a
 * migration begins otherwise: it stands in a file that anybody who reviews it may read. */
static bool writes_rows(const char *sql)
{
    static const char *const words[] = {"insert", "update", "delete", "with", "merge", "copy", "lock", "create temporary"};
    sql += strspn(sql, " \t\r\n;(");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (starts_with(sql, words[i]))
            return true;
    return false;
}

/* Where the literal behind the word PASSWORD begins, after its quote; NULL: there is none. */
static const char *password_literal(const char *word)
{
    const char *at = word + strlen("password");
    at += strspn(at, " \t\r\n");
    at += *at == 'E' || *at == 'e';
    return *at == '\'' ? at + 1 : NULL;
}

/* The closing quote of a literal, or the text's end. */
static const char *literal_end(const char *at, bool escapes)
{
    while (*at && (*at != '\'' || at[1] == '\''))
        at += *at == '\'' || (escapes && *at == '\\' && at[1]) ? 2 : 1;
    return at;
}

/* Of our own making: quoted by the library, without comments and dollar quotes. */
static void without_literals(struct str *out, const char *sql)
{
    for (const char *at = sql; *at;) {
        size_t plain = strcspn(at, "'\"");
        str_add_bytes(out, at, plain);
        at += plain;
        if (*at == '"') {
            const char *end = strchr(at + 1, '"');
            size_t length = end ? (size_t)(end + 1 - at) : strlen(at);
            str_add_bytes(out, at, length);
            at += length;
        } else if (*at) {
            at = literal_end(at + 1, at > sql && (at[-1] == 'E' || at[-1] == 'e'));
            str_add(out, "'...'");
            at += *at != '\0';
        }
    }
}

void onrecord_redact(struct str *out, const char *sql)
{
    size_t from = out->length;
    const char *at = sql;
    if (writes_rows(sql)) {
        without_literals(out, sql);
        at = "";
    }
    for (const char *word; (word = strcasestr(at, "password")) != NULL;) {
        const char *literal = password_literal(word);
        const char *to = literal ? literal : word + strlen("password");
        str_add_bytes(out, at, (size_t)(to - at));
        at = to;
        if (!literal)
            continue;
        at = literal_end(at, true);
        str_add(out, "[REDACTED]");
    }
    str_add(out, at);
    if (out->length - from <= SQL_MAX)
        return;
    out->length = from + SQL_MAX;
    while (((unsigned char)out->text[out->length] & 0xc0) == 0x80)
        out->length--;
    str_add(out, " ... (cut)");
}

void onrecord_flush(struct ctx *ctx)
{
    struct input *in = ctx->statement;
    ctx->statement = NULL;
    if (!in)
        return;
    onrecord_values_close(in, ctx->statement_rows);
    ctx_emit(ctx, in);
}

void onrecord_end(struct ctx *ctx)
{
    onrecord_flush(ctx);
    input_free(onrecord_values_take(ctx, 0));
}

/* Takes `values`: columns and rows of an event, or NULL. */
static void tell(struct ctx *ctx, const struct db_statement *s, struct input *values)
{
    struct str text = {0};
    onrecord_redact(&text, s->sql);
    struct input *last = ctx->statement;
    if (last && !s->error && strcmp(last->text, text.text) == 0) {
        last->number += s->rows;
        last->number2 += s->duration_ms;
        last->rate++;
        ctx->statement_rows += values ? ctx->values_sent : 0;
        str_free(&text);
        input_free(values);
        return;
    }
    onrecord_flush(ctx);
    ctx->statement_rows = values ? ctx->values_sent : 0;
    struct input *in = ctx->statement = values ? values : input_new(IN_STATEMENT);
    in->name = xstrdup(ctx->action);
    in->text = str_take(&text);
    in->number = s->rows;
    in->number2 = s->duration_ms;
    in->rate = 1;
    in->ok = !s->error;
    if (!s->error)
        return;
    /* not the server's words: they may quote a value that is a secret. The outcome has what may be said. */
    struct err error = {0};
    err_set(&error, s->error->class, "failed");
    err_sqlstate(&error, s->error->sqlstate);
    input_set_error(in, &error);
    onrecord_flush(ctx);
}

void onrecord_statement(void *sink, const struct db_statement *s)
{
    struct ctx *ctx = sink;
    bool told = !in_read_only(ctx, s->sql) && !only_reads(s->sql);
    struct input *in = onrecord_values_take(ctx, told ? s->parameter_count : 0);
    if (told)
        tell(ctx, s, in);
    else
        input_free(in);
}
