/* act_prune - prune, reset, converge: the plan on a screen of its own, then the dangerous question about it. */
#include <string.h>

#include "app/act.h"
#include "app/dialog.h"
#include "app/human.h"
#include "app/request.h"
#include "app/screen.h"
#include "app/util.h"
#include "base/str.h"
#include "base/text.h"

static void plan(struct model *m, const char *action, struct effects *out)
{
    if (m->plan.request)
        notice_set(m, "info", "A plan is being made already; ctrl-x cancels it.");
    else
        plan_make_screen(m, action, out);
}

ACTION(prune) { plan(m, "prune", out); }
ACTION(reset) { plan(m, "reset", out); }
ACTION(converge) { plan(m, "converge", out); }

static void title_of(const struct model *m, struct str *out)
{
    const char *role = or_empty(m->facts.server.role), *action = or_empty(m->plan.action);
    str_add_char(out, (char)(*action - ('a' - 'A')));
    str_printf(out, "%s \xc2\xb7 ", action + 1);
    for (; *role; role++)
        str_add_char(out, *role >= 'a' && *role <= 'z' ? (char)(*role - 32) : *role);
    str_add(out, " ");
    text_visible(out, or_empty(m->environment), strlen(or_empty(m->environment)));
}

/* "4.1 MB": what somebody weighs against the disk. Where nothing is saved nothing is said of it. */
static void say_saved(const struct screen_plan *p, struct str *out)
{
    char size[HUMAN];
    if (!text_is_empty(p->first))
        str_printf(out, "%s%s", p->first, p->bytes > 0 ? "\n" : "");
    if (p->bytes > 0)
        str_printf(out, "Saved first to a safepoint, about %s.", human_bytes(size, p->bytes));
}

ACTION(export)
{
    const struct rowset *rows = &m->plan.rows;
    struct effect *effect;
    if (m->plan.request || rows->store == 0) {
        notice_set(m, "info", m->plan.request ? "The plan is not here yet." : "There is no plan to write.");
        return;
    }
    effect = request_start(m, out, EFFECT_EXPORT, m->plan.action);
    effect->store = rows->base ? rows->base : rows->store;   /* all of them, whatever the filter */
}

ACTION(carry_out)
{
    struct str title = {0}, body = {0};
    if (m->plan.request || text_is_empty(m->plan.digest) || m->plan.step_count == 0) {
        notice_set(m, "info", m->plan.request ? "The plan is not here yet." : "There is no plan to carry out.");
        return;
    }
    (void)out;
    title_of(m, &title);
    say_saved(&m->plan, &body);
    dialog_removal(m, m->environment, str_text(&title), str_text(&body));
    str_free(&title);
    str_free(&body);
}

/* What was seen: the digest, and how many rows of the application's there were then. */
CONFIRMED(carry_out)
{
    struct str seen = {0};
    struct effect *effect = request_start(m, out, EFFECT_PRUNE, NULL);
    effect->number2 = plan_kind(target);
    str_printf(&seen, "%s\n%lld", or_empty(m->plan.digest), (long long)m->plan.operational);
    text_replace(&effect->text, typed);
    text_replace(&effect->seen, str_text(&seen));
    text_replace(&m->plan.digest, NULL);    /* once: the next needs a plan of its own */
    str_free(&seen);
}
