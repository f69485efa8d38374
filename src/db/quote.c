/* quote - identifiers and literals, by PostgreSQL's rules.
 *
 * libpq's own functions want a connection for its encoding; ours is always UTF-8, in which no byte of a
 * longer character looks like a quote or a backslash, so byte by byte is right. */
#include <string.h>

#include "base/str.h"
#include "db/conn.h"

void db_quote_identifier(struct str *out, const char *name)
{
    str_add_char(out, '"');
    for (; *name; name++) {
        if (*name == '"')
            str_add_char(out, '"');
        str_add_char(out, *name);
    }
    str_add_char(out, '"');
}

void db_quote_literal(struct str *out, const char *text)
{
    if (!text) {
        str_add(out, "NULL");
        return;
    }
    /* E'' reads the same whatever standard_conforming_strings says */
    bool escapes = strchr(text, '\\') != NULL;
    str_add(out, escapes ? " E'" : "'");
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            str_add_char(out, *text);
        str_add_char(out, *text);
    }
    str_add_char(out, '\'');
}

void db_quote_relation(struct str *out, const char *schema, const char *name)
{
    db_quote_identifier(out, schema);
    str_add_char(out, '.');
    db_quote_identifier(out, name);
}
