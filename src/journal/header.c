#include "journal/header.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "journal/format.h"

static const struct { const char *key; size_t offset; } texts[] = {
    {"seedops", offsetof(struct journal_header, version)},
    {"session", offsetof(struct journal_header, session)},
    {"user", offsetof(struct journal_header, user)},
    {"real_user", offsetof(struct journal_header, real_user)},
    {"host", offsetof(struct journal_header, host)},
    {"tty", offsetof(struct journal_header, tty)},
    {"from", offsetof(struct journal_header, from)},
    {"environment", offsetof(struct journal_header, environment)},
    {"target", offsetof(struct journal_header, target)},
    {"system_identifier", offsetof(struct journal_header, system_identifier)},
    {"command", offsetof(struct journal_header, command)},
    {"after", offsetof(struct journal_header, after)},
};

static const char **text_at(struct journal_header *header, size_t offset)
{
    return (const char **)(void *)((char *)header + offset);
}

void journal_header_encode(const struct journal_header *h, struct str *to)
{
    struct journal_header copy = *h;
    struct json_out o;
    char started[32];
    clock_format_utc(h->started_ms, started, sizeof started);
    json_begin(&o, to);
    json_object(&o);
    json_put_int(&o, "journal", JOURNAL_FORMAT);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *text = *text_at(&copy, texts[i].offset);
        json_put_text(&o, texts[i].key, text ? text : "");
    }
    json_put_text(&o, "started", started);
    json_put_int(&o, "started_ms", h->started_ms);
    json_put_int(&o, "pid", h->pid);
    json_put_int(&o, "columns", h->columns);
    json_put_int(&o, "rows", h->rows);
    json_put_int(&o, "segment", h->segment);
    json_put_int(&o, "dropped", h->dropped);
    json_put_int(&o, "before", (int64_t)h->before);
}

void journal_header_copy(struct journal_header *to, const struct journal_header *from)
{
    *to = *from;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char **text = text_at(to, texts[i].offset);
        *text = xstrdup(*text ? *text : "");
    }
}

void journal_header_free(struct journal_header *header)
{
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char **text = text_at(header, texts[i].offset);
        free((char *)(uintptr_t)*text);
        *text = NULL;
    }
}

static bool bad(struct err *err, const char *name, const char *why)
{
    err_set(err, ERR_GENERAL, "the journal is damaged, or was changed");
    err_why(err, "%s", why);
    return err_at(err, name, 1, 0);
}

/* An integer of the header within 0 and `most`; -1: it is not. */
static int64_t number_of(const struct json *json, const char *key, int64_t otherwise, int64_t most)
{
    const struct json *value = json_get(json, key);
    if (!value)
        return otherwise;
    int64_t number = json_int_of(value, -1);
    return number >= 0 && number <= most ? number : -1;
}

static bool take(const struct json *json, const char *name, struct journal_header *h, struct err *err)
{
    int64_t columns = number_of(json, "columns", 0, 10000), rows = number_of(json, "rows", 0, 10000);
    int64_t segment = number_of(json, "segment", 1, 1000000), dropped = number_of(json, "dropped", 0, 1000000);
    int64_t before = number_of(json, "before", 0, INT64_MAX / 2);
    if (columns < 0 || rows < 0)
        return bad(err, name, "the size of its terminal cannot be");
    if (segment < 1 || dropped < 0 || dropped >= segment || before < 0)
        return bad(err, name, "its place among the segments of the session cannot be");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *text = json_text_of(json_get(json, texts[i].key));
        *text_at(h, texts[i].offset) = text ? text : "";
    }
    h->started_ms = json_int_of(json_get(json, "started_ms"), 0);
    h->pid = json_int_of(json_get(json, "pid"), 0);
    h->columns = (int)columns;
    h->rows = (int)rows;
    h->segment = (int)segment;
    h->dropped = (int)dropped;
    h->before = (uint64_t)before;
    return true;
}

bool journal_header_decode(const char *line, size_t length, const char *name, struct json **json,
                           struct journal_header *header, struct err *err)
{
    static const char start[] = "{\"journal\":";
    *json = NULL;
    *header = (struct journal_header){0};
    if (length < sizeof start - 1 || memcmp(line, start, sizeof start - 1) != 0) {
        err_set(err, ERR_GENERAL, "this is not a journal");
        return err_at(err, name, 0, 0);
    }
    if (!json_parse(json, line, length, NULL))
        return bad(err, name, "the line is not JSON");
    header->format = (int)number_of(*json, "journal", 0, 1000000);
    bool ok = header->format >= 1 ? take(*json, name, header, err) : bad(err, name, "its format cannot be");
    if (!ok) {
        json_free(*json);
        *json = NULL;
    }
    return ok;
}
