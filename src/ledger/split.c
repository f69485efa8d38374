/* split - the lexer's half: where statements begin and end, as PostgreSQL's own lexer and psql see it.
 * What a statement is (its risks, whether it may run in a transaction) is decided in statement.c. */
#include "ledger/split.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "ledger/statement.h"

struct lexer {
    const char *file, *bytes;
    size_t length, at;
    struct arena *arena;
    struct sql_file *out;
    size_t capacity;
    /* the statement being read */
    bool open;
    size_t start, end;            /* of its first and behind its last token */
    struct sql_words words;
    unsigned paren_depth, body_depth;
    bool routine;                 /* a function or procedure: may have a BEGIN ATOMIC body */
    struct err *err;
};

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_word_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}
static bool is_word(char c) { return is_word_start(c) || is_digit(c) || c == '$'; }

static char peek(const struct lexer *x, size_t ahead)
{
    return x->at + ahead < x->length ? x->bytes[x->at + ahead] : '\0';
}

static unsigned line_of(const char *bytes, size_t offset)
{
    unsigned line = 1;
    for (const char *p = bytes; (p = memchr(p, '\n', (size_t)(bytes + offset - p))); p++)
        line++;
    return line;
}

static bool fail_at(struct lexer *x, size_t offset, const char *message, const char *why, const char *hint)
{
    err_set(x->err, ERR_MIGRATION, "%s: %s", x->file, message);
    if (why)
        err_why(x->err, "%s", why);
    err_hint(x->err, "%s", hint);
    size_t line_start = offset;
    while (line_start > 0 && x->bytes[line_start - 1] != '\n')
        line_start--;
    unsigned column = 1;
    for (size_t i = line_start; i < offset; i++)
        column += ((unsigned char)x->bytes[i] & 0xc0) != 0x80;
    return err_at(x->err, x->file, line_of(x->bytes, offset), column);
}

static bool unterminated(struct lexer *x, size_t offset, const char *what)
{
    char message[96];
    snprintf(message, sizeof message, "%s that begins here never ends", what);
    return fail_at(x, offset, message, NULL, "close it; nothing of this file was run");
}

static void skip_line_comment(struct lexer *x)
{
    while (x->at < x->length && x->bytes[x->at] != '\n' && x->bytes[x->at] != '\r')
        x->at++;
}

static bool skip_block_comment(struct lexer *x)
{
    size_t start = x->at;
    unsigned depth = 0;
    while (x->at < x->length) {
        if (peek(x, 0) == '/' && peek(x, 1) == '*') {
            depth++;
            x->at += 2;
        } else if (peek(x, 0) == '*' && peek(x, 1) == '/') {
            x->at += 2;
            if (--depth == 0)
                return true;
        } else {
            x->at++;
        }
    }
    return unterminated(x, start, "a comment");
}

/* At the opening quote. A doubled quote stays inside; with `escapes` so does a character after '\'. */
static bool skip_quoted(struct lexer *x, size_t from, bool escapes)
{
    char quote = x->bytes[x->at++];
    while (x->at < x->length) {
        char c = x->bytes[x->at++];
        if (escapes && c == '\\' && x->at < x->length)
            x->at++;
        else if (c == quote && peek(x, 0) == quote)
            x->at++;
        else if (c == quote)
            return true;
    }
    return unterminated(x, from, quote == '"' ? "a quoted identifier" : "a quoted string");
}

/* Length of "$tag$" at `at`, or 0 when it is none ("$1"). */
static size_t dollar_tag(const struct lexer *x)
{
    size_t n = 1;
    if (is_digit(peek(x, n)))
        return 0;
    while (is_word(peek(x, n)) && peek(x, n) != '$')
        n++;
    return peek(x, n) == '$' ? n + 1 : 0;
}

static bool skip_dollar_quoted(struct lexer *x, size_t tag)
{
    size_t start = x->at;
    const char *close = x->bytes + start + tag;
    const char *end = memmem(close, x->length - start - tag, x->bytes + start, tag);
    if (!end)
        return unterminated(x, start, "a dollar-quoted string");
    x->at = (size_t)(end - x->bytes) + tag;
    return true;
}

static void token_seen(struct lexer *x, size_t start)
{
    if (!x->open) {
        x->open = true;
        x->start = start;
    }
    x->end = x->at;
}

/* Semicolons inside BEGIN ATOMIC ... END do not end the statement; CASE ... END nests in it. */
static void track_body(struct lexer *x)
{
    const struct sql_words *w = &x->words;
    size_t last = w->count - 1;
    if (last < 4 && !x->routine)
        x->routine = words_are(w, 0, "create function") || words_are(w, 0, "create procedure") ||
                     words_are(w, 0, "create or replace function") ||
                     words_are(w, 0, "create or replace procedure");
    if (!x->routine || x->paren_depth > 0)
        return;
    if (x->body_depth == 0) {
        if (last > 0 && words_are(w, last - 1, "begin atomic"))
            x->body_depth = 1;
    } else if (words_are(w, last, "case") || words_are(w, last, "begin")) {
        x->body_depth++;
    } else if (words_are(w, last, "end")) {
        x->body_depth--;
    }
}

static bool read_word(struct lexer *x)
{
    size_t start = x->at;
    while (is_word(peek(x, 0)))
        x->at++;
    size_t length = x->at - start;
    char first = x->bytes[start] | 0x20;
    if (peek(x, 0) == '\'' && length == 1 && strchr("ebxn", first)) {
        if (!skip_quoted(x, start, first == 'e'))
            return false;
    } else if (length == 1 && first == 'u' && peek(x, 0) == '&' && peek(x, 1) && strchr("'\"", peek(x, 1))) {
        x->at++;
        if (!skip_quoted(x, start, false))
            return false;
        if (x->bytes[x->at - 1] == '"')
            words_add(&x->words, x->bytes + start, x->at - start, x->paren_depth, true);
    } else {
        words_add(&x->words, x->bytes + start, length, x->paren_depth, false);
        token_seen(x, start);
        track_body(x);
        return true;
    }
    token_seen(x, start);
    return true;
}

static void finish_statement(struct lexer *x)
{
    if (x->open) {
        struct sql_file *out = x->out;
        if (out->count == x->capacity) {
            x->capacity = x->capacity ? x->capacity * 2 : 16;
            out->statements = arena_grow(x->arena, out->statements, out->count, x->capacity,
                                         sizeof *out->statements);
        }
        struct statement *s = &out->statements[out->count++];
        *s = (struct statement){.text = x->bytes + x->start, .length = x->end - x->start, .offset = x->start};
        statement_classify(s, &x->words, x->arena);
    }
    x->open = x->routine = false;
    x->paren_depth = x->body_depth = 0;
    words_reset(&x->words);
}

static bool refuse_backslash(struct lexer *x)
{
    size_t end = x->at + 1;
    while (end < x->length && !is_space(x->bytes[end]))
        end++;
    char shown[32], message[96];
    size_t length = end - x->at < sizeof shown - 1 ? end - x->at : sizeof shown - 1;
    memcpy(shown, x->bytes + x->at, length);
    shown[length] = '\0';
    char visible[80];
    snprintf(message, sizeof message, "%s is a command of psql, not SQL",
             text_visible_buf(visible, sizeof visible, shown));
    return fail_at(
        x, x->at, message, "migrations are sent to the server, which does not know psql's commands",
        "write it as SQL, or run the file with psql and record it: seedops migrate resolve --applied");
}

/* One token or one stretch of white space. */
static bool step(struct lexer *x)
{
    size_t start = x->at;
    char c = peek(x, 0);
    if (is_space(c)) {
        x->at++;
        return true;
    }
    if (c == '-' && peek(x, 1) == '-') {
        skip_line_comment(x);
        return true;
    }
    if (c == '/' && peek(x, 1) == '*')
        return skip_block_comment(x);
    if (c == ';' && x->paren_depth == 0 && x->body_depth == 0) {
        x->at++;
        finish_statement(x);
        return true;
    }
    if (is_word_start(c))
        return read_word(x);
    size_t tag = c == '$' ? dollar_tag(x) : 0;
    if (c == '\\')
        return refuse_backslash(x);
    if (c == '\'' || c == '"') {
        if (!skip_quoted(x, start, false))
            return false;
        if (c == '"')
            words_add(&x->words, x->bytes + start, x->at - start, x->paren_depth, true);
    } else if (tag) {
        if (!skip_dollar_quoted(x, tag))
            return false;
        words_body(&x->words, x->bytes + start + tag, x->at - start - 2 * tag);
    } else if (is_digit(c)) {
        while (is_digit(peek(x, 0)) || peek(x, 0) == '.' || is_word_start(peek(x, 0)))
            x->at++;
    } else {
        x->at++;
        if (c == '(')
            x->paren_depth++;
        else if (c == ')' && x->paren_depth > 0)
            x->paren_depth--;
    }
    token_seen(x, start);
    return true;
}

static size_t byte_order_mark(const char *bytes, size_t length)
{
    return length >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

/* "-- seedops:no-transaction", alone on a comment line before the first statement. */
static bool has_mark(const char *bytes, size_t length)
{
    static const char mark[] = "seedops:no-transaction";
    size_t at = byte_order_mark(bytes, length);
    while (at < length) {
        while (at < length && is_space(bytes[at]))
            at++;
        if (length - at < 2 || memcmp(bytes + at, "--", 2) != 0)
            return false;
        at += 2;
        size_t end = at;
        while (end < length && bytes[end] != '\n')
            end++;
        size_t line_end = end;
        while (at < end && is_space(bytes[at]))
            at++;
        while (end > at && is_space(bytes[end - 1]))
            end--;
        if (end - at == sizeof mark - 1 && memcmp(bytes + at, mark, sizeof mark - 1) == 0)
            return true;
        at = line_end;
    }
    return false;
}

/* Lines of all statements in one pass. */
static void number_lines(struct sql_file *out, const char *bytes)
{
    unsigned line = 1;
    size_t at = 0;
    for (size_t i = 0; i < out->count; i++) {
        struct statement *s = &out->statements[i];
        for (; at < s->offset; at++)
            line += bytes[at] == '\n';
        s->line = line;
    }
}

static void decide_transactional(struct sql_file *out, struct arena *arena)
{
    if (out->no_transaction_mark)
        out->why_not = "it is marked -- seedops:no-transaction";
    for (size_t i = 0; i < out->count && !out->why_not; i++) {
        const struct statement *s = &out->statements[i];
        if (s->no_transaction || s->begins_block || s->ends_block)
            out->why_not = arena_printf(arena, "line %u: %s", s->line, s->no_transaction
                                            ? "this statement cannot run inside a transaction"
                                            : "the file has transaction commands of its own");
    }
    out->transactional = !out->why_not;
}

static bool refuse_copy(struct lexer *x)
{
    for (size_t i = 0; i < x->out->count; i++) {
        const struct statement *s = &x->out->statements[i];
        if (s->copies_stream)
            return fail_at(x, s->offset, "COPY with STDIN or STDOUT needs psql to carry its data", NULL,
                           "write the rows as INSERT statements, or as a fixture under seeds/");
    }
    return true;
}

bool split_sql(struct sql_file *out, struct arena *arena, const char *file, const char *bytes, size_t length,
               struct err *err)
{
    *out = (struct sql_file){0};
    if (length == 0)
        bytes = "";
    struct lexer x = {.file = file, .bytes = bytes, .length = length, .arena = arena, .out = out, .err = err};
    size_t where;
    const char *nul = memchr(bytes, '\0', length);
    if (nul)
        return fail_at(&x, (size_t)(nul - bytes), "the file holds a NUL byte", NULL,
                       "save it as UTF-8 text (it may be UTF-16)");
    if (!text_valid(bytes, length, &where))
        return fail_at(&x, where, "the file is not valid UTF-8", NULL, "save it as UTF-8");
    x.at = byte_order_mark(bytes, length);
    bool good = true;
    while (good && x.at < length)
        good = step(&x);
    if (good) {
        finish_statement(&x);
        number_lines(out, bytes);
        good = refuse_copy(&x);
    }
    words_free(&x.words);
    if (!good)
        return false;
    out->no_transaction_mark = has_mark(bytes, length);
    decide_transactional(out, arena);
    return true;
}

void split_place(const char *bytes, size_t length, unsigned position, unsigned *line, unsigned *column)
{
    *line = *column = 1;
    for (size_t at = 0; at < length && position > 1; at++) {
        if (bytes[at] == '\n') {
            (*line)++;
            *column = 0;
        }
        bool last_of_character = at + 1 == length || ((unsigned char)bytes[at + 1] & 0xc0) != 0x80;
        if (last_of_character) {
            position--;
            (*column)++;
        }
    }
}
