#include "op/masked.h"

#include <stdbool.h>
#include <string.h>

#include "base/err.h"

enum { NAME_MOST = 260 };    /* 63 characters of up to four bytes, and their quotes */
static const char gone[] = "...";

static bool begins_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}
static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool in_name(char c) { return begins_name(c) || is_digit(c) || c == '$'; }
static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* Behind the literal whose quote is at `at`; NULL: where it ends can't be told. */
static const char *past_literal(const char *at, bool escapes)
{
    for (at++; *at; at++) {
        if (*at == '\\' && !escapes)
            return NULL;
        if (*at == '\\' && at[1])
            at++;
        else if (*at == '\'' && at[1] == '\'')
            at++;
        else if (*at == '\'')
            return at + 1;
    }
    return NULL;
}

/* A quoted name; NULL: it has no end, is too long for one, or holds what may be a literal's quote. */
static const char *past_quoted_name(const char *at)
{
    const char *start = at++;
    for (; *at && *at != '\'' && at - start < NAME_MOST; at++) {
        if (*at != '"')
            continue;
        if (at[1] != '"')
            return at + 1;
        at++;
    }
    return NULL;
}

/* The length of $tag$, both dollars included; 0: it is none. */
static size_t dollar_tag(const char *at)
{
    size_t n = 1;
    if (at[1] != '$' && !begins_name(at[1]))
        return 0;
    while (begins_name(at[n]) || is_digit(at[n]))
        n++;
    return at[n] == '$' ? n + 1 : 0;
}

static const char *past_dollars(const char *at, size_t tag)
{
    for (const char *end = at + tag; (end = strchr(end, '$')); end++)
        if (strncmp(end, at, tag) == 0)
            return end + tag;
    return NULL;
}

static const char *past_comment(const char *at)
{
    int depth = 0;
    if (at[0] == '-')
        return at + strcspn(at, "\n");
    do {
        if (at[0] == '/' && at[1] == '*')
            depth++, at += 2;
        else if (at[0] == '*' && at[1] == '/')
            depth--, at += 2;
        else
            at++;
    } while (*at && depth > 0);
    return depth ? NULL : at;
}

static const char *past_number(const char *at)
{
    while (in_name(*at) || *at == '.' || ((*at == '-' || *at == '+') && (at[-1] == 'e' || at[-1] == 'E')))
        at++;
    return at;
}

static void add_space(struct str *out, size_t from)
{
    if (out->length > from && out->text[out->length - 1] != ' ')
        str_add_char(out, ' ');
}

/* Copies a name or a keyword; a prefix of a literal (E'', B'', U&'') goes with the literal. */
static const char *copy_word(struct str *out, const char *at, bool *escapes)
{
    const char *end = at;
    while (in_name(*end))
        end++;
    *escapes = end - at == 1 && (*at == 'E' || *at == 'e') && *end == '\'';
    str_add_bytes(out, at, (size_t)(end - at));
    return end;
}

void masked_sql(struct str *out, const char *sql)
{
    size_t from = out->length, tag = 0;
    bool escapes = false;
    for (const char *at = sql, *next; *at; at = next) {
        if (is_space(*at)) {
            add_space(out, from);
            next = at + 1;
        } else if (begins_name(*at)) {
            next = copy_word(out, at, &escapes);
            continue;
        } else if (*at == '\'') {
            str_printf(out, "'%s'", gone);
            next = past_literal(at, escapes);
        } else if (*at == '"') {
            next = past_quoted_name(at);
            if (next)
                str_add_bytes(out, at, (size_t)(next - at));
        } else if (*at == '$' && (tag = dollar_tag(at))) {
            str_printf(out, "$%s$", gone);
            next = past_dollars(at, tag);
        } else if ((at[0] == '-' && at[1] == '-') || (at[0] == '/' && at[1] == '*')) {
            add_space(out, from);
            next = past_comment(at);
        } else if (*at == '$' && is_digit(at[1])) {
            for (next = at + 1; is_digit(*next);)
                next++;
            str_add_bytes(out, at, (size_t)(next - at));
        } else if (is_digit(*at) || (*at == '.' && is_digit(at[1]))) {
            str_add(out, gone);
            next = past_number(at + 1);
        } else {
            str_add_char(out, *at);
            next = at + 1;
        }
        escapes = false;
        if (next)
            continue;
        if (*at != '\'' && *at != '$')      /* their place has been marked */
            str_add(out, gone);
        return;
    }
}

char *masked_copy(const char *sql, size_t most)
{
    struct str out = {0};
    masked_sql(&out, sql);
    if (out.length > most) {
        while (most && ((unsigned char)out.text[most] & 0xc0) == 0x80)
            most--;
        out.length = most;
        str_add(&out, " ...");
    }
    return out.length ? str_take(&out) : xstrdup("");
}
