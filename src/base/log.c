/* log - one line a call, in one write, with anything like a password taken out. */
#include "base/log.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"
#include "base/text.h"

static const char *const level_names[] = {
    [LOG_DEBUG_LEVEL] = "debug",
    [LOG_INFO_LEVEL] = "info",
    [LOG_WARN_LEVEL] = "warn",
    [LOG_ERROR_LEVEL] = "error",
};
static const char redacted[] = "[REDACTED]";
/* What a hint about a malformed URL shows: nobody's. */
static const char example[] = "postgresql://user@host:5432/database.";

bool log_level_parse(const char *name, enum log_level *level)
{
    *level = LOG_INFO_LEVEL;
    if (!name || !*name)
        return true;
    for (size_t i = 0; i < sizeof level_names / sizeof *level_names; i++) {
        if (strcasecmp(name, level_names[i]) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

static bool ends_word(char c) { return c == '\0' || isspace((unsigned char)c) || strchr("\"'<>|`", c); }

/* Bytes of a connection URL at `text`, to the end of the word; 0 if there is none. Any scheme counts when a
 * password stands before the host. */
static size_t url_length(const char *text)
{
    size_t scheme = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+-.0123456789");
    if (scheme == 0 || strncmp(text + scheme, "://", 3) != 0 ||
        (strncmp(text, example, sizeof example - 1) == 0 && ends_word(text[sizeof example - 1])))
        return 0;
    size_t end = scheme + 3;
    const char *colon = NULL, *at = NULL;
    for (; !ends_word(text[end]); end++) {
        if (text[end] == ':' && !colon)
            colon = text + end;
        else if (text[end] == '@')
            at = text + end;
    }
    bool ours = strncasecmp(text, "postgresql://", scheme + 3) == 0 ||
                strncasecmp(text, "postgres://", scheme + 3) == 0;
    return ours || (colon && at && colon < at) ? end : 0;
}

/* Bytes of "password=", "PGPASSWORD = " and the like at `text`; 0 if there is none. */
static size_t key_length(const char *text)
{
    static const char *const keys[] = {"password", "passwd", "sslpassword", "passphrase"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        size_t length = strlen(keys[i]);
        if (strncasecmp(text, keys[i], length) != 0)
            continue;
        length += strspn(text + length, " ");
        if (text[length] == '=')
            return length + 1 + strspn(text + length + 1, " ");
    }
    return 0;
}

/* Bytes of a value as libpq reads it: a word, or in quotes where a backslash takes the next character. */
static size_t value_length(const char *text)
{
    char quote = *text == '\'' || *text == '"' ? *text : '\0';
    size_t i = quote ? 1 : 0;
    for (; text[i] && (quote ? text[i] != quote : !isspace((unsigned char)text[i]) && text[i] != '&'); i++)
        if (text[i] == '\\' && text[i + 1])
            i++;
    return quote && text[i] ? i + 1 : i;
}

static void add_redacted(struct str *out, const char *text)
{
    bool word_start = true;
    while (*text) {
        size_t length = word_start ? url_length(text) : 0, key = 0;
        if (length > 0) {
            str_add(out, redacted);
        } else if ((key = key_length(text)) > 0) {
            str_add_bytes(out, text, key);
            str_add(out, redacted);
            length = key + value_length(text + key);
        } else {
            length = 1;
            str_add_char(out, *text);
        }
        word_start = !isalnum((unsigned char)text[length - 1]);
        text += length;
    }
}

static void add_field(struct json_out *o, const char *key, const char *text)
{
    struct str clean = {0};
    add_redacted(&clean, text);
    json_put_text(o, key, str_text(&clean));
    str_free(&clean);
}

static void reason_text(struct str *out, const struct err *e)
{
    if (e->why[0])
        str_printf(out, ": %s", e->why);
    if (e->at[0])
        str_printf(out, " (%s)", e->at);
}

static void error_text(struct str *out, const struct err *e)
{
    str_add(out, e->message);
    reason_text(out, e);
}

static void write_json(struct str *line, const char *stamp, enum log_level level, const char *message,
                       const struct log_fields *f)
{
    struct json_out o;
    json_begin(&o, line);
    json_object(&o);
    json_put_text(&o, "timestamp", stamp);
    json_put_text(&o, "level", level_names[level]);
    add_field(&o, "message", message);
    if (f && f->error) {
        struct str text = {0};
        error_text(&text, f->error);
        add_field(&o, "error", str_text(&text));
        str_free(&text);
    }
    if (f && f->exit_code >= 0)
        json_put_int(&o, "exitCode", f->exit_code);
    if (f && f->filename)
        add_field(&o, "filename", f->filename);
    if (f && f->duration_seconds > 0) {
        json_key(&o, "durationSeconds");
        json_double(&o, (double)(long long)(f->duration_seconds * 1000 + 0.5) / 1000);
    }
    if (f && f->suggestion)
        add_field(&o, "suggestion", f->suggestion);
    if (f && f->environment)
        json_put_text(&o, "environment", f->environment);
    if (f && f->event)
        add_field(&o, "event", f->event);
    if (f && f->event_id)
        add_field(&o, "eventId", f->event_id);
    for (size_t i = 0; f && i < f->number_count; i++)
        json_put_int(&o, f->numbers[i].name, f->numbers[i].value);
    json_object_end(&o);
}

static void write_text(struct str *line, const char *stamp, enum log_level level, const char *message,
                       const struct log_fields *f)
{
    struct str text = {0}, clean = {0};
    str_add(&text, message);
    if (f && f->filename)
        str_printf(&text, " [%s]", f->filename);
    if (f && f->error && strcmp(message, f->error->message) == 0) {
        reason_text(&text, f->error);
    } else if (f && f->error) {
        str_add(&text, ": ");
        error_text(&text, f->error);
    }
    if (f && f->duration_seconds > 0)
        str_printf(&text, " (%.3f s)", f->duration_seconds);
    if (f && f->exit_code >= 0)
        str_printf(&text, ", exit code %d", f->exit_code);
    if (f && f->suggestion)
        str_printf(&text, "; %s", f->suggestion);
    add_redacted(&clean, str_text(&text));
    str_printf(line, "%s %-5s ", stamp, level_names[level]);
    text_visible(line, str_text(&clean), clean.length);
    str_free(&text);
    str_free(&clean);
}

void log_line(const struct log *log, enum log_level level, const struct log_fields *fields,
              const char *format, ...)
{
    if (!log || level < log->least)
        return;
    char stamp[32], message[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    clock_format_utc(clock_wall_ms(), stamp, sizeof stamp);
    struct str line = {0};
    (log->json ? write_json : write_text)(&line, stamp, level, message, fields);
    str_add_char(&line, '\n');
    ssize_t put;
    do {
        put = write(log->fd, line.text, line.length);
    } while (put < 0 && errno == EINTR);   /* otherwise nobody listens, and that is no reason to stop */
    str_free(&line);
}
