/* check - fast verdicts that need no server: plain numbers, booleans, uuids, texts, enum labels, lengths, dates,
 * times, JSON.
 *
 * It says "fine" only where every version of PostgreSQL agrees, and "wrong" only where a cast would hide the
 * mistake (an explicit cast cuts a text to varchar(n) silently) or where it knows more than the server says
 * (the nearest enum label). The rest is asked. */
#include "bind/check.h"

#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
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

static size_t digits(const char *text)
{
    size_t n = 0;
    while (text[n] >= '0' && text[n] <= '9')
        n++;
    return n;
}

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

/* A number of exactly two digits, at most `most`; -1 for anything else. */
static int two_digits(const char *text, int least, int most)
{
    if (!(text[0] >= '0' && text[0] <= '9' && text[1] >= '0' && text[1] <= '9'))
        return -1;
    int number = (text[0] - '0') * 10 + text[1] - '0';
    return number >= least && number <= most ? number : -1;
}

/* YYYY-MM-DD, a day that is in the calendar: no DateStyle reads it in another order. */
static bool is_day(const char *text)
{
    static const char lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (digits(text) != 4 || text[0] == '0' || text[4] != '-')
        return false;
    int year = atoi(text), month = two_digits(text + 5, 1, 12);
    if (month < 0 || text[7] != '-')
        return false;
    bool leap = month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return two_digits(text + 8, 1, lengths[month - 1] + leap) > 0;
}

/* HH:MM:SS[.fraction]; returns what follows, NULL for anything else. */
static const char *skip_time(const char *text)
{
    if (two_digits(text, 0, 23) < 0 || text[2] != ':' || two_digits(text + 3, 0, 59) < 0 || text[5] != ':' ||
        two_digits(text + 6, 0, 59) < 0)
        return NULL;
    text += 8;
    size_t fraction = *text == '.' ? digits(text + 1) : 0;
    if (*text != '.')
        return text;
    return fraction >= 1 && fraction <= 6 ? text + 1 + fraction : NULL;
}

/* A day alone, or with a time and what is right behind it. */
static enum check_verdict check_time(const char *text, bool zone)
{
    if (!is_day(text))
        return CHECK_ASK;
    if (text[10] == '\0')
        return CHECK_FINE;
    if (text[10] != ' ' && text[10] != 'T')
        return CHECK_ASK;
    const char *rest = skip_time(text + 11);
    bool known = rest && (*rest == '\0' || (zone && (strcmp(rest, "+00") == 0 || strcmp(rest, "Z") == 0)));
    return known ? CHECK_FINE : CHECK_ASK;
}

static enum check_verdict check_date(const struct db_column *column, const struct fixture_value *value,
                                     const char *text, struct err *err)
{
    (void)column;
    (void)value;
    (void)err;
    return is_day(text) && text[10] == '\0' ? CHECK_FINE : CHECK_ASK;
}

static enum check_verdict check_timestamp(const struct db_column *column, const struct fixture_value *value,
                                          const char *text, struct err *err)
{
    (void)column;
    (void)value;
    (void)err;
    return check_time(text, false);
}

static enum check_verdict check_timestamptz(const struct db_column *column, const struct fixture_value *value,
                                            const char *text, struct err *err)
{
    (void)column;
    (void)value;
    (void)err;
    return check_time(text, true);
}

static enum check_verdict check_json(const struct db_column *column, const struct fixture_value *value,
                                     const char *text, struct err *err)
{
    (void)column;
    (void)value;
    (void)err;
    return json_is_plain(text, strlen(text)) ? CHECK_FINE : CHECK_ASK;
}

static enum check_verdict check_any_text(const struct db_column *column, const struct fixture_value *value,
                                         const char *text, struct err *err)
{
    return column->type.max_length < 0 ? CHECK_FINE : check_length(column, value, text, err);
}

static enum check_verdict check_server(const struct db_column *column, const struct fixture_value *value,
                                       const char *text, struct err *err)
{
    (void)column;
    (void)value;
    (void)text;
    (void)err;
    return CHECK_ASK;
}

static const struct {
    const char *base;
    check_function *check;
} checks[] = {
    {"text", check_any_text}, {"varchar", check_any_text}, {"bpchar", check_any_text}, {"citext", check_any_text},
    {"int2", check_integer},  {"int4", check_integer},     {"int8", check_integer},    {"numeric", check_numeric},
    {"bool", check_bool},     {"uuid", check_uuid},        {"date", check_date},       {"timestamp", check_timestamp},
    {"timestamptz", check_timestamptz}, {"json", check_json}, {"jsonb", check_json},
};

static check_function *of_base(const struct db_column *column)
{
    if (column->type.label_count > 0)
        return check_label;
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        if (strcmp(checks[i].base, column->type.base) == 0)
            return checks[i].check;
    return check_server;
}

/* A domain may have constraints of its own. */
static enum check_verdict check_domain(const struct db_column *column, const struct fixture_value *value,
                                       const char *text, struct err *err)
{
    enum check_verdict verdict = of_base(column)(column, value, text, err);
    return verdict == CHECK_FINE ? CHECK_ASK : verdict;
}

check_function *check_of(const struct db_column *column)
{
    return column->type.kind == 'd' ? check_domain : of_base(column);
}

enum check_verdict check_value(const struct db_column *column, const struct fixture_value *value,
                               const char *text, struct err *err)
{
    return check_of(column)(column, value, text, err);
}
