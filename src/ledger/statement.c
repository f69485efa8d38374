/* statement - classification by words alone. It errs to the careful side: a statement that may be run in
 * a transaction and fails there is rolled back whole and says so; risks are for the plan, not a gate. */
#include "ledger/statement.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void words_add(struct sql_words *words, const char *text, size_t length, unsigned depth, bool quoted)
{
    if (words->count == words->capacity) {
        words->capacity = words->capacity ? words->capacity * 2 : 64;
        words->items = xrealloc(words->items, words->capacity * sizeof *words->items);
    }
    words->items[words->count++] =
        (struct sql_word){.text = text, .length = (unsigned)length, .depth = depth, .quoted = quoted};
}

void words_body(struct sql_words *words, const char *text, size_t length)
{
    words->body = text;
    words->body_length = length;
}

void words_reset(struct sql_words *words)
{
    words->count = 0;
    words->body = NULL;
    words->body_length = 0;
}

void words_free(struct sql_words *words)
{
    free(words->items);
    *words = (struct sql_words){0};
}

static bool word_is(const struct sql_words *words, size_t at, const char *want, size_t length)
{
    if (at >= words->count)
        return false;
    const struct sql_word *w = &words->items[at];
    return !w->quoted && w->length == length && strncasecmp(w->text, want, length) == 0;
}

bool words_are(const struct sql_words *words, size_t at, const char *want)
{
    while (*want) {
        size_t length = strcspn(want, " ");
        if (!word_is(words, at++, want, length))
            return false;
        want += length;
        want += *want == ' ';
    }
    return true;
}

/* True if any of these phrases (NULL-terminated) begins at `at`. */
static bool any_of(const struct sql_words *words, size_t at, const char *const *phrases)
{
    for (; *phrases; phrases++)
        if (words_are(words, at, *phrases))
            return true;
    return false;
}

static const char *const harmless_drops[] = {"drop not", "drop default", "drop identity", "drop expression",
                                             NULL};

/* ALTER TABLE t ALTER [COLUMN] c [SET DATA] TYPE ...; a column may itself be called "type". */
static bool changes_type(const struct sql_words *w, size_t i)
{
    if (i < 2 || !words_are(w, i, "type"))
        return false;
    if (words_are(w, i - 2, "set data") || (words_are(w, i - 2, "alter") && !words_are(w, i - 1, "column")))
        return true;
    return i >= 3 && (words_are(w, i - 3, "alter column") || words_are(w, i - 3, "alter attribute"));
}

static unsigned alter_risks(const struct sql_words *w, size_t from)
{
    unsigned risks = 0;
    for (size_t i = from; i < w->count; i++) {
        if (w->items[i].depth == 0 && words_are(w, i, "drop") && !any_of(w, i, harmless_drops))
            risks |= RISK_DROP;
        else if (w->items[i].depth == 0 && changes_type(w, i))
            risks |= RISK_TYPE;
    }
    return risks;
}

/* Writes anywhere in the statement: WITH x AS (DELETE ...), MERGE ... THEN DELETE. */
static unsigned dml_risks(const struct sql_words *w)
{
    static const char *const no_update[] = {"for", "key", "on", "or", "before", "after", NULL};
    unsigned risks = 0;
    for (size_t i = 0; i < w->count; i++) {
        if (words_are(w, i, "delete from") || words_are(w, i, "then delete"))
            risks |= RISK_DELETE;
        else if (words_are(w, i, "update") && (i == 0 || !any_of(w, i - 1, no_update)))
            risks |= RISK_UPDATE;
    }
    return risks;
}

static unsigned body_risks(const char *text, size_t length)
{
    struct sql_words words = {0};
    for (size_t at = 0; at < length;) {
        size_t start = at;
        if (text[at] == '\'' || text[at] == '"') {
            char quote = text[at++];
            while (at < length && text[at] != quote)
                at++;
            at += at < length;
        } else if (text[at] == '-' && at + 1 < length && text[at + 1] == '-') {
            while (at < length && text[at] != '\n')
                at++;
        } else if ((text[at] | 0x20) >= 'a' && (text[at] | 0x20) <= 'z') {
            while (at < length && (((text[at] | 0x20) >= 'a' && (text[at] | 0x20) <= 'z') || text[at] == '_'))
                at++;
            words_add(&words, text + start, at - start, 0, false);
        } else {
            at++;
        }
    }
    unsigned risks = dml_risks(&words) | alter_risks(&words, 0);
    for (size_t i = 0; i < words.count; i++)
        if (words_are(&words, i, "truncate"))
            risks |= RISK_TRUNCATE;
    words_free(&words);
    return risks;
}

static unsigned find_risks(const struct sql_words *w)
{
    static const char *const writers[] = {"with", "delete", "update", "insert", "merge", "explain", "prepare",
                                          NULL};
    if (words_are(w, 0, "drop"))
        return RISK_DROP;
    if (words_are(w, 0, "truncate"))
        return RISK_TRUNCATE;
    if (words_are(w, 0, "alter"))
        return alter_risks(w, 1);
    if (words_are(w, 0, "do") && w->body)
        return body_risks(w->body, w->body_length);
    return any_of(w, 0, writers) ? dml_risks(w) : RISK_NONE;
}

static bool find_no_transaction(const struct sql_words *w, bool *concurrently)
{
    static const char *const never[] = {
        "vacuum", "create database", "drop database", "create tablespace", "drop tablespace", "alter system",
        "create subscription", "drop subscription", "discard all", "commit prepared", "rollback prepared",
        "reindex database", "reindex system", "reindex schema", NULL};
    static const char *const builds[] = {"create index concurrently", "create unique index concurrently",
                                         NULL};
    *concurrently = any_of(w, 0, builds);
    for (size_t i = 1; words_are(w, 0, "reindex") && i < w->count; i++)
        *concurrently |= words_are(w, i, "concurrently");
    if (*concurrently || words_are(w, 0, "drop index concurrently") || any_of(w, 0, never))
        return true;
    if (words_are(w, 0, "cluster"))
        return w->count == 1 || (w->count == 2 && words_are(w, 1, "verbose"));
    if (words_are(w, 0, "alter table"))
        return w->count > 4 && words_are(w, w->count - 1, "concurrently");
    if (words_are(w, 0, "alter subscription"))
        return words_are(w, 3, "refresh publication");
    return words_are(w, 0, "alter database") && words_are(w, 3, "set tablespace");
}

static const char *find_index_name(const struct sql_words *w, struct arena *arena)
{
    size_t at = words_are(w, 1, "unique") ? 3 : 2;
    if (!words_are(w, 0, "create") || !words_are(w, at, "concurrently"))
        return NULL;
    at++;
    if (words_are(w, at, "if not exists"))
        at += 3;
    if (at >= w->count || words_are(w, at, "on"))
        return NULL;
    return arena_strndup(arena, w->items[at].text, w->items[at].length);
}

static void find_control(struct statement *s, const struct sql_words *w)
{
    static const char *const begins[] = {"begin", "start transaction", NULL};
    static const char *const ends[] = {"commit", "end", "abort", "rollback", "prepare transaction", NULL};
    static const char *const points[] = {"savepoint", "release", "rollback to", "rollback work to",
                                         "rollback transaction to", NULL};
    static const char *const prepared[] = {"commit prepared", "rollback prepared", NULL};
    if (any_of(w, 0, prepared))
        return;
    bool point = any_of(w, 0, points);
    s->begins_block = any_of(w, 0, begins);
    s->ends_block = !point && any_of(w, 0, ends);
    s->transaction_control = point || s->begins_block || s->ends_block;
}

static bool copies_stream(const struct sql_words *w)
{
    if (!words_are(w, 0, "copy"))
        return false;
    for (size_t i = 1; i < w->count; i++)
        if (w->items[i].depth == 0 && (words_are(w, i, "from stdin") || words_are(w, i, "to stdout")))
            return true;
    return false;
}

void statement_classify(struct statement *s, const struct sql_words *words, struct arena *arena)
{
    s->no_transaction = find_no_transaction(words, &s->concurrently);
    s->index_name = find_index_name(words, arena);
    s->risks = find_risks(words);
    s->copies_stream = copies_stream(words);
    find_control(s, words);
}

const char *split_risk_names(unsigned risks, char *out, size_t size)
{
    static const struct { unsigned bit; const char *name; } names[] = {
        {RISK_DROP, "DROP"}, {RISK_TRUNCATE, "TRUNCATE"}, {RISK_DELETE, "DELETE"},
        {RISK_TYPE, "type change"}, {RISK_UPDATE, "UPDATE"}};
    size_t used = 0;
    if (size)
        out[0] = '\0';
    for (size_t i = 0; i < sizeof names / sizeof *names && used < size; i++)
        if (risks & names[i].bit)
            used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : "", names[i].name);
    return out;
}
