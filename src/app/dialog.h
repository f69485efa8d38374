/* dialog - what is open above a screen: help, palette, menu, a line to type, a question. One at a time.
 *
 * Questions of operations come before picking lists and wait for dialogs. Nothing is confirmed that needs a
 * name until the name is typed in full; a dialog left alone closes as if cancelled. */
#ifndef SEEDOPS_APP_DIALOG_H
#define SEEDOPS_APP_DIALOG_H

#include "app/action.h"

void dialog_open_list(struct model *m, enum modal_kind kind);             /* HELP PALETTE MENU */
void dialog_open_prompt(struct model *m, enum modal_kind kind, const char *text);
/* An action's own dialog. `expect` "": no name to type. Dangerous ones start on Cancel. */
void dialog_confirm(struct model *m, const char *action, const char *target, const char *expect, bool danger,
                    const char *title, const char *body);
/* The dangerous question about the plan that the Plan screen shows: starts on Cancel, whatever has to be typed. */
void dialog_removal(struct model *m, const char *expect, const char *title, const char *body);
void dialog_error(struct model *m, const char *title, const struct input_error *error);
void dialog_value(struct model *m, const char *title, const char *fixture, const char *live, const char *place);
void dialog_details(struct model *m, const char *title, const char *lines);
void dialog_plan(struct model *m, const struct input *in);                /* IN_PLAN for the open dialog */
void dialog_question(struct model *m, const struct input *in, struct effects *effects);
void dialog_question_over(struct model *m, int64_t id);
/* Closes what is open; a question is answered no, a plan in the making cancelled. */
void dialog_close(struct model *m, struct effects *effects);
void dialog_accept(struct model *m, struct effects *effects);             /* Enter */
bool dialog_on_line(const struct model *m);                               /* a line to type has the focus */
void dialog_text(struct model *m, const char *text, struct effects *effects);
void dialog_backspace(struct model *m);
void dialog_clear(struct model *m);
void dialog_move(struct model *m, int64_t by);                            /* in a list, or between fields */
void dialog_press(struct model *m, int64_t focus, struct effects *effects);
void dialog_secret(struct model *m, int64_t length);
bool dialog_has_field(const struct model *m);
bool dialog_name_typed(const struct model *m);                            /* all that must be typed is */
/* The next question that waits is shown when nothing else is open. */
void dialog_settle(struct model *m);
/* The earliest moment at which a dialog or a waiting question expires; -1 none. And its end. */
int64_t dialog_deadline(const struct model *m);
void dialog_expire(struct model *m, struct effects *effects);

/* What a picking list offers, best first. */
struct pick {
    const struct action *action;
    const char *environment;      /* to open, when action is NULL; borrows from the model */
    int score;
};
enum { PICKS_MOST = 512 };
size_t picks_make(const struct model *m, struct pick picks[PICKS_MOST]);

#endif
