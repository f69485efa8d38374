/* repeats - keys that are written differently and yet the same: 1 and 01, 9.5 and 9.50, one instant in two zones.
 *
 * Loading compared keys as texts. Where every key is written as the server would print it, that was enough, and
 * nothing happens here. Otherwise the odd ones are printed by the server, a batch at a time; one pass keeps a
 * hash of every key, eight bytes a row, and only if some repeat does another pass find out whose they are. */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "bind/parts.h"

struct repeats {
    const struct checking *c;
    const struct bound *bound;
    uint64_t *hashes;
    size_t count, capacity;
    bool naming;                    /* the last pass: hashes are the repeated ones, lines their first rows' */
    unsigned lines[FIXTURE_PROBLEMS];
    struct arena one;               /* a row that needs no server */
    /* rows waiting for the server */
    struct arena texts;
    const char ***waiting;
    unsigned *waiting_lines;
    size_t waiting_count;
};

static const struct db_column *key_column(const struct bound *b, size_t k)
{
    return &b->table->columns[b->columns[b->key[k]]];
}

static bool is_base(const struct db_column *column, const char *base) { return strcmp(column->type.base, base) == 0; }

static bool canonical_integer(const char *text)
{
    const char *digits = text + (*text == '-');
    return strcmp(text, "0") == 0 || (*digits >= '1' && *digits <= '9' && !digits[strspn(digits, "0123456789")]);
}

static bool canonical_decimal(const char *text)
{
    const char *point = strchr(text, '.');
    size_t length = strlen(text);
    if (!point)
        return canonical_integer(text);
    const char *digits = text + (*text == '-');
    size_t whole = strspn(digits, "0123456789");
    return whole && digits + whole == point && (whole == 1 || *digits != '0') && point[1]
           && !point[1 + strspn(point + 1, "0123456789")] && text[length - 1] != '0';
}

/* True if no other text is read as the same value, other than one that is not canonical. */
static bool is_canonical(const struct db_column *column, const char *text)
{
    if (column->type.label_count || is_base(column, "text") || is_base(column, "varchar") || is_base(column, "name"))
        return true;
    if (is_base(column, "int2") || is_base(column, "int4") || is_base(column, "int8"))
        return canonical_integer(text);
    if (is_base(column, "numeric"))
        return canonical_decimal(text);
    if (is_base(column, "uuid"))
        return strlen(text) == 36 && !text[strspn(text, "0123456789abcdef-")];
    if (is_base(column, "date"))
        return strlen(text) == 10 && text[4] == '-' && text[7] == '-' && !text[strspn(text, "0123456789-")];
    if (is_base(column, "citext"))
        return !text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-_.@ ")];
    return false;
}

/* The texts of a row's key, in `arena`; false for a row whose key is wrong (that was said before). */
static bool key_texts(const struct bound *b, const struct fixture_row *row, struct arena *arena, const char **texts)
{
    for (size_t k = 0; k < b->key_count; k++) {
        const struct fixture_value *v = &row->values[b->key[k]];
        if (v->kind == VALUE_REF) {
            struct str joined = {0};
            str_add(&joined, v->ref->table);
            for (size_t i = 0; i < v->ref->count; i++)
                str_printf(&joined, "\001%s\002%s", v->ref->keys[i], v->ref->values[i]);
            texts[k] = arena_strdup(arena, str_text(&joined));
            str_free(&joined);
        } else if (v->kind == VALUE_TEXT || v->kind == VALUE_ENV) {
            texts[k] = arena_strdup(arena, v->text);
        } else {
            return false;
        }
    }
    return true;
}

/* References are compared as they are written. */
static bool row_is_canonical(const struct bound *b, const struct fixture_row *row)
{
    for (size_t k = 0; k < b->key_count; k++) {
        const struct fixture_value *v = &row->values[b->key[k]];
        if ((v->kind == VALUE_TEXT || v->kind == VALUE_ENV) && !is_canonical(key_column(b, k), v->text))
            return false;
    }
    return true;
}

/* --- hashes --- */

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void say_repeat(struct repeats *r, unsigned line, unsigned first, const char *const *texts)
{
    const struct fixture_row row = {.line = line, .column = 1};
    const struct bound *b = r->bound;
    struct str shown = {0};
    struct err e;
    for (size_t k = 0; k < b->key_count; k++) {
        bool hidden = b->fixture->has_secret;
        str_printf(&shown, "%s%s = %s", k ? ", " : "", key_column(b, k)->name,
                   hidden ? "[REDACTED]" : strchr(texts[k], '\001') ? "!ref" : texts[k]);
    }
    err_set(&e, ERR_FIXTURE, "two rows have the same key %s", str_text(&shown));
    err_why(&e, "the first one is in line %u; however they are written, the column's type reads both alike", first);
    fixture_at(&e, b->fixture, &row, NULL);
    problems_add(r->c->problems, &e);
    str_free(&shown);
}

static void take_key(struct repeats *r, const char *const *texts, unsigned line)
{
    static const unsigned char seed[crypto_generichash_KEYBYTES] = "seedops repeats";
    crypto_generichash_state state;
    uint64_t hash[2];
    crypto_generichash_init(&state, seed, sizeof seed, sizeof hash);
    for (size_t k = 0; k < r->bound->key_count; k++)
        crypto_generichash_update(&state, (const unsigned char *)texts[k], strlen(texts[k]) + 1);
    crypto_generichash_final(&state, (unsigned char *)hash, sizeof hash);
    if (r->naming) {
        uint64_t *found = bsearch(hash, r->hashes, r->count, sizeof *r->hashes, by_value);
        unsigned *first = found ? &r->lines[found - r->hashes] : NULL;
        if (first && *first)
            say_repeat(r, line, *first, texts);
        else if (first)
            *first = line;
        return;
    }
    if (r->count == r->capacity) {
        r->capacity = r->capacity ? r->capacity * 2 : 1024;
        r->hashes = xrealloc(r->hashes, r->capacity * sizeof *r->hashes);
    }
    r->hashes[r->count++] = hash[0];
}

static void keep_repeated(struct repeats *r)
{
    size_t kept = 0;
    if (r->count)
        qsort(r->hashes, r->count, sizeof *r->hashes, by_value);
    for (size_t i = 1; i < r->count; i++) {
        bool again = r->hashes[i] == r->hashes[i - 1] && (!kept || r->hashes[kept - 1] != r->hashes[i]);
        if (again && kept < FIXTURE_PROBLEMS)
            r->hashes[kept++] = r->hashes[i];
    }
    r->count = kept;
}

/* --- the server prints --- */

static void print_sql(const struct bound *b, struct str *sql)
{
    for (size_t k = 0; k < b->key_count; k++) {
        const struct db_column *column = key_column(b, k);
        bool numeric = is_base(column, "numeric"), citext = is_base(column, "citext");
        str_add(sql, k ? ", " : "SELECT ");
        if (b->refs[b->key[k]].table)
            str_printf(sql, "c%zu", k);
        else if (numeric)   /* 9.50 is 9.5; trim_scale() is too new */
            str_printf(sql, "regexp_replace(regexp_replace(c%zu::%s::text, '(\\.\\d*?)0+$', '\\1'), '\\.$', '')", k,
                       column->type.name);
        else
            str_printf(sql, citext ? "lower(c%zu::%s::text)" : "c%zu::%s::text", k, column->type.name);
    }
    str_add(sql, " FROM unnest(");
    for (size_t k = 0; k < b->key_count; k++)
        str_printf(sql, "%s$%zu::text[]", k ? ", " : "", k + 1);
    str_add(sql, ") WITH ORDINALITY AS u(");
    for (size_t k = 0; k < b->key_count; k++)
        str_printf(sql, "c%zu, ", k);
    str_add(sql, "i) ORDER BY i");
}

static bool print_waiting(struct repeats *r, struct err *err)
{
    size_t keys = r->bound->key_count;
    struct str sql = {0}, *arrays = xcalloc(keys, sizeof *arrays);
    const char **params = xcalloc(keys, sizeof *params);
    print_sql(r->bound, &sql);
    for (size_t k = 0; k < keys; k++) {
        str_add_char(&arrays[k], '{');
        for (size_t i = 0; i < r->waiting_count; i++)
            parts_add_element(&arrays[k], r->waiting[i][k]);
        str_add_char(&arrays[k], '}');
        params[k] = str_text(&arrays[k]);
    }
    struct db_probe probe = {.name = "keys", .sql = str_text(&sql), .count = keys, .params = params,
                             .statement_timeout_ms = PROBE_TIMEOUT_MS};
    bool ok = db_pipeline(r->c->db, &probe, 1, err);
    if (ok && !probe.ok) {
        *err = probe.err;
        ok = err_context(err, "cannot compare the keys of \"%s\"", r->bound->table->name);
    }
    for (size_t i = 0; ok && i < db_rows(probe.result) && i < r->waiting_count; i++) {
        for (size_t k = 0; k < keys; k++)
            params[k] = db_value(probe.result, i, k) ? db_value(probe.result, i, k) : "";
        take_key(r, params, r->waiting_lines[i]);
    }
    for (size_t k = 0; k < keys; k++)
        str_free(&arrays[k]);
    db_probes_free(&probe, 1);
    free(arrays);
    free(params);
    str_free(&sql);
    r->waiting_count = 0;
    arena_reset(&r->texts);
    return ok;
}

/* --- passes --- */

static bool look_at(struct repeats *r, const struct fixture_row *row, struct err *err)
{
    const struct bound *b = r->bound;
    bool canonical = row_is_canonical(b, row);
    struct arena *arena = canonical ? &r->one : &r->texts;
    if (canonical)
        arena_reset(arena);
    const char **texts = arena_alloc(arena, b->key_count * sizeof *texts);
    if (!key_texts(b, row, arena, texts))
        return true;
    if (canonical) {
        take_key(r, texts, row->line);
        return true;
    }
    r->waiting[r->waiting_count] = texts;
    r->waiting_lines[r->waiting_count++] = row->line;
    return r->waiting_count < BATCH_ROWS || print_waiting(r, err);
}

static bool pass(struct repeats *r, struct err *err)
{
    struct fixture_reader *reader;
    const struct fixture_row *row;
    if (!fixture_open(&reader, r->bound->fixture, r->c->options, err))
        return false;
    bool ok;
    while ((ok = fixture_next(reader, &row, err)) && row && !problems_full(r->c->problems)) {
        ok = look_at(r, row, err);
        if (!ok)
            break;
    }
    fixture_close(reader);
    return ok && (r->waiting_count == 0 || print_waiting(r, err));
}

bool repeats_odd_row(const struct bound *bound, const struct fixture_row *row)
{
    return bound->key_count && !row_is_canonical(bound, row);
}

bool repeats_check(const struct checking *c, const struct bound *bound, struct err *err)
{
    struct repeats *r = xcalloc(1, sizeof *r);
    r->c = c;
    r->bound = bound;
    r->waiting = xcalloc(BATCH_ROWS, sizeof *r->waiting);
    r->waiting_lines = xcalloc(BATCH_ROWS, sizeof *r->waiting_lines);
    bool ok = pass(r, err);
    keep_repeated(r);
    r->naming = true;
    if (ok && r->count)
        ok = pass(r, err);
    free(r->hashes);
    free(r->waiting);
    free(r->waiting_lines);
    arena_free(&r->texts);
    arena_free(&r->one);
    free(r);
    return ok;
}
