/* watch_event - the document, key by key. */
#include "cmd/watch_event.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "cmd/diagnose_json.h"

enum { VERSION = 1 };

static const char *or_null(const char *text) { return text && *text ? text : NULL; }

void watch_event_id(const struct watch_about *about, const struct input *alert, char *out, size_t size)
{
    char digest[HASH_HEX];
    struct str text = {0};
    str_printf(&text, "%s\n%s", about->config, about->environment);
    hash_hex_of(str_text(&text), text.length, digest);
    str_free(&text);
    snprintf(out, size, "%.12s-%lld", digest, (long long)alert->number);
}

static void put_moment(struct json_out *o, const char *key, int64_t wall_ms)
{
    char stamp[32];
    clock_format_utc(wall_ms, stamp, sizeof stamp);
    json_put_text(o, key, wall_ms > 0 ? stamp : NULL);
}

static void put_table(struct json_out *o, const void *item)
{
    const struct fact_table *t = item;
    json_put_text(o, "table", t->name);
    json_put_known(o, "rows", t->held ? -1 : t->rows);
    json_put_bool(o, "estimated", t->estimated);
    json_put_bool(o, "held", t->held);
    json_put_known(o, "floor", t->min_rows);
    json_put_text(o, "note", or_null(t->note));
}

static void put_migration(struct json_out *o, const void *item)
{
    const struct fact_migration *m = item;
    json_put_text(o, "name", m->name);
    json_put_text(o, "state", m->state);
}

static void put_server(struct json_out *o, const struct fact_server *server)
{
    json_key(o, "server");
    if (!server->ready) {
        json_null(o);
        return;
    }
    json_object(o);
    json_put_text(o, "version", server->version);
    json_put_bool(o, "in_recovery", server->in_recovery);
    json_put_text(o, "system_identifier", or_null(server->system_identifier));
    json_put_text(o, "database", server->database);
    json_object_end(o);
}

void watch_event_json(const struct watch_about *about, const struct input *alert, const struct input *diagnosis,
                      int64_t wall_ms, struct str *out)
{
    struct json_out o;
    char id[64];
    watch_event_id(about, alert, id, sizeof id);
    json_begin(&o, out);
    json_object(&o);
    json_put_int(&o, "version", VERSION);
    json_put_text(&o, "id", id);
    json_put_text(&o, "event", alert->name);
    json_put_text(&o, "severity", alert->title);
    json_put_text(&o, "environment", about->environment);
    json_put_text(&o, "role", about->role);
    json_put_text(&o, "target", about->target);
    put_moment(&o, "at", wall_ms);
    put_moment(&o, "looked_before", alert->number2);
    json_put_text(&o, "message", alert->text);
    json_put_text(&o, "suggestion", or_null(alert->expect));
    json_put_list(&o, "tables", alert->tables, alert->table_count, sizeof *alert->tables, put_table);
    json_put_list(&o, "migrations", alert->migrations, alert->migration_count, sizeof *alert->migrations, put_migration);
    put_server(&o, &alert->server);
    json_key(&o, "diagnosis");
    if (diagnosis)
        diagnose_json(&o, &diagnosis->diagnosis);
    else
        json_null(&o);
    json_object_end(&o);
    str_add_char(out, '\n');
}
