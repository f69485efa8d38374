/* screen - the table of screens, and going from one to another. */
#include "app/screen.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/util.h"
#include "base/err.h"

static struct rowset *no_store(struct model *m)
{
    (void)m;
    return NULL;
}

const struct screen_class *screen_class_of(enum screen screen)
{
    static const struct screen_class *const classes[SCREEN_COUNT] = {
        [SCREEN_ENVIRONMENTS] = &screen_class_environments, [SCREEN_OVERVIEW] = &screen_class_overview,
        [SCREEN_MIGRATIONS] = &screen_class_migrations, [SCREEN_TABLES] = &screen_class_tables,
        [SCREEN_DIFF] = &screen_class_diff, [SCREEN_DIAGNOSE] = &screen_class_diagnose,
        [SCREEN_ACTIVITY] = &screen_class_activity,
        [SCREEN_LOG] = &screen_class_log, [SCREEN_PLAN] = &screen_class_plan,
    };
    return classes[screen];
}

const struct list *screen_list(const struct model *m)
{
    return screen_class_of(m->screen)->list((struct model *)m);   /* gives a member, changes nothing */
}

const struct rowset *screen_store(const struct model *m)
{
    struct rowset *(*store)(struct model *) = screen_class_of(m->screen)->store;
    return (store ? store : no_store)((struct model *)m);
}

/* ---- going ---- */

static void forget_views(struct text_item **items, size_t *count)
{
    while (*count)
        free((*items)[--*count].text);
    free(*items);
    *items = NULL;
}

static void remember_view(struct text_item **items, size_t *count, enum screen screen)
{
    if (*count == VIEWS_MOST) {
        free((*items)[0].text);
        memmove(*items, *items + 1, --*count * sizeof **items);
    }
    *items = xrealloc(*items, (*count + 1) * sizeof **items);
    (*items)[(*count)++].text = xstrdup(screen_class_of(screen)->name);
}

static void show(struct model *m, enum screen to, struct effects *effects)
{
    if (to != m->screen) {
        m->previous = m->screen;
        m->screen = to;
    }
    if (screen_class_of(to)->enter)
        screen_class_of(to)->enter(m, effects);
}

/* Takes the newest of `from` and leaves where we are in `to`. */
static bool go_along(struct model *m, struct text_item **from, size_t *from_count, struct text_item **to,
                     size_t *to_count, struct effects *effects)
{
    if (*from_count == 0)
        return false;
    enum screen screen = m->screen;
    char *name = (*from)[--*from_count].text;
    for (int i = 0; i < SCREEN_COUNT; i++)
        if (text_same(screen_class_of((enum screen)i)->name, name))
            screen = (enum screen)i;
    free(name);
    if (screen_class_of(screen)->needs_environment && text_is_empty(m->environment))
        return false;
    remember_view(to, to_count, m->screen);
    show(m, screen, effects);
    return true;
}

bool screen_go_back(struct model *m, struct effects *effects)
{
    return go_along(m, &m->back, &m->back_count, &m->forward, &m->forward_count, effects);
}

bool screen_go_forward(struct model *m, struct effects *effects)
{
    return go_along(m, &m->forward, &m->forward_count, &m->back, &m->back_count, effects);
}

void screen_go(struct model *m, enum screen to, struct effects *effects)
{
    const struct screen_class *class = screen_class_of(to);
    if (class->needs_environment && text_is_empty(m->environment)) {
        notice_set(m, "info", "%s is about an environment: open one first (Enter on its line).",
                   class->title);
        return;
    }
    if (to != m->screen) {
        remember_view(&m->back, &m->back_count, m->screen);
        forget_views(&m->forward, &m->forward_count);
    }
    show(m, to, effects);
}

void notice_show(struct model *m, const char *level, const char *text)
{
    text_replace(&m->notice.level, level);
    text_replace(&m->notice.text, text);
    m->notice.until_ms = m->now_ms + NOTICE_MS;
}

void notice_set(struct model *m, const char *level, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    notice_show(m, level, text);
    log_add(m, level, text);
}
