/* check - fast verdicts that need no server: plain numbers, booleans, uuids, texts, enum labels, lengths.
 *
 * It says "fine" only where every version of PostgreSQL agrees, and "wrong" only where a cast would hide the
 * mistake (an explicit cast cuts a text to varchar(n) silently) or where it knows more than the server says
 * (the nearest enum label). The rest is asked. */
#include "bind/check.h"

#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/text.h"
#include "fixture/problems.h"

const char *check_show(const struct fixture_value *value, const char *text, char out[CHECK_SHOWN])
{
    if (value->secret) {
        snprintf(out, CHECK_SHOWN, "[REDACTED]");
        return out;
    }
    size_t most = CHECK_SHOWN - 8, length = strlen(text);
    bool cut = length > most;
    if (cut) {
        length = most;
        while (length && ((unsigned char)text[length] & 0xc0) == 0x80)
            length--;
    }
    snprintf(out, CHECK_SHOWN, "\"%.*s%s\"", (int)length, text, cut ? "…" : "");
    return out;
}

static enum check_verdict check_label(const struct db_column *column, const struct fixture_value *value,
                                      const char *text, struct err *err)
{
    const struct db_type *type = &column->type;
    char shown[CHECK_SHOWN];
    for (size_t i = 0; i < type->label_count; i++) {
        if (strcmp(type->labels[i], text) == 0)
            return CHECK_FINE;
    }
    const char *nearest = problems_nearest(text, type->labels, type->label_count);
    err_set(err, ERR_FIXTURE, "column \"%s\": %s is no label of the enum %s", column->name,
            check_show(value, text, shown), type->name);
    if (nearest && !value->secret) {
        err_hint(err, "did you mean \"%s\"?", nearest);
        return CHECK_WRONG;
    }
    struct str labels = {0};
    for (size_t i = 0; i < type->label_count; i++)
        str_printf(&labels, "%s%s", i ? ", " : "", type->labels[i]);
    err_hint(err, "its labels: %s", str_text(&labels));
    str_free(&labels);
    return CHECK_WRONG;
}

/* varchar(n) and char(n) count characters, and forgive spaces at the end. */
static enum check_verdict check_length(const struct db_column *column, const struct fixture_value *value,
                                       const char *text, struct err *err)
{
    char shown[CHECK_SHOWN];
    size_t length = text_length(text), bytes = strlen(text);
    if (length > (size_t)column->type.max_length) {
        while (bytes && text[bytes - 1] == ' ') {
            bytes--;
            length--;
        }
    }
    if (length <= (size_t)column->type.max_length)
        return CHECK_FINE;
    err_set(err, ERR_FIXTURE, "column \"%s\": %s is too long for %s", column->name,
            check_show(value, text, shown), column->type.name);
    err_why(err, "it has %zu characters", length);
    return CHECK_WRONG;
}

static size_t digits(const char *text) { return strspn(text, "0123456789"); }

static enum check_verdict check_integer(const struct db_column *column, const struct fixture_value *value,
                                        const char *text, struct err *err)
{
    static const struct {
        const char *base;
        long long least, most;
    } ranges[] = {{"int2", -32768, 32767},
                  {"int4", -2147483648LL, 2147483647LL},
                  {"int8", (-9223372036854775807LL - 1), 9223372036854775807LL}};
    const char *unsigned_part = text + (*text == '-' || *text == '+');
    size_t i = 0;
    char shown[CHECK_SHOWN];
    if (!*unsigned_part || unsigned_part[digits(unsigned_part)])
        return CHECK_ASK;
    while (strcmp(ranges[i].base, column->type.base) != 0)
        i++;
    errno = 0;
    long long number = strtoll(text, NULL, 10);
    if (errno == 0 && number >= ranges[i].least && number <= ranges[i].most)
        return CHECK_FINE;
    err_set(err, ERR_FIXTURE, "column \"%s\": %s does not fit %s", column->name, check_show(value, text, shown),
            column->type.name);
    err_why(err, "it takes %lld to %lld", ranges[i].least, ranges[i].most);
    return CHECK_WRONG;
}

/* Plain decimals that fit numeric(p,s) without a doubt: 999.999 rounds up to four digits, so one is to spare. */
static enum check_verdict check_numeric(const struct db_column *column, const struct fixture_value *value,
                                        const char *text, struct err *err)
{
    (void)value;
    (void)err;
    const struct db_type *type = &column->type;
    text += *text == '-' || *text == '+';
    size_t whole = digits(text), fraction = 0;
    if (whole && text[whole] == '.')
        fraction = digits(text + whole + 1);
    if (!whole || whole > 1000 || fraction > 1000 || text[whole + (text[whole] == '.') + fraction])
        return CHECK_ASK;
    if (type->precision < 0)
        return CHECK_FINE;
    bool rounds = (int)fraction > type->scale;
    return (int)whole + rounds <= type->precision - type->scale ? CHECK_FINE : CHECK_ASK;
}

static enum check_verdict check_bool(const struct db_column *column, const struct fixture_value *value,
                                     const char *text, struct err *err)
{
    static const char *const words[] = {"true", "false", "t", "f", "yes", "no", "on", "off", "1", "0"};
    (void)column;
    (void)value;
    (void)err;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(text, words[i]) == 0)
            return CHECK_FINE;
    }
    return CHECK_ASK;
}

static enum check_verdict check_uuid(const struct db_column *column, const struct fixture_value *value,
                                     const char *text, struct err *err)
{
    static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    (void)column;
    (void)value;
    (void)err;
    if (strlen(text) != sizeof shape - 1)
        return CHECK_ASK;
    for (size_t i = 0; shape[i]; i++) {
        bool fits = shape[i] == '-' ? text[i] == '-' : strchr("0123456789abcdefABCDEF", text[i]) != NULL;
        if (!fits)
            return CHECK_ASK;
    }
    return CHECK_FINE;
}

static enum check_verdict check_any_text(const struct db_column *column, const struct fixture_value *value,
                                         const char *text, struct err *err)
{
    return column->type.max_length < 0 ? CHECK_FINE : check_length(column, value, text, err);
}

static const struct {
    const char *base;
    enum check_verdict (*check)(const struct db_column *, const struct fixture_value *, const char *, struct err *);
} checks[] = {
    {"text", check_any_text}, {"varchar", check_any_text}, {"bpchar", check_any_text}, {"citext", check_any_text},
    {"int2", check_integer},  {"int4", check_integer},     {"int8", check_integer},    {"numeric", check_numeric},
    {"bool", check_bool},     {"uuid", check_uuid},
};

enum check_verdict check_value(const struct db_column *column, const struct fixture_value *value,
                               const char *text, struct err *err)
{
    enum check_verdict verdict = CHECK_ASK;
    if (column->type.label_count)
        verdict = check_label(column, value, text, err);
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        if (strcmp(checks[i].base, column->type.base) == 0)
            verdict = checks[i].check(column, value, text, err);
    }
    /* A domain may have constraints of its own. */
    return verdict == CHECK_FINE && column->type.kind == 'd' ? CHECK_ASK : verdict;
}
