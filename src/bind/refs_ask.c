/* refs_ask - the half of refs that asks the server: which of the waiting references are live rows. */
#include <stdlib.h>
#include <string.h>

#include "bind/refs.h"

/* --- which are nobody's --- */

static void say_key(const struct index *index, const struct pending *p, struct str *key)
{
    for (size_t i = 0; i < index->count; i++)
        str_printf(key, p->secret ? "%s%s = %s" : "%s%s = \"%s\"", i ? ", " : "", index->names[i],
                   p->secret ? "[REDACTED]" : p->values[i]);
}

static void say_plain(const struct index *index, const struct pending *p, const char *key, struct err *e)
{
    struct str columns = {0};
    for (size_t i = 0; i < p->foreign->count; i++)
        str_printf(&columns, "%s\"%s\"", i ? ", " : "", p->from->table->columns[p->foreign->columns[i]].name);
    err_set(e, ERR_FIXTURE, "%s %s at nobody: no row of \"%s\" has %s", str_text(&columns),
            p->foreign->count > 1 ? "point" : "points", index->target->name, key);
    err_hint(e, "declare that row, or mend the value (foreign key \"%s\" of \"%s\")", p->foreign->name,
             p->from->table->name);
    str_free(&columns);
}

static void say_nobody(struct refs *refs, const struct index *index, struct pending *p, bool several, const char *why)
{
    struct str key = {0};
    struct err e;
    p->said = true;
    say_key(index, p, &key);
    if (several) {
        err_set(&e, ERR_FIXTURE, "!ref is ambiguous: more than one row of \"%s\" has %s", index->target->name,
                str_text(&key));
    } else {
        if (p->foreign)
            say_plain(index, p, str_text(&key), &e);
        else
            err_set(&e, ERR_FIXTURE, "!ref to nobody: no row of \"%s\" has %s", index->target->name, str_text(&key));
        err_why(&e, "%s", why ? why : index->fixture ? "neither its fixture nor the database has one"
                                                     : "the database has none, and no fixture declares one");
    }
    const struct fixture_row row = {.line = p->row_line, .column = p->row_column};
    fixture_at(&e, p->from->fixture, &row, &p->place);
    problems_add(refs->c->problems, &e);
    str_free(&key);
}

/* --- the question --- */

/* References [from, to) of an index, as a probe that holds its own parameters. */
struct question {
    struct index *index;
    size_t from, to;
    struct str sql, *arrays;
    const char **params;
    struct db_probe probe;
};

/* What a text is cast to before it is compared: without a length, which a cast would cut it to. */
static const char *comparable_type(const struct db_column *live)
{
    if (!live || live->type.max_length >= 0)
        return live && strcmp(live->type.base, "bpchar") == 0 ? "bpchar" : "text";
    return live->type.precision >= 0 ? "numeric" : live->type.name;
}

static void lookup_sql(const struct index *index, struct str *sql)
{
    str_add(sql, "SELECT i, n FROM (SELECT i, (SELECT count(*) FROM (SELECT FROM ");
    db_quote_relation(sql, index->target->schema, index->target->name);
    str_add(sql, " t WHERE ");
    for (size_t i = 0; i < index->count; i++) {
        const struct db_column *live =
            index->target->details ? db_table_column(index->target, index->names[i]) : NULL;
        str_printf(sql, "%st.", i ? " AND " : "");
        db_quote_identifier(sql, index->names[i]);
        /* A table that was not looked at in detail is compared as text. */
        str_printf(sql, "%s %s u.c%zu::%s", live ? "" : "::text",
                   live && live->type.equality ? live->type.equality : "=", i, comparable_type(live));
    }
    str_add(sql, " LIMIT 2) m) AS n FROM unnest(");
    for (size_t i = 0; i < index->count; i++)
        str_printf(sql, "%s$%zu::text[]", i ? ", " : "", i + 1);
    str_add(sql, ") WITH ORDINALITY AS u(");
    for (size_t i = 0; i < index->count; i++)
        str_printf(sql, "c%zu, ", i);
    str_add(sql, "i)) q WHERE n <> 1 ORDER BY i");
}

static void question_make(struct question *q, struct index *index, size_t from, size_t to)
{
    *q = (struct question){.index = index, .from = from, .to = to};
    q->arrays = xcalloc(index->count, sizeof *q->arrays);
    q->params = xcalloc(index->count, sizeof *q->params);
    lookup_sql(index, &q->sql);
    for (size_t k = 0; k < index->count; k++) {
        str_add_char(&q->arrays[k], '{');
        for (size_t i = from; i < to; i++)
            parts_add_element(&q->arrays[k], index->pending[i].values[k]);
        str_add_char(&q->arrays[k], '}');
        q->params[k] = str_text(&q->arrays[k]);
    }
    q->probe = (struct db_probe){.name = "references", .sql = str_text(&q->sql), .count = index->count,
                                 .params = q->params, .statement_timeout_ms = PROBE_TIMEOUT_MS};
}

static void question_free(struct question *q)
{
    for (size_t k = 0; k < q->index->count; k++)
        str_free(&q->arrays[k]);
    db_probes_free(&q->probe, 1);
    free(q->arrays);
    free(q->params);
    str_free(&q->sql);
}

static void note_missing(struct refs *refs, const struct question *q)
{
    struct index *index = q->index;
    const struct db_result *result = q->probe.result;
    for (size_t r = 0; r < db_rows(result); r++) {
        size_t i = q->from + (size_t)db_int(result, r, 0, 1) - 1;
        if (i < index->pending_count && db_int(result, r, 1, 0) > 1)
            say_nobody(refs, index, &index->pending[i], true, NULL);
        else if (i < index->pending_count)
            index->pending[i].missing = true;
    }
}

static bool look_up(struct refs *refs, struct index *index, size_t from, size_t to, struct err *err);

/* A value that is none of its column's type fails the whole question: it is halved until that one stands alone. */
static bool take_answer(struct refs *refs, struct question *q, struct err *err)
{
    if (q->probe.ok) {
        note_missing(refs, q);
        return true;
    }
    if (!parts_is_data_error(&q->probe.err)) {
        if (q->index->optional)
            return true;
        *err = q->probe.err;
        return err_context(err, "cannot look up references to \"%s\"", q->index->target->name);
    }
    if (q->to - q->from == 1) {
        say_nobody(refs, q->index, &q->index->pending[q->from], false, q->probe.err.message);
        return true;
    }
    size_t middle = q->from + (q->to - q->from) / 2;
    return look_up(refs, q->index, q->from, middle, err) && look_up(refs, q->index, middle, q->to, err);
}

static bool look_up(struct refs *refs, struct index *index, size_t from, size_t to, struct err *err)
{
    struct question q;
    question_make(&q, index, from, to);
    bool ok = db_pipeline(refs->c->db, &q.probe, 1, err) && take_answer(refs, &q, err);
    question_free(&q);
    return ok;
}

/* --- declared, but written differently: 1 and 01, Alpha and alpha in citext --- */

/* True if texts tell all there is to know of equality. */
static bool compares_as_text(const struct index *index)
{
    for (size_t i = 0; i < index->count; i++) {
        const struct db_column *live =
            index->target->details ? db_table_column(index->target, index->names[i]) : NULL;
        if (live && !live->type.label_count && strcmp(live->type.base, "text") != 0
            && strcmp(live->type.base, "varchar") != 0)
            return false;
    }
    return true;
}

/* Which of the missing ones (the first half of the parameters) equal a declared key (the second). */
static void alike_sql(const struct index *index, struct str *sql)
{
    str_add(sql, "SELECT DISTINCT m.i FROM ");
    for (size_t side = 0; side < 2; side++) {
        str_add(sql, side ? " JOIN unnest(" : "unnest(");
        for (size_t i = 0; i < index->count; i++)
            str_printf(sql, "%s$%zu::text[]", i ? ", " : "", side * index->count + i + 1);
        str_add(sql, side ? ") AS d(" : ") WITH ORDINALITY AS m(");
        for (size_t i = 0; i < index->count; i++)
            str_printf(sql, "%sc%zu", i ? ", " : "", i);
        str_add(sql, side ? ") ON " : ", i)");
    }
    for (size_t i = 0; i < index->count; i++) {
        const struct db_column *live = db_table_column(index->target, index->names[i]);
        const char *type = comparable_type(live);
        str_printf(sql, "%sm.c%zu::%s %s d.c%zu::%s", i ? " AND " : "", i, type,
                   live->type.equality ? live->type.equality : "=", i, type);
    }
}

/* Asks about one batch of declared keys; the ones that equal a missing reference settle it. */
static bool ask_alike(struct refs *refs, struct index *index, const char *const *params, struct err *err)
{
    struct str sql = {0};
    alike_sql(index, &sql);
    struct db_probe probe = {.name = "declared keys", .sql = str_text(&sql), .count = 2 * index->count,
                             .params = params, .statement_timeout_ms = PROBE_TIMEOUT_MS};
    bool ok = db_pipeline(refs->c->db, &probe, 1, err);
    /* A declared key that is no value of its column is said where its own table is checked. */
    for (size_t r = 0; ok && probe.ok && r < db_rows(probe.result); r++) {
        size_t i = (size_t)db_int(probe.result, r, 0, 1) - 1;
        if (i < index->pending_count)
            index->pending[i].missing = false;
    }
    db_probes_free(&probe, 1);
    str_free(&sql);
    return ok;
}

static void begin_arrays(struct str *arrays, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        str_reset(&arrays[k]);
        str_add_char(&arrays[k], '{');
    }
}

static void end_arrays(struct str *arrays, size_t count, const char **params)
{
    for (size_t k = 0; k < count; k++) {
        str_add_char(&arrays[k], '}');
        params[k] = str_text(&arrays[k]);
    }
}

/* Streams the target's fixture past the missing references, which are the first `count` parameters. */
static bool read_alike(struct refs *refs, struct index *index, struct str *arrays, const char **params,
                       struct err *err)
{
    size_t count = index->count, batch = 0;
    const char **texts = arena_alloc(&index->texts, count * sizeof *texts);
    int *columns = arena_alloc(&index->texts, count * sizeof *columns);
    struct fixture_reader *reader;
    const struct fixture_row *row;
    for (size_t i = 0; i < count; i++)
        columns[i] = fixture_column(index->fixture->fixture, index->names[i]);
    if (!fixture_open(&reader, index->fixture->fixture, refs->c->options, err))
        return false;
    begin_arrays(arrays + count, count);
    bool ok;
    while ((ok = fixture_next(reader, &row, err)) && (row || batch)) {
        bool key = row && refs_key_of_row(index, columns, row, texts);
        for (size_t k = 0; key && k < count; k++)
            parts_add_element(&arrays[count + k], texts[k]);
        batch += key;
        if (row && batch < BATCH_ROWS)
            continue;
        end_arrays(arrays + count, count, params + count);
        ok = ask_alike(refs, index, params, err);
        if (!ok || !row)
            break;
        begin_arrays(arrays + count, count);
        batch = 0;
    }
    fixture_close(reader);
    return ok;
}

static bool find_alike(struct refs *refs, struct index *index, struct err *err)
{
    struct str *arrays = xcalloc(2 * index->count, sizeof *arrays);
    const char **params = xcalloc(2 * index->count, sizeof *params);
    begin_arrays(arrays, index->count);
    for (size_t i = 0; i < index->pending_count; i++) {
        const struct pending *p = &index->pending[i];
        /* The others keep their place, but not their text. */
        for (size_t k = 0; k < index->count; k++) {
            if (p->missing)
                parts_add_element(&arrays[k], p->values[k]);
            else
                str_add(&arrays[k], arrays[k].length > 1 ? ",NULL" : "NULL");
        }
    }
    end_arrays(arrays, index->count, params);
    bool ok = read_alike(refs, index, arrays, params, err);
    for (size_t k = 0; k < 2 * index->count; k++)
        str_free(&arrays[k]);
    free(arrays);
    free(params);
    return ok;
}

static bool settle_missing(struct refs *refs, struct index *index, struct err *err)
{
    bool any = false, ok = true;
    for (size_t i = 0; i < index->pending_count; i++)
        any = any || index->pending[i].missing;
    if (any && index->hash_count && !compares_as_text(index))
        ok = find_alike(refs, index, err);
    for (size_t i = 0; ok && i < index->pending_count; i++) {
        if (index->pending[i].missing)
            say_nobody(refs, index, &index->pending[i], false, NULL);
    }
    return ok;
}

/* --- all at once --- */

static void remember_found(struct index *index)
{
    if (!index->found)
        index->found = xcalloc(REFS_FOUND, sizeof *index->found);
    for (size_t i = 0; i < index->pending_count; i++) {
        if (!index->pending[i].said)
            index->found[index->pending[i].hash % REFS_FOUND] = index->pending[i].hash;
    }
}

/* A table that is known to be empty is not read (SAFETY 4): nothing in it is to be found. */
static size_t make_questions(struct refs *refs, struct question *questions)
{
    size_t count = 0;
    for (struct index *index = refs->indexes; index; index = index->next) {
        for (size_t i = 0; index->target->known_empty && i < index->pending_count; i++)
            index->pending[i].missing = true;
        if (index->pending_count && !index->target->known_empty)
            question_make(&questions[count++], index, 0, index->pending_count);
    }
    return count;
}

static bool ask_all(struct refs *refs, struct question *questions, size_t count, struct err *err)
{
    struct db_probe *probes = xcalloc(count, sizeof *probes);
    for (size_t i = 0; i < count; i++)
        probes[i] = questions[i].probe;
    bool ok = db_pipeline(refs->c->db, probes, count, err);
    for (size_t i = 0; i < count; i++)
        questions[i].probe = probes[i];
    for (size_t i = 0; ok && i < count; i++)
        ok = take_answer(refs, &questions[i], err);
    free(probes);
    return ok;
}

bool refs_ask(struct refs *refs, struct err *err)
{
    size_t indexes = 0;
    for (const struct index *i = refs->indexes; i; i = i->next)
        indexes++;
    struct question *questions = xcalloc(indexes + 1, sizeof *questions);
    size_t count = make_questions(refs, questions);
    bool ok = count == 0 || ask_all(refs, questions, count, err);
    for (size_t i = 0; i < count; i++)
        question_free(&questions[i]);
    free(questions);
    for (struct index *i = refs->indexes; i; i = i->next) {
        ok = ok && settle_missing(refs, i, err);
        if (ok && i->pending_count)
            remember_found(i);
        i->pending_count = 0;
        arena_reset(&i->texts);
    }
    return ok;
}
