/* sql - colours for a line of SQL: words, strings, comments. Enough to read by; it judges nothing. */
#include "view.h"

#include <string.h>

#include "app/util.h"
#include "base/str.h"

/* Sorted, lower case: searched by halves. */
static const char *const sql_words[] = {
    "add", "after", "all", "alter", "always", "analyze", "and", "any", "as", "asc", "before", "begin", "between",
    "bigint", "bigserial", "boolean", "by", "bytea", "cascade", "case", "cast", "char", "check", "collate", "column",
    "comment", "commit", "concurrently", "conflict", "constraint", "copy", "create", "cross", "current_date",
    "current_timestamp", "database", "date", "default", "deferrable", "deferred", "delete", "desc", "distinct", "do",
    "domain", "double", "drop", "each", "else", "end", "enum", "except", "exclude", "execute", "exists", "explain",
    "extension", "false", "for", "foreign", "from", "full", "function", "generated", "grant", "group", "having",
    "identity", "if", "immediate", "in", "index", "inherits", "initially", "inner", "insert", "instead", "int",
    "integer", "intersect", "interval", "into", "is", "join", "json", "jsonb", "key", "language", "left", "like",
    "limit", "lock", "materialized", "natural", "no", "not", "nothing", "null", "numeric", "of", "offset", "on",
    "only", "or", "order", "outer", "over", "owner", "partition", "policy", "precision", "primary", "procedure",
    "real", "references", "refresh", "reindex", "rename", "replace", "restrict", "returning", "returns", "revoke",
    "right", "role", "rollback", "row", "rows", "savepoint", "schema", "select", "sequence", "serial", "set",
    "smallint", "start", "storage", "table", "temporary", "text", "then", "time", "timestamp", "timestamptz", "to",
    "trigger", "true", "truncate", "type", "union", "unique", "update", "using", "uuid", "vacuum", "values",
    "varchar", "view", "when", "where", "with", "without", "zone",
};
enum { SQL_WORDS = sizeof sql_words / sizeof sql_words[0] };

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'
        || (unsigned char)c >= 0x80;
}

static bool is_keyword(const char *text, size_t length)
{
    char word[24];
    if (length >= sizeof word)
        return false;
    for (size_t i = 0; i < length; i++)
        word[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + 32) : text[i];
    word[length] = '\0';
    int low = 0, high = SQL_WORDS;
    while (low < high) {
        int middle = (low + high) / 2, order = strcmp(word, sql_words[middle]);
        if (order == 0)
            return true;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

/* Bytes up to the end of a quoted text, or of the line; the state says whether it goes on. */
static size_t quoted(struct sql_state *state, const char *text)
{
    size_t i = 0;
    for (; text[i]; i++)
        if (text[i] == state->quote) {
            if (text[i + 1] == state->quote) {
                i++;
                continue;
            }
            state->quote = '\0';
            return i + 1;
        }
    return i;
}

static size_t commented(struct sql_state *state, const char *text)
{
    size_t i = 0;
    while (text[i] && state->comment_depth > 0) {
        if (text[i] == '*' && text[i + 1] == '/') {
            state->comment_depth--;
            i += 2;
        } else if (text[i] == '/' && text[i + 1] == '*') {
            state->comment_depth += state->comment_depth < 1000;
            i += 2;
        } else {
            i++;
        }
    }
    return i;
}

static size_t dollared(struct sql_state *state, const char *text)
{
    const char *end = strstr(text, state->dollar);
    size_t length = end ? (size_t)(end - text) + strlen(state->dollar) : strlen(text);
    if (end)
        state->dollar[0] = '\0';
    return length;
}

/* "$$" or "$tag$" at the start of text, taken into the state; 0: none. */
static size_t dollar_open(struct sql_state *state, const char *text)
{
    size_t i = 1;
    while (is_word(text[i]))
        i++;
    if (text[i] != '$' || i + 2 > sizeof state->dollar || (text[1] >= '0' && text[1] <= '9'))
        return 0;
    memcpy(state->dollar, text, i + 1);
    state->dollar[i + 1] = '\0';
    return i + 1;
}

/* The next piece of one colour. */
static size_t piece(struct sql_state *state, const char *text, enum style *style)
{
    *style = STYLE_SQL_STRING;
    if (state->dollar[0])
        return dollared(state, text);
    if (state->quote)
        return quoted(state, text);
    *style = STYLE_SQL_COMMENT;
    if (state->comment_depth || (text[0] == '/' && text[1] == '*')) {
        size_t open = state->comment_depth ? 0 : 2;
        state->comment_depth += open ? 1 : 0;
        return open + commented(state, text + open);
    }
    if (text[0] == '-' && text[1] == '-')
        return strlen(text);
    if (text[0] == '\'' || text[0] == '"') {
        state->quote = text[0];
        *style = text[0] == '"' ? STYLE_PLAIN : STYLE_SQL_STRING;   /* "names" are no strings */
        return 1 + quoted(state, text + 1);
    }
    size_t length = text[0] == '$' ? dollar_open(state, text) : 0;
    if (length)
        return length;
    *style = STYLE_PLAIN;
    while (is_word(text[length]))
        length++;
    if (length && is_keyword(text, length))
        *style = STYLE_SQL_KEYWORD;
    return length ? length : 1;
}

void sql_draw(const struct view *v, struct sql_state *state, int row, int column, int width, const char *line)
{
    int end = column + width;
    while (*line) {
        enum style style;
        size_t length = piece(state, line, &style);
        struct str text = {0};
        str_add_bytes(&text, line, length);
        if (column < end)
            column += grid_text(v->g, row, column, end - column, style, str_text(&text));
        str_free(&text);
        line += length;
    }
}
