/* written - plans and counts, printed. */
#include "cmd/written.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cmd/face.h"

static const char *or_null(const char *text) { return text && *text ? text : NULL; }

/* ---- JSON ---- */

static void json_rows(struct json_out *o, const char *key, int64_t rows)
{
    if (rows < 0)
        json_put_text(o, key, NULL);
    else
        json_put_int(o, key, rows);
}

static void json_step(struct json_out *o, const struct fact_step *step)
{
    json_object(o);
    json_put_text(o, "action", step->action);
    json_put_text(o, "object", step->object);
    json_put_text(o, "detail", step->detail);
    json_rows(o, "rows", step->rows);
    json_put_bool(o, "danger", step->danger);
    json_object_end(o);
}

static void json_plan(struct json_out *o, const struct written *w)
{
    const struct input *plan = w->plan;
    json_key(o, "plan");
    json_object(o);
    json_put_text(o, "digest", plan && plan->text ? plan->text : "");
    if (plan && or_null(plan->expect))
        json_put_text(o, "fixtures", plan->expect);
    json_put_text(o, "first", plan ? or_null(plan->title) : NULL);
    json_key(o, "steps");
    json_array(o);
    for (size_t i = 0; plan && i < plan->step_count; i++)
        json_step(o, &plan->steps[i]);
    json_array_end(o);
    if (w->more)
        w->more(o, w->context);
    json_object_end(o);
}

void written_json_counts(struct json_out *o, const char *key, const struct input *outcome, bool after)
{
    json_key(o, key);
    json_object(o);
    for (size_t i = 0; outcome && i < outcome->count_count; i++) {
        const struct fact_count *c = &outcome->counts[i];
        json_rows(o, c->table, after ? c->after : c->before);
    }
    json_object_end(o);
}

void written_print_json(const struct written *w)
{
    struct str out = {0};
    struct json_out o;
    json_begin(&o, &out);
    json_object(&o);
    json_plan(&o, w);
    json_put_bool(&o, "applied", w->applied);
    written_json_counts(&o, "before", w->outcome, false);
    written_json_counts(&o, "after", w->outcome, true);
    json_put_int(&o, "duration_ms", w->outcome ? w->outcome->number : 0);
    json_put_text(&o, "safepoint", or_null(w->safepoint));
    if (w->keeps)
        json_put_text(&o, "kept", or_null(w->kept));
    json_object_end(&o);
    face_write_json(&out);
    str_free(&out);
}

/* ---- text ---- */

static void add_visible(struct str *out, const char *text) { text_visible(out, text, strlen(text)); }

static void add_step(struct str *out, const struct fact_step *step)
{
    struct str rows = {0};
    if (step->rows >= 0)
        face_count(&rows, step->rows, false);
    str_printf(out, "%s %-9s %9s  ", step->danger ? "!" : " ", step->action, str_text(&rows));
    add_visible(out, step->object);
    if (or_null(step->detail)) {
        str_add(out, step->object[0] ? "  " : "");
        add_visible(out, step->detail);
    }
    str_add_char(out, '\n');
    str_free(&rows);
}

void written_add_first(struct str *out, const struct input *plan)
{
    if (!or_null(plan->title))
        return;
    add_visible(out, plan->title);
    str_add_char(out, '\n');
}

void written_add_steps(struct str *out, const struct input *plan)
{
    for (size_t i = 0; i < plan->step_count; i++)
        add_step(out, &plan->steps[i]);
    if (plan->step_count)
        str_printf(out, "plan %.12s\n", plan->text);
}

void written_add_counts(struct str *out, const struct input *outcome)
{
    for (size_t i = 0; i < outcome->count_count; i++) {
        const struct fact_count *c = &outcome->counts[i];
        if (c->before == c->after && c->after >= 0)
            continue;
        str_add(out, "  ");
        add_visible(out, c->table);
        if (c->after < 0)
            str_add(out, "  too large to be counted for a report\n");
        else
            str_printf(out, "  %lld rows before, %lld after\n", (long long)c->before, (long long)c->after);
    }
}

void written_print_text(const struct str *text)
{
    fwrite(str_text(text), 1, text->length, stdout);
    fflush(stdout);
}
