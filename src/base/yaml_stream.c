/* yaml_stream - a fixture of any size, an item at a time: flat rows by yaml_flat, all else by libyaml.
 *
 *   header ── libyaml ──▶ the list ──▶ yaml_flat ──▶ item, item ...
 *                                       │ odd      ▲ after some items more
 *                                       ▼          │
 *                                      libyaml, begun anew at that line
 *
 * libyaml cannot be set down in the middle of a file, so it is given the rest of it behind a key of our own, which
 * makes the rest the same list again. What it refuses there it is asked again from the file's beginning: errors are
 * those that a reader without yaml_flat gives, at the price of reading twice. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/yaml_flat.h"
#include "base/yaml_reader.h"

enum list_state { LIST_NONE, LIST_NEW, LIST_INSIDE, LIST_OVER };
enum { PATIENCE_FIRST = 16, PATIENCE_MOST = 16384, HEADER_LINES_MOST = 100000 };

struct yaml_stream {
    struct yaml_reader r;
    struct arena keys;           /* of the root mapping, to find one given twice */
    struct yaml_key_set seen;
    char *file;
    uint64_t size;
    enum list_state list;
    bool over;
    /* the list's rows without libyaml */
    struct yaml_flat flat;
    bool may_be_flat;            /* the root is a plain block mapping at the margin */
    bool flat_open, flat_now;    /* the next item is asked of `flat` */
    bool resumed;                /* libyaml began in the middle */
    char *list_key;              /* whose list it is, for a reader from the beginning */
    uint64_t items;              /* handed over */
    unsigned patience, pause;    /* items that libyaml reads after an odd one, those left of them */
    struct yaml_stream *again;   /* does the rest: a reader that began anew, without `flat` */
};

/* ---- opening ---- */

static bool is_plain_root(const struct yaml_reader *r)
{
    return r->event.type == YAML_MAPPING_START_EVENT && r->event.data.mapping_start.style == YAML_BLOCK_MAPPING_STYLE &&
           !r->event.data.mapping_start.tag && !r->event.data.mapping_start.anchor && r->event.start_mark.column == 0;
}

/* Into the root mapping, or to the end of a document that is empty or null. */
static bool enter_root(struct yaml_stream *s)
{
    struct yaml_node *root;
    if (!yaml_enter_document(&s->r, &s->over))
        return false;
    s->may_be_flat = !s->over && !s->r.directives && is_plain_root(&s->r);
    if (s->over || s->r.event.type == YAML_MAPPING_START_EVENT)
        return true;
    yaml_mark_t mark = s->r.event.start_mark;
    if (s->r.event.type == YAML_SCALAR_EVENT) {
        if (!yaml_read_scalar(&s->r, &s->keys, &root))
            return false;
        if (yaml_is_null(root))
            return s->over = yaml_leave_document(&s->r);
    }
    return yaml_fail_at(&s->r, mark, "the file is not a mapping of keys to values");
}

bool yaml_stream_open(struct yaml_stream **stream, const char *file, struct err *err)
{
    *stream = NULL;
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    if (fd < 0)
        return err_errno(err, ERR_GENERAL, errno, "cannot read %s", file);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        err_set(err, ERR_GENERAL, "cannot read %s", file);
        return err_why(err, "it is not a regular file");
    }
    struct yaml_stream *s = xcalloc(1, sizeof *s);
    s->file = xstrdup(file);
    s->r.source.fd = fd;
    s->size = (uint64_t)st.st_size;
    s->r.err = err;
    s->patience = PATIENCE_FIRST;
    yaml_reader_start(&s->r, s->file);
    if (!enter_root(s)) {
        yaml_stream_close(s);
        return false;
    }
    *stream = s;
    return true;
}

void yaml_stream_libyaml_only(struct yaml_stream *s) { s->may_be_flat = false; }

static void leave_flat(struct yaml_stream *s)
{
    if (s->flat_open)
        yaml_flat_close(&s->flat);
    s->flat_open = s->flat_now = s->may_be_flat = false;
}

void yaml_stream_close(struct yaml_stream *s)
{
    if (!s)
        return;
    yaml_stream_close(s->again);
    leave_flat(s);
    yaml_reader_end(&s->r);
    close(s->r.source.fd);
    arena_free(&s->keys);
    free(s->list_key);
    free(s->file);
    free(s);
}

/* ---- keys ---- */

static bool skip_items(struct yaml_stream *s, struct err *err)
{
    struct arena scratch = {0};
    struct yaml_node *item = NULL;
    bool is_list, ok = true;
    while (ok && (s->list == LIST_NEW || s->list == LIST_INSIDE)) {
        arena_reset(&scratch);
        ok = yaml_stream_item(s, &scratch, &item, &is_list, err);
    }
    arena_free(&scratch);
    return ok;
}

bool yaml_stream_key(struct yaml_stream *s, struct arena *arena, const char *list_key, struct yaml_node **key,
                     struct yaml_node **value, struct err *err)
{
    *key = *value = NULL;
    if (!skip_items(s, err))
        return false;
    if (s->again)
        return yaml_stream_key(s->again, arena, list_key, key, value, err);
    s->list = LIST_NONE;
    s->r.err = err;
    s->r.nodes = 0;
    if (s->over)
        return true;
    if (!yaml_next(&s->r))
        return false;
    if (s->r.event.type == YAML_MAPPING_END_EVENT) {
        s->over = yaml_leave_document(&s->r);
        return s->over;
    }
    struct yaml_node *k;
    if (!yaml_read_key(&s->r, &s->keys, 2, &s->seen, &k) || !yaml_next(&s->r))
        return false;
    if (list_key && strcmp(k->text, list_key) == 0) {
        s->list = LIST_NEW;
        free(s->list_key);
        s->list_key = xstrdup(list_key);
    } else if (!yaml_read_node(&s->r, arena, 2, value)) {
        return false;
    }
    *key = arena_alloc(arena, sizeof *k);
    **key = *k;
    (*key)->text = arena_strndup(arena, k->text, k->length);
    return true;
}

bool yaml_stream_at_list(const struct yaml_stream *s)
{
    return s->list == LIST_NEW && s->r.event.type == YAML_SEQUENCE_START_EVENT;
}

/* ---- libyaml's items ---- */

static bool libyaml_item(struct yaml_stream *s, struct arena *arena, struct yaml_node **item)
{
    s->list = LIST_OVER;   /* also when what follows fails: there is no way on */
    if (!yaml_next(&s->r))
        return false;
    if (s->r.event.type == YAML_SEQUENCE_END_EVENT)
        return true;
    if (!yaml_read_node(&s->r, arena, 3, item))
        return false;
    s->list = LIST_INSIDE;
    return true;
}

/* A reader from the file's beginning does the rest: first it goes to the item that is next. */
static bool read_again(struct yaml_stream *s, struct err *err)
{
    struct arena scratch = {0};
    struct yaml_node *node = NULL, *value = NULL;
    bool is_list, ok = yaml_stream_open(&s->again, s->file, err);
    leave_flat(s);
    if (ok)
        yaml_stream_libyaml_only(s->again);
    do
        ok = ok && yaml_stream_key(s->again, &scratch, s->list_key, &node, &value, err);
    while (ok && node && value);
    for (uint64_t i = 0; ok && node && i < s->items; i++) {
        arena_reset(&scratch);
        ok = yaml_stream_item(s->again, &scratch, &node, &is_list, err);
    }
    arena_free(&scratch);
    if (ok && !node)
        return err_set(err, ERR_GENERAL, "%s changed while it was read", s->file);
    return ok;
}

/* ---- the rows in the middle ---- */

/* libyaml has come to the list's first dash: where it stands in the file, if its rows may be flat. */
static void begin_flat(struct yaml_stream *s)
{
    const yaml_event_t *e = &s->r.event;
    bool plain = s->may_be_flat && e->data.sequence_start.style == YAML_BLOCK_SEQUENCE_STYLE &&
                 !e->data.sequence_start.tag && !e->data.sequence_start.anchor &&
                 e->start_mark.line <= HEADER_LINES_MOST;
    s->may_be_flat = false;
    if (!plain)
        return;
    s->flat_open = true;
    yaml_flat_open(&s->flat, s->r.source.fd, s->size);
    s->flat_now = yaml_flat_skip(&s->flat, (unsigned)e->start_mark.line) &&
                  yaml_flat_enter(&s->flat, (unsigned)e->start_mark.column);
    if (!s->flat_now)
        leave_flat(s);
}

/* libyaml stands behind an item: should the next one be tried without it? */
static void return_to_flat(struct yaml_stream *s)
{
    yaml_mark_t next = s->r.event.end_mark;   /* a block mapping ends where what follows begins */
    if (!s->flat_open || s->r.event.type != YAML_MAPPING_END_EVENT || s->pause > 1) {
        s->pause -= s->pause > 1;
        return;
    }
    unsigned line = yaml_line(&s->r, next);
    if (next.column != s->flat.dash || line <= s->flat.line)
        return;
    s->flat_now = yaml_flat_skip(&s->flat, line - s->flat.line) && yaml_flat_enter(&s->flat, s->flat.dash);
    if (!s->flat_now)
        leave_flat(s);
}

/* Past the beginning of what libyaml is given, to the event behind the key of ours. */
static bool enter_rest(struct yaml_stream *s)
{
    bool empty;
    return yaml_enter_document(&s->r, &empty) && !empty && yaml_next(&s->r) && yaml_next(&s->r);
}

/* What follows is more of the list, or the root mapping's next key or end; else it is an error, or looks as if it
 * belonged to our key. */
static bool is_rest(const struct yaml_stream *s)
{
    const yaml_event_t *e = &s->r.event;
    if (e->type == YAML_SEQUENCE_START_EVENT)
        return e->start_mark.column == s->flat.dash && e->data.sequence_start.style == YAML_BLOCK_SEQUENCE_STYLE &&
               !e->data.sequence_start.tag && !e->data.sequence_start.anchor;
    return e->type == YAML_SCALAR_EVENT && e->data.scalar.length == 0 && !e->data.scalar.tag && !e->data.scalar.anchor &&
           e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

/* libyaml takes over at flat's line. False: it cannot be so, and has to begin at the beginning. */
static bool resume(struct yaml_stream *s)
{
    struct err ignored;
    int fd = s->r.source.fd;
    s->flat_now = false;
    s->pause = s->patience;
    s->patience = s->patience < PATIENCE_MOST ? s->patience * 2 : PATIENCE_MOST;
    if (lseek(fd, (off_t)s->flat.offset, SEEK_SET) < 0)
        return false;
    yaml_reader_end(&s->r);
    s->r.source = (struct yaml_source){.fd = fd, .before = "rows:\n", .line = s->flat.line - 1};
    s->r.event_total = 0;
    s->r.line_base = s->flat.line - 2;   /* our line stands before it */
    s->r.err = &ignored;
    yaml_reader_start(&s->r, s->file);
    s->resumed = true;
    return enter_rest(s) && is_rest(s);
}

/* An odd item, or none: libyaml says what it is. */
static bool odd_item(struct yaml_stream *s, struct arena *arena, struct yaml_node **item, struct err *err)
{
    bool is_list;
    if (resume(s)) {
        s->r.err = err;
        if (s->r.event.type == YAML_SCALAR_EVENT) {
            s->list = LIST_OVER;
            return true;
        }
        if (libyaml_item(s, arena, item))
            return true;
    }
    *item = NULL;
    return read_again(s, err) && yaml_stream_item(s->again, arena, item, &is_list, err);
}

static bool next_item(struct yaml_stream *s, struct arena *arena, struct yaml_node **item, struct err *err)
{
    bool is_list;
    if (s->list == LIST_NEW)
        begin_flat(s);
    if (s->flat_now) {
        s->list = LIST_INSIDE;
        return yaml_flat_item(&s->flat, arena, item) || odd_item(s, arena, item, err);
    }
    bool ok = libyaml_item(s, arena, item);
    if (!ok && s->resumed) {
        *item = NULL;
        return read_again(s, err) && yaml_stream_item(s->again, arena, item, &is_list, err);
    }
    return ok;
}

bool yaml_stream_item(struct yaml_stream *s, struct arena *arena, struct yaml_node **item, bool *is_list,
                      struct err *err)
{
    *item = NULL;
    *is_list = true;
    s->r.err = err;
    s->r.nodes = 0;
    if (s->again)
        return yaml_stream_item(s->again, arena, item, is_list, err);
    if (s->list != LIST_NEW && s->list != LIST_INSIDE)
        return true;
    if (s->list == LIST_NEW && !yaml_stream_at_list(s)) {
        s->list = LIST_OVER;
        *is_list = false;
        return yaml_read_node(&s->r, arena, 2, item);
    }
    if (!next_item(s, arena, item, err)) {
        s->list = LIST_OVER;
        return false;
    }
    if (s->again)
        s->list = LIST_OVER;
    s->items += *item != NULL;
    if (*item && !s->flat_now && !s->again)
        return_to_flat(s);
    return true;
}
