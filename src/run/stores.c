/* stores - a list of stores, each with a lock of its own, held only while one row goes in or one page comes
 * out. A dropped store lives until its last user lets go. */
#include "run/stores.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

struct entry {
    struct entry *next;
    uint64_t id;
    char *name;
    struct store *store;
    pthread_mutex_t mutex;      /* of `store` */
    unsigned users;             /* under stores' mutex; the list itself is one */
};

struct stores {
    pthread_mutex_t mutex;      /* of the list and of `users` */
    struct entry *first;
    uint64_t last_id;
};

struct stores *stores_new(void)
{
    struct stores *s = xcalloc(1, sizeof *s);
    pthread_mutex_init(&s->mutex, NULL);
    return s;
}

static void entry_free(struct entry *e)
{
    store_free(e->store);
    pthread_mutex_destroy(&e->mutex);
    free(e->name);
    free(e);
}

void stores_free(struct stores *s)
{
    if (!s)
        return;
    for (struct entry *e = s->first, *next; e; e = next) {
        next = e->next;
        entry_free(e);
    }
    pthread_mutex_destroy(&s->mutex);
    free(s);
}

/* The entry, one user more; or NULL with the error set. */
static struct entry *use(struct stores *s, uint64_t id, struct err *err)
{
    pthread_mutex_lock(&s->mutex);
    struct entry *e = s->first;
    while (e && e->id != id)
        e = e->next;
    if (e)
        e->users++;
    pthread_mutex_unlock(&s->mutex);
    if (!e)
        err_set(err, ERR_GENERAL, "these rows are no longer kept (store %" PRIu64 ")", id);
    return e;
}

static void let_go(struct stores *s, struct entry *e)
{
    pthread_mutex_lock(&s->mutex);
    bool last = --e->users == 0;
    pthread_mutex_unlock(&s->mutex);
    if (last)
        entry_free(e);
}

static uint64_t add_store(struct stores *s, const char *name, struct store *store)
{
    struct entry *e = xcalloc(1, sizeof *e);
    e->name = xstrdup(name);
    e->store = store;
    e->users = 1;
    pthread_mutex_init(&e->mutex, NULL);
    pthread_mutex_lock(&s->mutex);
    uint64_t id = e->id = ++s->last_id;
    e->next = s->first;
    s->first = e;
    pthread_mutex_unlock(&s->mutex);
    return id;
}

bool stores_add(struct stores *s, const char *name, uint64_t *id, struct err *err)
{
    struct store *store;
    if (!store_new(&store, err))
        return false;
    *id = add_store(s, name, store);
    return true;
}

bool stores_append(struct stores *s, uint64_t id, const char *const *cells, size_t count, struct err *err)
{
    struct entry *e = use(s, id, err);
    if (!e)
        return false;
    pthread_mutex_lock(&e->mutex);
    bool ok = store_append(e->store, cells, count, err);
    pthread_mutex_unlock(&e->mutex);
    let_go(s, e);
    return ok;
}

void stores_drop(struct stores *s, uint64_t id)
{
    struct entry *dropped = NULL;
    pthread_mutex_lock(&s->mutex);
    for (struct entry **at = &s->first; *at; at = &(*at)->next)
        if ((*at)->id == id) {
            dropped = *at;
            *at = dropped->next;
            break;
        }
    pthread_mutex_unlock(&s->mutex);
    if (dropped)
        let_go(s, dropped);
}

uint64_t stores_count(struct stores *s, uint64_t id)
{
    struct entry *e = use(s, id, NULL);
    if (!e)
        return 0;
    pthread_mutex_lock(&e->mutex);
    uint64_t count = store_count(e->store);
    pthread_mutex_unlock(&e->mutex);
    let_go(s, e);
    return count;
}

static struct input *page_input(uint64_t id, uint64_t first, const struct store_row *rows, size_t count)
{
    struct input *in = input_new(IN_PAGE);
    in->store = id;
    in->number = (int64_t)first;
    in->rows = xcalloc(count, sizeof *in->rows);
    in->row_count = count;
    for (size_t i = 0; i < count; i++) {
        in->rows[i].cells = xcalloc(rows[i].count, sizeof *in->rows[i].cells);
        in->rows[i].cell_count = rows[i].count;
        for (size_t k = 0; k < rows[i].count; k++)
            in->rows[i].cells[k].text = xstrdup(rows[i].cells[k]);
    }
    return in;
}

bool stores_page(struct stores *s, uint64_t id, uint64_t first, size_t want, struct input **page,
                 struct err *err)
{
    struct entry *e = use(s, id, err);
    if (!e)
        return false;
    struct store_row *rows = NULL;
    size_t got = 0;
    pthread_mutex_lock(&e->mutex);
    bool ok = store_page(e->store, first, want, &rows, &got, err);
    pthread_mutex_unlock(&e->mutex);
    let_go(s, e);
    if (!ok)
        return false;
    *page = page_input(id, first, rows, got);
    store_rows_free(rows, got);
    return true;
}

bool stores_search(struct stores *s, uint64_t id, const char *needle, uint64_t from, bool backwards,
                   int cancel_fd, uint64_t *row, struct err *err)
{
    struct entry *e = use(s, id, err);
    if (!e)
        return false;
    pthread_mutex_lock(&e->mutex);
    bool ok = store_search(e->store, needle, from, backwards, cancel_fd, row, err);
    pthread_mutex_unlock(&e->mutex);
    let_go(s, e);
    return ok;
}

bool stores_filter(struct stores *s, uint64_t id, const char *needle, int cancel_fd, uint64_t *filtered,
                   char **name, struct err *err)
{
    struct entry *e = use(s, id, err);
    if (!e)
        return false;
    struct store *store;
    pthread_mutex_lock(&e->mutex);
    bool ok = store_filter(e->store, needle, cancel_fd, &store, err);
    pthread_mutex_unlock(&e->mutex);
    if (ok) {
        *name = xstrdup(e->name);
        *filtered = add_store(s, e->name, store);
    }
    let_go(s, e);
    return ok;
}
