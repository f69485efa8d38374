/* contents - what is in the rows of a plan: for the digest, for the safepoint, and as lists for people: rows that go,
 * and rows that stay with other values. */
#include <stdlib.h>
#include <string.h>

#include "db/copy.h"
#include "removal/removal.h"

enum { TELL_EVERY = 4096 };

/* A secret is in the digest only as one: what people were shown is what counts. */
struct reading {
    struct removal *removal;
    size_t family;
    struct content *content;         /* NULL: not of a context table */
    struct safepoint *save;
    bool list;
    uint64_t listed;
    const char *name;                /* of the family */
    struct removal_change *changes;  /* of an edge: its columns that change; NULL: the rows go */
    size_t *changed;                 /* parallel: their fields */
    size_t change_count;
    char **fields;
    const struct db_column **columns;/* parallel to fields */
    bool *secret;
    size_t count;
    struct str line, key, label, why;
};

static void reading_begin(struct reading *rd)
{
    const struct graph_relation *rel = &rd->removal->graph.relations[rd->family];
    rd->fields = xcalloc(rel->table->column_count + 1, sizeof *rd->fields);
    rd->columns = xcalloc(rel->table->column_count + 1, sizeof *rd->columns);
    rd->secret = xcalloc(rel->table->column_count + 1, sizeof *rd->secret);
    rd->name = removal_name(rd->removal, rd->family);
    for (size_t i = 0; i < rel->table->column_count; i++) {
        if (!safepoint_saves(&rel->table->columns[i]))
            continue;
        rd->columns[rd->count] = &rel->table->columns[i];
        rd->secret[rd->count++] = removal_in_list(rel->secret, rel->secret_count, rel->table->columns[i].name);
    }
}

static void reading_end(struct reading *rd)
{
    free(rd->fields);
    free(rd->columns);
    free(rd->secret);
    str_free(&rd->line);
    str_free(&rd->key);
    str_free(&rd->label);
    str_free(&rd->why);
    free(rd->changes);
    free(rd->changed);
}

static void add_content(struct content *content, struct reading *rd)
{
    crypto_generichash_state state;
    uint64_t lanes[4];
    crypto_generichash_init(&state, NULL, 0, sizeof lanes);
    for (size_t i = 0; i < rd->count; i++) {
        const char *text = rd->secret[i] ? "" : rd->fields[i];
        uint32_t length = text ? (uint32_t)strlen(text) : UINT32_MAX;
        crypto_generichash_update(&state, (const unsigned char *)&length, sizeof length);
        if (text)
            crypto_generichash_update(&state, (const unsigned char *)text, length);
    }
    crypto_generichash_final(&state, (unsigned char *)lanes, sizeof lanes);
    for (size_t i = 0; i < 4; i++)
        content->sum[i] += lanes[i];
    content->rows++;
}

/* By its fixture's key, else by its primary key, else by all of it. */
static bool is_key(const struct reading *rd, size_t i)
{
    const struct bound *b = removal_bound(rd->removal, rd->family);
    const struct db_table *table = rd->removal->graph.relations[rd->family].table;
    const struct db_key *primary = db_table_primary_key(table);
    for (size_t k = 0; b && k < b->key_count; k++)
        if (strcmp(b->fixture->columns[b->key[k]], rd->columns[i]->name) == 0)
            return true;
    for (size_t k = 0; !b && primary && k < primary->count; k++)
        if (&table->columns[primary->columns[k]] == rd->columns[i])
            return true;
    return !b && !primary;
}

static bool is_text(const struct db_type *type) { return type->category == 'S'; }

/* A fixture with secret values does not say in which of its columns they are. */
static bool may_show(const struct reading *rd, size_t i)
{
    const struct bound *b = removal_bound(rd->removal, rd->family);
    return !rd->secret[i] && !(b && b->fixture->has_secret && is_text(&rd->columns[i]->type));
}

static void list_changes(struct reading *rd)
{
    for (size_t i = 0; i < rd->change_count; i++) {
        size_t field = rd->changed[i];
        rd->changes[i].was = may_show(rd, field) ? rd->fields[field] : "[REDACTED]";
    }
}

static bool list_row(struct reading *rd, struct err *err)
{
    str_reset(&rd->key);
    str_reset(&rd->label);
    for (size_t i = 0; i < rd->count; i++) {
        const char *text = rd->secret[i] ? "[REDACTED]" : rd->fields[i];
        if (is_key(rd, i))
            str_printf(&rd->key, "%s%s", rd->key.length ? " · " : "", text ? text : "NULL");
        else if (!rd->label.length && text && *text && may_show(rd, i) && is_text(&rd->columns[i]->type))
            str_add(&rd->label, text);
    }
    list_changes(rd);
    struct removal_row row = {.table = rd->name, .why = str_text(&rd->why), .key = str_text(&rd->key),
                              .label = str_text(&rd->label), .changes = rd->changes, .change_count = rd->change_count,
                              .operational = !rd->removal->graph.relations[rd->family].context};
    const struct prune_options *options = rd->removal->options;
    return options->row(options->context, &row, err);
}

static bool take_line(void *context, const char *line, size_t length, struct err *err)
{
    struct reading *rd = context;
    if (rd->save && !safepoint_rows(rd->save, line, length, err))
        return false;
    if (!rd->content && !rd->list)
        return true;
    str_reset(&rd->line);
    str_add_bytes(&rd->line, line, length);
    if (db_copy_split(rd->line.text, rd->line.length, rd->fields, rd->count) != rd->count)
        return err_set(err, ERR_GENERAL, "the server sent other columns than were asked for");
    if (rd->content)
        add_content(rd->content, rd);
    if (rd->list && ++rd->listed % TELL_EVERY == 0)
        ctx_progress(rd->removal->session->ctx, rd->changes ? "listing the rows that change" : "listing the rows that go",
                     (int64_t)rd->listed, -1, false);
    return !rd->list || list_row(rd, err);
}

/* Why rows of a family go: of themselves, or by which keys. */
static void say_why(struct removal *r, size_t family, struct str *out)
{
    if (r->root_rows[family])
        str_add(out, r->options->kind == REMOVAL_RESET ? "emptied" : "not declared");
    for (size_t e = 0; e < r->graph.edge_count; e++)
        if (r->cascade.by[e] && r->graph.relations[r->graph.edges[e].child].family == family)
            str_printf(out, "%s%s", out->length ? " or by " : "by ", r->graph.edges[e].name);
}

/* Rows that a fixture was held against are told apart by what is in them, whoever owns the table: between the plan
 * and its doing another row may have come to the same place. */
bool removal_by_content(const struct removal *r, size_t family)
{
    return r->graph.relations[family].context || r->root_rows[family] > 0;
}

bool removal_read_family(struct removal *r, struct db *db, size_t family, bool list, struct safepoint *save,
                         struct err *err)
{
    struct reading rd = {.removal = r, .family = family, .save = save, .list = list && r->options->row};
    bool whole = save || removal_by_content(r, family);
    rd.content = removal_by_content(r, family) ? &r->doomed[family] : NULL;
    reading_begin(&rd);
    say_why(r, family, &rd.why);
    bool ok = cascade_read_doomed(&r->cascade, db, family, whole ? UINT64_MAX : r->options->operational_most, take_line,
                                  &rd, err);
    reading_end(&rd);
    return ok;
}

/* The fields that an edge changes, and to what. */
static void begin_changes(struct reading *rd, size_t e, bool update)
{
    struct removal *r = rd->removal;
    const struct graph_edge *edge = &r->graph.edges[e];
    rd->changes = xcalloc(edge->count + 1, sizeof *rd->changes);
    rd->changed = xcalloc(edge->count + 1, sizeof *rd->changed);
    for (size_t i = 0; i < edge->count; i++)
        for (size_t field = 0; removal_changes_column(r, e, update, i) && field < rd->count; field++)
            if (strcmp(rd->columns[field]->name, edge->columns[i]) == 0) {
                struct removal_value value = removal_becomes(r, e, update, i);
                rd->changed[rd->change_count] = field;
                rd->changes[rd->change_count++] = (struct removal_change){
                    .column = edge->columns[i], .becomes = removal_value_text(&value)};
            }
    str_printf(&rd->why, "by %s, ON %s %s", edge->name, update ? "UPDATE" : "DELETE",
               removal_action(update ? edge->on_update : edge->on_delete));
}

bool removal_read_edge(struct removal *r, struct db *db, size_t edge, bool update, bool list, struct safepoint *save,
                       struct err *err)
{
    struct reading rd = {.removal = r, .save = save};
    bool changes = removal_edge_changes(r, edge, update);
    rd.family = r->graph.relations[r->graph.edges[edge].child].family;
    rd.content = r->graph.relations[rd.family].context ? &r->changed[edge] : NULL;
    rd.list = list && changes && r->options->row;
    if (!rd.content && !rd.list && !save)
        return true;
    reading_begin(&rd);
    if (changes)
        begin_changes(&rd, edge, update);
    uint64_t most = save || rd.content ? UINT64_MAX : r->options->operational_most;
    bool ok = cascade_read_others(&r->cascade, db, update ? &r->cascade.updated[edge] : &r->cascade.met[edge], most,
                                  take_line, &rd, err);
    reading_end(&rd);
    return ok;
}

/* ---- as lines of a list ---- */

const char *const removal_titles[REMOVAL_CELLS] = {"table", "key", "label", "why", "column", "was", "becomes", "whose"};
const char removal_csv_head[] = "table,key,label,why,column,was,becomes,whose\n";

size_t removal_lines(const struct removal_row *row) { return row->changes ? row->change_count : 1; }

void removal_cells(const struct removal_row *row, size_t change, const char *cells[REMOVAL_CELLS])
{
    const struct removal_change *of = row->changes ? &row->changes[change] : NULL;
    const char *const all[REMOVAL_CELLS] = {row->table, row->key, row->label, row->why, of ? of->column : NULL,
                                            of ? of->was : NULL, of ? of->becomes : NULL,
                                            row->operational ? "the application's" : NULL};
    memcpy(cells, all, sizeof all);
}
