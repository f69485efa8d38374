/* list - selection, filter and search over the rows of the current list. */
#include "app/list.h"

#include "app/layout.h"
#include "app/request.h"
#include "app/screen.h"
#include "app/util.h"
#include "base/str.h"

static const struct screen_class *class_of(const struct model *m) { return screen_class_of(m->screen); }
static struct list *list_mut(struct model *m) { return class_of(m)->list(m); }

/* True if the row in memory passes both the screen's own sieve and the filter. */
static bool row_shown(const struct model *m, int64_t row, struct str *scratch)
{
    const struct screen_class *class = class_of(m);
    if (class->shown && !class->shown(m, row))
        return false;
    const char *filter = screen_list(m)->filter;
    if (text_is_empty(filter))
        return true;
    str_reset(scratch);
    class->text_of(m, row, scratch);
    return text_passes(str_text(scratch), filter);
}

int64_t list_count(const struct model *m)
{
    const struct rowset *store = screen_store(m);
    if (store)
        return store->count;
    struct str scratch = {0};
    int64_t count = 0;
    for (int64_t row = 0; row < class_of(m)->count(m); row++)
        count += row_shown(m, row, &scratch);
    str_free(&scratch);
    return count;
}

int64_t list_index(const struct model *m, int64_t nth)
{
    const struct rowset *store = screen_store(m);
    if (store)
        return nth >= 0 && nth < store->count ? nth : -1;
    struct str scratch = {0};
    int64_t found = -1;
    for (int64_t row = 0; nth >= 0 && row < class_of(m)->count(m); row++)
        if (row_shown(m, row, &scratch) && nth-- == 0) {
            found = row;
            break;
        }
    str_free(&scratch);
    return found;
}

int64_t list_after(const struct model *m, int64_t row)
{
    const struct rowset *store = screen_store(m);
    if (store)
        return row + 1 < store->count ? row + 1 : -1;
    struct str scratch = {0};
    int64_t count = class_of(m)->count(m);
    do
        row++;
    while (row < count && !row_shown(m, row, &scratch));
    str_free(&scratch);
    return row < count ? row : -1;
}

int64_t list_selected(const struct model *m) { return list_index(m, screen_list(m)->selected); }

static const char *name_of(const struct model *m, int64_t row)
{
    const struct screen_class *class = class_of(m);
    return row < 0 || screen_store(m) || !class->name_of ? NULL : class->name_of(m, row);
}

void list_select(struct model *m, int64_t nth)
{
    struct list *list = list_mut(m);
    list->selected = clamp(nth, 0, clamp(list_count(m) - 1, 0, INT64_MAX));
    text_replace(&list->name, name_of(m, list_selected(m)));
}

/* Rows came, went or moved: the row that was selected stays selected, wherever it is now. */
static void follow_name(struct model *m, struct list *list)
{
    if (text_is_empty(list->name) || text_same(name_of(m, list_selected(m)), list->name))
        return;
    struct str scratch = {0};
    int64_t nth = 0;
    for (int64_t row = 0; row < class_of(m)->count(m); row++) {
        if (!row_shown(m, row, &scratch))
            continue;
        if (text_same(name_of(m, row), list->name)) {
            list->selected = nth;
            break;
        }
        nth++;
    }
    str_free(&scratch);
}

void list_settle(struct model *m, struct effects *effects)
{
    struct list *list = list_mut(m);
    struct rowset *store = class_of(m)->store ? class_of(m)->store(m) : NULL;
    int64_t count = list_count(m), height = layout_of(m).list_rows;
    if (!store)
        follow_name(m, list);
    list->selected = clamp(list->selected, 0, clamp(count - 1, 0, INT64_MAX));
    if (count > 0)
        text_replace(&list->name, name_of(m, list_selected(m)));
    list->top = clamp(list->top, list->selected - height + 1, list->selected);
    list->top = clamp(list->top, 0, clamp(count - height, 0, INT64_MAX));
    if (store)
        rowset_want(m, store, list->top, height, effects);
}

static bool row_holds(const struct model *m, int64_t nth, const char *needle, struct str *scratch)
{
    str_reset(scratch);
    class_of(m)->text_of(m, list_index(m, nth), scratch);
    return text_holds(str_text(scratch), needle);
}

static void search_store(struct model *m, const struct rowset *store, bool backwards, bool from_here,
                         struct effects *effects)
{
    const struct list *list = screen_list(m);
    int64_t from = list->selected + (from_here ? 0 : backwards ? -1 : 1);
    struct effect *effect = request_start(m, effects, EFFECT_SEARCH, NULL);
    effect->store = store->store;
    text_replace(&effect->text, list->search);
    effect->number = clamp(from, 0, INT64_MAX);
    effect->number2 = backwards;
    job_find(m, effect->request)->store = store->store;
}

void list_search(struct model *m, bool backwards, bool from_here, struct effects *effects)
{
    const struct list *list = screen_list(m);
    if (text_is_empty(list->search))
        return;
    if (screen_store(m)) {
        search_store(m, screen_store(m), backwards, from_here, effects);
        return;
    }
    int64_t count = list_count(m), step = backwards ? -1 : 1, nth = list->selected + (from_here ? 0 : step);
    struct str scratch = {0};
    for (int64_t i = 0; i < count; i++, nth += step) {
        nth = (nth % count + count) % count;
        if (row_holds(m, nth, list->search, &scratch)) {
            list_select(m, nth);
            break;
        }
    }
    bool found = count > 0 && row_holds(m, list->selected, list->search, &scratch);
    str_free(&scratch);
    if (!found)
        notice_set(m, "info", "No row holds \"%s\".", list->search);
}

void list_filter(struct model *m, const char *filter, struct effects *effects)
{
    struct list *list = list_mut(m);
    struct rowset *store = class_of(m)->store ? class_of(m)->store(m) : NULL;
    text_replace(&list->filter, filter);
    if (!store || !store->store)
        return;
    if (!text_is_empty(filter)) {
        struct effect *effect = request_start(m, effects, EFFECT_FILTER, NULL);
        effect->store = store->base ? store->base : store->store;
        text_replace(&effect->text, filter);
        job_find(m, effect->request)->store = effect->store;
    } else if (store->base) {
        rowset_unfilter(store, effects);
    }
}
