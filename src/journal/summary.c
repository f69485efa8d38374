#include "journal/summary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

static bool empty(const char *text) { return !text || !*text; }

bool summary_has(const struct summary_names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->items[i], name) == 0)
            return true;
    return false;
}

static void add_name(struct summary_names *names, const char *name)
{
    char cut[SUMMARY_NAME];
    if (empty(name) || names->count == SUMMARY_NAMES)
        return;
    snprintf(cut, sizeof cut, "%s", name);
    if (summary_has(names, cut))
        return;
    if (!names->items)
        names->items = xcalloc(SUMMARY_NAMES, sizeof *names->items);
    memcpy(names->items[names->count++], cut, sizeof cut);
}

static void put(char *to, size_t size, const char *text) { snprintf(to, size, "%s", text ? text : ""); }

static void add_database(struct summary *s, const struct summary_database *d)
{
    for (size_t i = 0; i < s->database_count; i++) {
        const struct summary_database *known = &s->databases[i];
        if (strcmp(known->environment, d->environment) == 0 && strcmp(known->identifier, d->identifier) == 0 &&
            known->oid == d->oid && strcmp(known->target, d->target) == 0)
            return;
    }
    if (s->database_count == SUMMARY_DATABASES)
        return;
    if (!s->databases)
        s->databases = xcalloc(SUMMARY_DATABASES, sizeof *s->databases);
    s->databases[s->database_count++] = *d;
}

static void take_identity(struct summary *s, const struct input *in)
{
    struct summary_database d = {.oid = in->number};
    put(d.environment, sizeof d.environment, in->server.environment);
    put(d.target, sizeof d.target, in->server.target);
    put(d.identifier, sizeof d.identifier, in->server.system_identifier);
    put(d.database, sizeof d.database, in->server.database);
    add_database(s, &d);
}

static void take_outcome(struct summary *s, const struct input *in)
{
    add_name(&s->actions, in->name);
    if (in->ok)
        s->done++;
    else if (!empty(in->error.class) && strcmp(in->error.class, "refused") == 0)
        s->refused++;
    else
        s->failed++;
    s->written += in->number2 > 0 ? in->number2 : 0;
    for (size_t i = 0; i < in->count_count; i++)
        add_name(&s->tables, in->counts[i].table);
}

void summary_take(struct summary *s, const struct input *in)
{
    static const char diff[] = "diff:";
    if (in->offset_ms > s->duration_ms)
        s->duration_ms = in->offset_ms;
    switch (in->kind) {
    case IN_IDENTITY: take_identity(s, in); break;
    case IN_OUTCOME: take_outcome(s, in); break;
    case IN_NOTE: s->notes++; break;
    case IN_TABLE:
        for (size_t i = 0; i < in->table_count; i++)
            if (in->tables[i].missing >= 0)
                add_name(&s->tables, in->tables[i].name);
        break;
    case IN_STORE:
        if (in->name && strncmp(in->name, diff, sizeof diff - 1) == 0)
            add_name(&s->tables, in->name + sizeof diff - 1);
        break;
    default: break;
    }
}

const char *summary_outcome(const struct summary *s) { return s->refused ? "refused" : s->failed ? "failed" : "ok"; }

static void encode_names(struct json_out *o, const char *key, const struct summary_names *names)
{
    json_key(o, key);
    json_array(o);
    for (size_t i = 0; i < names->count; i++)
        json_text(o, names->items[i]);
    json_array_end(o);
}

static void encode_database(struct json_out *o, const void *item)
{
    const struct summary_database *d = item;
    json_put_text(o, "environment", d->environment);
    json_put_text(o, "target", d->target);
    json_put_text(o, "system_identifier", d->identifier);
    json_put_text(o, "database", d->database);
    json_put_int(o, "oid", d->oid);
}

void summary_encode(const struct summary *s, struct json_out *o)
{
    json_object(o);
    json_put_int(o, "duration_ms", s->duration_ms);
    json_put_list(o, "databases", s->databases, s->database_count, sizeof *s->databases, encode_database);
    encode_names(o, "actions", &s->actions);
    encode_names(o, "tables", &s->tables);
    json_put_int(o, "done", s->done);
    json_put_int(o, "failed", s->failed);
    json_put_int(o, "refused", s->refused);
    json_put_int(o, "written", s->written);
    json_put_int(o, "notes", s->notes);
    json_object_end(o);
}

static void decode_names(struct summary_names *names, const struct json *list)
{
    for (size_t i = 0; i < json_count(list) && i < SUMMARY_NAMES; i++)
        add_name(names, json_text_of(json_at(list, i)));
}

static int64_t number_of(const struct json *json, const char *key)
{
    int64_t number = json_int_of(json_get(json, key), 0);
    return number > 0 ? number : 0;
}

void summary_decode(struct summary *s, const struct json *json)
{
    *s = (struct summary){.duration_ms = number_of(json, "duration_ms"), .done = number_of(json, "done"),
                          .failed = number_of(json, "failed"), .refused = number_of(json, "refused"),
                          .written = number_of(json, "written"), .notes = number_of(json, "notes")};
    const struct json *databases = json_get(json, "databases");
    for (size_t i = 0; json_is_array(databases) && i < json_count(databases) && i < SUMMARY_DATABASES; i++) {
        const struct json *from = json_at(databases, i);
        struct summary_database d = {.oid = number_of(from, "oid")};
        put(d.environment, sizeof d.environment, json_text_of(json_get(from, "environment")));
        put(d.target, sizeof d.target, json_text_of(json_get(from, "target")));
        put(d.identifier, sizeof d.identifier, json_text_of(json_get(from, "system_identifier")));
        put(d.database, sizeof d.database, json_text_of(json_get(from, "database")));
        add_database(s, &d);
    }
    decode_names(&s->actions, json_get(json, "actions"));
    decode_names(&s->tables, json_get(json, "tables"));
}

void summary_free(struct summary *s)
{
    free(s->databases);
    free(s->actions.items);
    free(s->tables.items);
    *s = (struct summary){0};
}
