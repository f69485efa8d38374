#include "cmd/safepoints.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cmd/face.h"

/* ---- one ---- */

static void add_visible(struct str *out, const char *text) { text_visible(out, text, strlen(text)); }

static void add_age(struct str *out, int64_t ms)
{
    static const struct { int64_t ms; const char *unit; } units[] = {
        {INT64_C(86400000), "d"}, {3600000, "h"}, {60000, "min"}, {1000, "s"}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (ms >= units[i].ms || i == sizeof units / sizeof *units - 1) {
            str_printf(out, "%lld %s ago", (long long)(ms < 0 ? 0 : ms / units[i].ms), units[i].unit);
            return;
        }
}

static void add_size(struct str *out, int64_t bytes)
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
    double size = (double)bytes;
    size_t unit = 0;
    while (size >= 1000 && unit + 1 < sizeof units / sizeof *units) {
        size /= 1000;
        unit++;
    }
    str_printf(out, unit && size < 10 ? "%.1f %s" : "%.0f %s", size, units[unit]);
}

static void add_held(struct str *out, const struct safepoint_info *info)
{
    enum { NAMED = 6 };
    size_t sections = 0;                /* with rows: an action saves a section for each table it may touch */
    for (size_t i = 0; i < info->held_count; i++) {
        if (info->held[i].rows == 0 || sections++ >= NAMED)
            continue;
        str_add(out, sections > 1 ? ", " : "");
        face_count(out, info->held[i].rows, false);
        str_add(out, info->held[i].kind == SAFEPOINT_CHANGED ? " changed of " : " of ");
        add_visible(out, info->held[i].table);
    }
    if (sections > NAMED)
        str_printf(out, " and %zu more", sections - NAMED);
    if (sections == 0)
        str_add(out, "no rows");
}

void safepoints_text(struct str *out, const struct safepoint_item *item, int64_t now)
{
    if (!item->reader) {
        add_visible(out, item->path);
        str_add(out, "\n    cannot be read: ");
        add_visible(out, item->err.why[0] ? item->err.why : item->err.message);
        str_add_char(out, '\n');
        return;
    }
    const struct safepoint_info *info = safepoint_info(item->reader);
    add_visible(out, info->id);
    str_add(out, "\n    ");
    add_age(out, now - info->created_ms);
    str_add(out, ", ");
    add_size(out, info->file_bytes);
    str_add(out, ", before ");
    add_visible(out, info->action);
    str_add(out, " of ");
    add_visible(out, info->environment);
    str_add(out, " (database ");
    add_visible(out, info->database);
    str_add(out, ")\n    ");
    add_held(out, info);
    str_add_char(out, '\n');
}

void safepoints_json(struct json_out *o, const struct safepoint_item *item)
{
    json_object(o);
    json_put_text(o, "path", item->path);
    if (!item->reader) {
        json_put_text(o, "error", item->err.why[0] ? item->err.why : item->err.message);
        json_object_end(o);
        return;
    }
    const struct safepoint_info *info = safepoint_info(item->reader);
    json_put_text(o, "id", info->id);
    json_put_text(o, "created", info->created);
    json_put_text(o, "action", info->action);
    json_put_text(o, "environment", info->environment);
    json_put_text(o, "database", info->database);
    json_put_text(o, "system_identifier", info->system_identifier);
    json_put_text(o, "journal", info->journal[0] ? info->journal : NULL);
    json_put_text(o, "plan", info->plan_digest);
    json_put_int(o, "bytes", info->file_bytes);
    json_put_int(o, "rows", info->rows);
    json_key(o, "tables");
    json_array(o);
    for (size_t i = 0; i < info->held_count; i++) {
        json_object(o);
        json_put_text(o, "schema", info->held[i].schema);
        json_put_text(o, "table", info->held[i].table);
        json_put_text(o, "kind", info->held[i].kind == SAFEPOINT_CHANGED ? "changed" : "deleted");
        json_put_int(o, "rows", info->held[i].rows);
        json_object_end(o);
    }
    json_array_end(o);
    json_object_end(o);
}

/* ---- all ---- */

void safepoints_find(struct safepoints *s, const struct state_dirs *dirs)
{
    *s = (struct safepoints){.lists = xcalloc(dirs->count + 1, sizeof *s->lists)};
    for (size_t i = 0; i < dirs->count; i++) {
        struct err err = {0};
        if (safepoint_list(&s->lists[s->count], NULL, dirs->items[i], &err))
            s->count++;
        else
            face_print_error(&err, false);
    }
}

void safepoints_free(struct safepoints *s)
{
    for (size_t i = 0; i < s->count; i++)
        safepoint_list_free(&s->lists[i]);
    free(s->lists);
    *s = (struct safepoints){0};
}
