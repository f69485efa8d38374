/* diagnose_json - a diagnosis as one JSON object. */
#include "cmd/diagnose_json.h"

#include <string.h>

static const char *or_null(const char *text) { return text && *text ? text : NULL; }

/* "a, b" as a list */
static void json_words(struct json_out *o, const char *key, const char *words)
{
    json_key(o, key);
    json_array(o);
    for (const char *at = words ? words : ""; *at;) {
        size_t length = strcspn(at, ",");
        json_text_bytes(o, at, length);
        at += length;
        at += strspn(at, ", ");
    }
    json_array_end(o);
}

static void json_evidence(struct json_out *o, const struct fact_diagnosis *d)
{
    json_key(o, "evidence");
    json_array(o);
    for (size_t i = 0; i < d->evidence_count; i++) {
        const struct fact_evidence *e = &d->evidence[i];
        json_object(o);
        json_put_text(o, "fact", e->fact);
        json_put_text(o, "source", e->source);
        json_words(o, "supports", e->supports);
        json_words(o, "excludes", e->excludes);
        json_put_text(o, "table", or_null(e->table));
        json_put_text(o, "problem", or_null(e->problem));
        json_object_end(o);
    }
    json_array_end(o);
}

static void json_lists(struct json_out *o, const struct fact_diagnosis *d)
{
    json_key(o, "alternatives");
    json_array(o);
    for (size_t i = 0; i < d->alternative_count; i++) {
        json_object(o);
        json_put_text(o, "verdict", d->alternatives[i].verdict);
        json_put_text(o, "confidence", d->alternatives[i].confidence);
        json_put_text(o, "why", d->alternatives[i].why);
        json_object_end(o);
    }
    json_array_end(o);
    json_key(o, "not_permitted");
    json_array(o);
    for (size_t i = 0; i < d->denied_count; i++) {
        json_object(o);
        json_put_text(o, "what", d->denied[i].what);
        json_put_text(o, "why", d->denied[i].why);
        json_put_text(o, "grant", or_null(d->denied[i].grant));
        json_object_end(o);
    }
    json_array_end(o);
    json_key(o, "next_steps");
    json_array(o);
    for (size_t i = 0; i < d->next_count; i++) {
        json_object(o);
        json_put_text(o, "do", d->next[i].text);
        json_put_text(o, "command", or_null(d->next[i].command));
        json_object_end(o);
    }
    json_array_end(o);
}

static void json_tables(struct json_out *o, const struct fact_diagnosis *d)
{
    json_key(o, "tables");
    json_array(o);
    for (size_t i = 0; i < d->table_count; i++) {
        const struct fact_table_verdict *t = &d->tables[i];
        json_object(o);
        json_put_text(o, "table", t->name);
        json_put_text(o, "class", t->class);
        json_put_text(o, "verdict", t->verdict);
        json_put_text(o, "confidence", t->confidence);
        json_put_text(o, "rule", t->rule);
        json_put_text(o, "why", t->why);
        json_put_bool(o, "held", t->held);
        json_put_known(o, "rows", t->held ? -1 : t->rows);
        json_put_known(o, "floor", t->floor);
        json_put_known(o, "inserted", t->inserted);
        json_put_known(o, "deleted", t->deleted);
        json_put_known(o, "dead", t->dead);
        json_object_end(o);
    }
    json_array_end(o);
}

void diagnose_json(struct json_out *o, const struct fact_diagnosis *d)
{
    json_object(o);
    json_put_text(o, "verdict", d->verdict);
    json_put_text(o, "confidence", d->confidence);
    json_put_text(o, "sentence", d->sentence);
    json_put_text(o, "rule", d->rule);
    json_put_bool(o, "cannot_tell", d->cannot_tell);
    json_put_bool(o, "mixed", d->mixed);
    json_put_text(o, "since", or_null(d->since));
    json_put_text(o, "since_why", or_null(d->since_why));
    json_put_text(o, "until", or_null(d->until));
    json_put_text(o, "until_why", or_null(d->until_why));
    json_put_text(o, "by", or_null(d->by));
    json_put_text(o, "remembered", or_null(d->remembered_at));
    json_tables(o, d);
    json_evidence(o, d);
    json_lists(o, d);
    json_put_int(o, "round_trips", d->round_trips);
    json_put_int(o, "duration_ms", d->duration_ms);
    json_object_end(o);
}
