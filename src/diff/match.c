/* match - the merge. */
#include "diff/match.h"

#include <string.h>

#include "base/clock.h"
#include "diff/normal.h"
#include "diff/report.h"
#include "diff/row.h"

enum {
    FIXTURE_MEMORY = 4 * 1024 * 1024,
    LEFTOVER_MEMORY = 1024 * 1024,
    FOUND_MEMORY = 512 * 1024,
    PROGRESS_EVERY_MS = 100
};

/* ---- the fixture's side ---- */

static void note_secrets(struct match *m, const struct fixture_row *row)
{
    for (size_t i = 0; i < m->bound->fixture->column_count; i++)
        m->secret[i] |= row->values[i].secret;
}

/* The fixture's next row that is wanted, settled, into m->row; *found false: the end. */
static bool read_row(struct match *m, bool *found, struct err *err)
{
    const struct fixture_row *raw;
    do {
        arena_reset(&m->scratch);
        *found = false;
        if (!fixture_next(m->reader, &raw, err))
            return false;
        if (!raw)
            return true;
        if (!row_settle(m->bound, raw, &m->scratch, &m->row, err))
            return false;
        *found = true;
    } while (m->wants && !m->wants(m->wants_context, &m->row));
    note_secrets(m, &m->row);
    layout_fixture_key(&m->layout, &m->row, &m->room[0], &m->key);
    return true;
}

static bool sort_fixture(struct match *m, struct err *err)
{
    m->sorted = sorter_new(FIXTURE_MEMORY);
    bool found;
    for (;;) {
        if (!read_row(m, &found, err))
            return false;
        if (!found)
            break;
        str_reset(&m->packed);
        row_pack(m->bound, &m->row, &m->packed);
        struct sorted record = {.key = m->key.text, .key_length = m->key.length, .payload = m->packed.text,
                                .payload_length = m->packed.length};
        if (!sorter_add(m->sorted, &record, err))
            return false;
    }
    fixture_close(m->reader);
    m->reader = NULL;
    return sorter_finish(m->sorted, err);
}

/* Makes the next fixture row, and its key, the current ones. */
static bool advance(struct match *m, struct err *err)
{
    m->row_here = false;
    if (m->sorted) {
        struct sorted record;
        arena_reset(&m->scratch);
        if (!sorter_next(m->sorted, &record, err))
            return false;
        if (!record.key)
            return true;
        row_unpack(m->bound, &record.payload, &m->scratch, &m->row);
        str_reset(&m->key);
        str_add_bytes(&m->key, record.key, record.key_length);
        m->row_here = true;
    } else if (!read_row(m, &m->row_here, err)) {
        return m->row_here = false;
    }
    m->totals.fixture_rows += m->row_here;
    return true;
}

/* Order only decides how much is left to the server, so the fixture's own word that it is sorted is enough;
 * references sort by what they refer to. */
static bool order_is_ours(const struct match *m)
{
    const struct bound *b = m->bound;
    size_t numbers = 0;
    for (size_t k = 0; k < b->key_count; k++) {
        if (b->refs[b->key[k]].table)
            return false;
        numbers += normal_is_number(&b->table->columns[b->columns[b->key[k]]].type);
    }
    return numbers == 0 ? b->order.text : numbers == b->key_count && b->order.numbers;
}

bool match_begin(struct match *m, const struct bound *bound, const struct diff_options *options,
                 struct err *err)
{
    return match_begin_some(m, bound, options, NULL, NULL, err);
}

bool match_begin_some(struct match *m, const struct bound *bound, const struct diff_options *options,
                      bool (*wants)(void *context, const struct fixture_row *row), void *context, struct err *err)
{
    *m = (struct match){.bound = bound, .options = options, .wants = wants, .wants_context = context};
    if (!layout_make(&m->layout, bound, options->fixtures, err))
        return false;
    if (options->places)
        layout_add_places(&m->layout);
    m->secret = arena_alloc(&m->layout.arena, bound->fixture->column_count * sizeof *m->secret);
    m->ignored = arena_alloc(&m->layout.arena, bound->fixture->column_count * sizeof *m->ignored);
    for (size_t i = 0; i < bound->fixture->column_count; i++) {
        m->ignored[i] = fixture_ignores(bound->fixture, bound->fixture->columns[i]);
        for (size_t s = 0; s < options->secret_count; s++)
            m->secret[i] |= strcmp(bound->fixture->columns[i], options->secret_columns[s]) == 0;
    }
    m->leftover = sorter_new(LEFTOVER_MEMORY);
    m->found = sorter_new(FOUND_MEMORY);
    bool ok = fixture_open(&m->reader, bound->fixture, options->fixtures, err) &&
              (order_is_ours(m) || sort_fixture(m, err)) && advance(m, err);
    if (!ok)
        match_free(m);
    return ok;
}

/* ---- the merge ---- */

static bool same_ref(struct match *m, const struct layout_column *c, const struct fixture_ref *ref,
                     char *const *fields)
{
    if (!c->shape || !ref_same_shape(ref, c->shape))
        return false;
    for (size_t k = 0; k < ref->count; k++) {
        const char *live = fields[c->ref_field + (int)k];
        if (!live || !normal_same(&c->ref_columns[k]->type, ref->values[k], live, m->room))
            return false;
    }
    return true;
}

/* True if the two are surely equal without asking anyone; !argon2id is looked at when all else is equal. */
static bool surely_same(struct match *m, size_t i, char *const *fields)
{
    const struct layout_column *c = &m->layout.columns[i];
    const struct fixture_value *v = &m->row.values[i];
    const char *live = c->field >= 0 ? fields[c->field] : NULL;
    if (!c->compared)
        return true;
    switch (v->kind) {
    case VALUE_ABSENT:
    case VALUE_SQL:
    case VALUE_ARGON2ID:
        return true;
    case VALUE_NULL:
        return !live;
    case VALUE_REF:
        return same_ref(m, c, v->ref, fields);
    default:
        return live && normal_same(&c->live->type, v->text, live, m->room);
    }
}

static bool row_surely_same(struct match *m, char *const *fields)
{
    size_t count = m->bound->fixture->column_count;
    for (size_t i = 0; i < count; i++)
        if (!surely_same(m, i, fields))
            return false;
    for (size_t i = 0; i < count; i++) {
        const struct layout_column *c = &m->layout.columns[i];
        const struct fixture_value *v = &m->row.values[i];
        if (c->compared && v->kind == VALUE_ARGON2ID &&
            !(fields[c->field] && fixture_argon2id_verify(fields[c->field], v->text)))
            return false;
    }
    return true;
}

static bool suspect(struct match *m, bool paired, struct err *err)
{
    str_reset(&m->packed);
    str_add_char(&m->packed, (char)paired);
    row_pack(m->bound, &m->row, &m->packed);
    return spool_add(&m->suspects, m->packed.text, m->packed.length, err) && advance(m, err);
}

static bool leave_over(struct match *m, char *const *fields, struct err *err)
{
    str_reset(&m->packed);
    for (size_t i = 0; i < m->layout.field_count; i++)
        pack_text(&m->packed, fields[i]);
    struct sorted record = {.key = m->live_key.text, .key_length = m->live_key.length,
                            .payload = m->packed.text, .payload_length = m->packed.length};
    return sorter_add(m->leftover, &record, err);
}

static int compare_keys(const struct str *a, const struct str *b)
{
    struct sorted x = {.key = a->text, .key_length = a->length}, y = {.key = b->text, .key_length = b->length};
    return sorted_compare(&x, &y);
}

static void show_progress(struct match *m)
{
    if (!m->options->progress || m->totals.live_rows % 256 != 0)
        return;
    int64_t now = clock_mono_ms();
    if (now - m->progress_ms < PROGRESS_EVERY_MS)
        return;
    m->progress_ms = now;
    m->options->progress(m->options->context, m->totals.live_rows, (int64_t)m->bound->fixture->row_count);
}

bool match_live(struct match *m, char *const *fields, struct err *err)
{
    m->totals.live_rows++;
    show_progress(m);
    layout_live_key(&m->layout, fields, &m->room[0], &m->live_key);
    int order = 1;
    while (m->row_here && (order = compare_keys(&m->key, &m->live_key)) < 0)
        if (!suspect(m, false, err))
            return false;
    if (!m->row_here || order > 0)
        return leave_over(m, fields, err);
    return row_surely_same(m, fields) ? advance(m, err) : suspect(m, true, err);
}

bool match_live_end(struct match *m, struct err *err)
{
    /* an empty table leaves nothing to ask */
    while (m->row_here && m->totals.live_rows == 0)
        if (!report_missing(m, &m->row, err) || !advance(m, err))
            return false;
    while (m->row_here)
        if (!suspect(m, false, err))
            return false;
    spool_rewind(&m->suspects);
    arena_free(&m->scratch);
    sorter_free(m->sorted);
    m->sorted = NULL;
    return true;
}

/* ---- verdicts ---- */

static bool cell_differs(const struct match *m, size_t i, const struct fixture_value *v, char *const *fields,
                         const bool *equal)
{
    const struct layout_column *c = &m->layout.columns[i];
    if (!c->compared || v->kind == VALUE_ABSENT || v->kind == VALUE_SQL)
        return false;
    const char *live = fields[c->field];
    if (v->kind == VALUE_ARGON2ID)
        return !live || !fixture_argon2id_verify(live, v->text);
    if (v->kind == VALUE_NULL || !live)
        return v->kind != VALUE_NULL || live;
    return !equal[i];
}

static bool note_found(struct match *m, char *const *fields, struct err *err)
{
    layout_live_key(&m->layout, fields, &m->room[0], &m->live_key);
    struct sorted record = {.key = m->live_key.text, .key_length = m->live_key.length, .payload = ""};
    return sorter_add(m->found, &record, err);
}

bool match_decide(struct match *m, const struct fixture_row *row, bool paired, char *const *fields,
                  const bool *equal, struct err *err)
{
    if (!fields)
        return report_missing(m, row, err);
    if (!paired && !note_found(m, fields, err))
        return false;
    struct arena arena = {0};
    size_t count = m->bound->fixture->column_count, differing = 0;
    bool *differs = arena_alloc(&arena, count * sizeof *differs);
    for (size_t i = 0; i < count; i++)
        differing += differs[i] = cell_differs(m, i, &row->values[i], fields, equal);
    bool ok = differing == 0 || report_changed(m, row, fields, differs, err);
    arena_free(&arena);
    return ok;
}

bool match_finish(struct match *m, struct err *err)
{
    struct sorted extra, found;
    if (!sorter_finish(m->leftover, err) || !sorter_finish(m->found, err) || !sorter_next(m->found, &found, err))
        return false;
    for (;;) {
        if (!sorter_next(m->leftover, &extra, err))
            return false;
        if (!extra.key)
            return true;
        while (found.key && sorted_compare(&found, &extra) < 0)
            if (!sorter_next(m->found, &found, err))
                return false;
        if ((!found.key || sorted_compare(&found, &extra) > 0) && !report_extra(m, extra.payload, err))
            return false;
    }
}

void match_free(struct match *m)
{
    if (m->reader)
        fixture_close(m->reader);
    sorter_free(m->sorted);
    sorter_free(m->leftover);
    sorter_free(m->found);
    spool_free(&m->suspects);
    arena_free(&m->scratch);
    arena_free(&m->told);
    str_free(&m->key);
    str_free(&m->live_key);
    str_free(&m->room[0]);
    str_free(&m->room[1]);
    str_free(&m->packed);
    str_free(&m->peeked);
    layout_free(&m->layout);
    *m = (struct match){0};
}
