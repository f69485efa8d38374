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

static bool read_fixture(struct match *m, bool *found, struct err *err)
{
    const struct fixture_row *raw;
    if (!fixture_next(m->reader, &raw, err))
        return false;
    *found = raw != NULL;
    return !raw || row_settle(m->bound, raw, &m->scratch, &m->row, err);
}

/* The next row, settled, into m->row; *found false: the end. */
static bool read_row(struct match *m, bool *found, struct err *err)
{
    arena_reset(&m->scratch);
    *found = false;
    if (!(m->rows.next ? m->rows.next(m->rows.context, &m->scratch, &m->row, found, err) : read_fixture(m, found, err)))
        return *found = false;
    if (*found)
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

static bool next_sorted(struct match *m, bool *found, struct err *err)
{
    struct sorted record;
    arena_reset(&m->scratch);
    *found = false;
    if (!sorter_next(m->sorted, &record, err))
        return false;
    if (!record.key)
        return true;
    row_unpack(m->bound, &record.payload, &m->scratch, &m->row);
    str_reset(&m->key);
    str_add_bytes(&m->key, record.key, record.key_length);
    return *found = true;
}

static int compare_keys(const struct str *a, const struct str *b)
{
    struct sorted x = {.key = a->text, .key_length = a->length}, y = {.key = b->text, .key_length = b->length};
    return sorted_compare(&x, &y);
}

/* Makes the next fixture row, and its key, the current ones. */
static bool advance(struct match *m, struct err *err)
{
    struct str last = m->key;
    m->key = m->last_key;
    m->last_key = last;
    m->row_here = false;
    if (!(m->sorted ? next_sorted : read_row)(m, &m->row_here, err))
        return m->row_here = false;
    if (m->row_here && m->totals.fixture_rows > 0 && compare_keys(&m->last_key, &m->key) >= 0)
        m->ascends = false;
    m->totals.fixture_rows += m->row_here;
    return true;
}

/* Order only decides how much is left to the server, so the fixture's own word that it is sorted is enough;
 * references sort by what they refer to. */
bool match_sorted(const struct bound *b)
{
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
    return match_begin_rows(m, bound, options, &(struct match_rows){0}, err);
}

static void note_columns(struct match *m)
{
    const struct bound *b = m->bound;
    const struct fixture *f = b->fixture;
    m->secret = arena_alloc(&m->layout.arena, f->column_count * sizeof *m->secret);
    m->ignored = arena_alloc(&m->layout.arena, f->column_count * sizeof *m->ignored);
    for (size_t i = 0; i < f->column_count; i++) {
        m->ignored[i] = fixture_ignores(f, f->columns[i]);
        m->secret[i] = f->column_secrets[i];
        for (size_t s = 0; s < m->options->secret_count; s++)
            m->secret[i] |= strcmp(f->columns[i], m->options->secret_columns[s]) == 0;
    }
    m->ascends = true;
    m->plain_key = b->key_count > 0;
    for (size_t k = 0; k < b->key_count; k++)
        m->plain_key &= !m->layout.columns[b->key[k]].shape;
}

bool match_begin_rows(struct match *m, const struct bound *bound, const struct diff_options *options,
                      const struct match_rows *rows, struct err *err)
{
    *m = (struct match){.bound = bound, .options = options, .rows = *rows};
    if (!layout_make(&m->layout, bound, options->fixtures, err))
        return false;
    if (options->places)
        layout_add_places(&m->layout);
    note_columns(m);
    m->leftover = sorter_new(LEFTOVER_MEMORY);
    m->found = sorter_new(FOUND_MEMORY);
    if (rows->next || fixture_open(&m->reader, bound->fixture, options->fixtures, err))
        return true;
    match_free(m);
    return false;
}

/* Where all is missing nothing has to be sorted. */
static bool begin_fixture(struct match *m, struct err *err)
{
    if (m->begun)
        return true;
    m->begun = true;
    return (match_sorted(m->bound) || sort_fixture(m, err)) && advance(m, err);
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

/* What texts alone say of two values, or of two rows. */
enum verdict { SAME, DIFFERENT, UNSURE };

static enum verdict compare_texts(struct match *m, const struct db_type *type, const char *fixture, const char *live)
{
    if (live && normal_same(type, fixture, live, m->room))
        return SAME;
    return !live || normal_decides(type, fixture) ? DIFFERENT : UNSURE;
}

/* An !argon2id is looked at when all else is equal. */
static enum verdict compare_value(struct match *m, size_t i, char *const *fields)
{
    const struct layout_column *c = &m->layout.columns[i];
    const struct fixture_value *v = &m->row.values[i];
    const char *live = c->field >= 0 ? fields[c->field] : NULL;
    if (!c->compared)
        return SAME;
    switch (v->kind) {
    case VALUE_ABSENT:
    case VALUE_SQL:
    case VALUE_ARGON2ID:
        return SAME;
    case VALUE_NULL:
        return live ? DIFFERENT : SAME;
    case VALUE_REF:
        return same_ref(m, c, v->ref, fields) ? SAME : UNSURE;
    default:
        return compare_texts(m, &c->live->type, v->text, live);
    }
}

static bool passwords_fit(const struct match *m, char *const *fields)
{
    for (size_t i = 0; i < m->bound->fixture->column_count; i++) {
        const struct layout_column *c = &m->layout.columns[i];
        const struct fixture_value *v = &m->row.values[i];
        if (c->compared && v->kind == VALUE_ARGON2ID &&
            !(fields[c->field] && fixture_argon2id_verify(fields[c->field], v->text)))
            return false;
    }
    return true;
}

static enum verdict compare_row(struct match *m, char *const *fields)
{
    enum verdict all = SAME;
    for (size_t i = 0; i < m->bound->fixture->column_count && all != UNSURE; i++) {
        enum verdict one = compare_value(m, i, fields);
        all = one == SAME ? all : one;
    }
    return all != SAME || passwords_fit(m, fields) ? all : UNSURE;
}

static bool suspect(struct match *m, enum suspicion why, struct err *err)
{
    str_reset(&m->packed);
    str_add_char(&m->packed, (char)why);
    row_pack(m->bound, &m->row, &m->packed);
    return spool_add(&m->suspects, m->packed.text, m->packed.length, err) && advance(m, err);
}

static bool is_ascii(const char *text)
{
    while (*text && (unsigned char)*text < 0x80)
        text++;
    return !*text;
}

/* True if no live row can have the current row's key, now that one with a greater key came or none is left: the server
 * sorts its rows as we do ours (in whatever encoding, as long as our key is ASCII), and its types write such a key in
 * one way. */
static bool surely_missing(const struct match *m)
{
    if (!m->plain_key || !m->ascends)
        return false;
    for (size_t k = 0; k < m->bound->key_count; k++) {
        const struct fixture_value *v = &m->row.values[m->bound->key[k]];
        if (v->kind != VALUE_TEXT || !is_ascii(v->text) ||
            !normal_decides(&m->layout.columns[m->bound->key[k]].live->type, v->text))
            return false;
    }
    return true;
}

static void tell_settled(const struct match *m, const struct fixture_row *row, char *const *fields)
{
    if (m->settled)
        m->settled(m->settled_context, row, fields);
}

/* The current row found no partner. It is told in its turn. */
static bool alone(struct match *m, struct err *err)
{
    if (!surely_missing(m))
        return suspect(m, SUSPECT_ALONE, err);
    if (m->suspects.count > 0)
        return suspect(m, SUSPECT_MISSING, err);
    tell_settled(m, &m->row, NULL);
    return report_missing(m, &m->row, err) && advance(m, err);
}

/* The current row and its partner differ for sure. */
static bool told_apart(struct match *m, char *const *fields, struct err *err)
{
    struct arena arena = {0};
    size_t count = m->bound->fixture->column_count;
    bool *equal = arena_alloc(&arena, count * sizeof *equal);
    for (size_t i = 0; i < count; i++)
        equal[i] = compare_value(m, i, fields) == SAME;
    bool ok = match_decide(m, &m->row, true, fields, equal, err);
    arena_free(&arena);
    return ok && advance(m, err);
}

static bool paired(struct match *m, char *const *fields, struct err *err)
{
    enum verdict verdict = compare_row(m, fields);
    if (verdict == SAME) {
        tell_settled(m, &m->row, fields);
        return advance(m, err);
    }
    if (verdict == DIFFERENT && m->suspects.count == 0)
        return told_apart(m, fields, err);
    return suspect(m, SUSPECT_PAIRED, err);
}

static bool leave_over(struct match *m, char *const *fields, struct err *err)
{
    if (m->options->no_extra)
        return true;
    str_reset(&m->packed);
    for (size_t i = 0; i < m->layout.field_count; i++)
        pack_text(&m->packed, fields[i]);
    struct sorted record = {.key = m->live_key.text, .key_length = m->live_key.length,
                            .payload = m->packed.text, .payload_length = m->packed.length};
    return sorter_add(m->leftover, &record, err);
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
    if (!begin_fixture(m, err))
        return false;
    while (m->row_here && (order = compare_keys(&m->key, &m->live_key)) < 0)
        if (!alone(m, err))
            return false;
    if (!m->row_here || order > 0)
        return leave_over(m, fields, err);
    return paired(m, fields, err);
}

/* True if all rows are missing, and whoever asked knows by that. */
static bool told_as_one(struct match *m)
{
    const struct diff_options *o = m->options;
    uint64_t rows = m->bound->fixture->row_count;
    if (rows == 0 || m->rows.next || m->totals.live_rows || !o->all_missing || !o->all_missing(o->context))
        return false;
    m->totals.missing = m->totals.fixture_rows = rows;
    return true;
}

bool match_live_end(struct match *m, struct err *err)
{
    if (!told_as_one(m) && !begin_fixture(m, err))
        return false;
    /* an empty table leaves nothing to ask */
    while (m->row_here && m->totals.live_rows == 0)
        if (!report_missing(m, &m->row, err) || !advance(m, err))
            return false;
    while (m->row_here)
        if (!alone(m, err))
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
    if (m->options->no_extra)
        return true;
    layout_live_key(&m->layout, fields, &m->room[0], &m->live_key);
    struct sorted record = {.key = m->live_key.text, .key_length = m->live_key.length, .payload = ""};
    return sorter_add(m->found, &record, err);
}

bool match_decide(struct match *m, const struct fixture_row *row, bool paired, char *const *fields,
                  const bool *equal, struct err *err)
{
    if (!fields) {
        tell_settled(m, row, NULL);
        return report_missing(m, row, err);
    }
    if (!paired && !note_found(m, fields, err))
        return false;
    struct arena arena = {0};
    size_t count = m->bound->fixture->column_count, differing = 0;
    bool *differs = arena_alloc(&arena, count * sizeof *differs);
    for (size_t i = 0; i < count; i++)
        differing += differs[i] = cell_differs(m, i, &row->values[i], fields, equal);
    tell_settled(m, row, differing ? NULL : fields);
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
    str_free(&m->last_key);
    str_free(&m->live_key);
    str_free(&m->room[0]);
    str_free(&m->room[1]);
    str_free(&m->packed);
    str_free(&m->peeked);
    layout_free(&m->layout);
    *m = (struct match){0};
}
