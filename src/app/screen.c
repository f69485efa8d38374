/* screen - the table of screens, and going from one to another. */
#include "app/screen.h"

#include <stdarg.h>
#include <stdio.h>

#include "app/util.h"

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
        [SCREEN_DIFF] = &screen_class_diff, [SCREEN_ACTIVITY] = &screen_class_activity,
        [SCREEN_LOG] = &screen_class_log,
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

void screen_go(struct model *m, enum screen to, struct effects *effects)
{
    const struct screen_class *class = screen_class_of(to);
    if (class->needs_environment && text_is_empty(m->environment)) {
        notice_set(m, "info", "%s is about an environment: open one first (Enter on its line).",
                   class->title);
        return;
    }
    if (to != m->screen) {
        m->previous = m->screen;
        m->screen = to;
    }
    if (class->enter)
        class->enter(m, effects);
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
