/* act - the functions behind the table of actions. Not every action needs all it is given. */
#ifndef SEEDOPS_APP_ACT_H
#define SEEDOPS_APP_ACT_H

#include "app/action.h"

#define UNUSED __attribute__((unused))
#define ACTION(name) \
    void act_##name(struct model *m UNUSED, const struct input *in UNUSED, struct effects *out UNUSED)
#define CONFIRMED(name) \
    void act_##name##_confirmed(struct model *m UNUSED, const char *target UNUSED, const char *typed UNUSED, \
                                struct effects *out UNUSED)

/* act_move.c */
ACTION(up); ACTION(down); ACTION(page_up); ACTION(page_down); ACTION(half_up); ACTION(half_down);
ACTION(first); ACTION(last); ACTION(select); ACTION(open); ACTION(back); ACTION(quit);
ACTION(environments); ACTION(order); ACTION(overview); ACTION(migrations); ACTION(tables); ACTION(diff); ACTION(diagnose); ACTION(deeper);
ACTION(activity);
ACTION(log); ACTION(previous_view); ACTION(next_screen); ACTION(previous_screen); ACTION(refresh);
ACTION(redraw); ACTION(suspend); ACTION(help); ACTION(palette); ACTION(note); ACTION(menu); ACTION(search);
ACTION(filter); ACTION(search_next); ACTION(search_previous); ACTION(accept); ACTION(close); ACTION(press);
ACTION(next_field); ACTION(previous_field); ACTION(edit_backspace); ACTION(edit_clear); ACTION(copy);
ACTION(copy_row); ACTION(edit); ACTION(identical_too); ACTION(cancel); ACTION(interrupt);
ACTION(details); ACTION(history_back); ACTION(history_forward); ACTION(leave); ACTION(pause);
CONFIRMED(quit);

/* act_write.c */
ACTION(write_mode); ACTION(seed); ACTION(migrate_all); ACTION(migrate_one); ACTION(resolve_applied);
ACTION(resolve_rolled_back); ACTION(cancel_backend); ACTION(terminate); ACTION(scan); ACTION(verify);
ACTION(preserve); ACTION(preserve_undo); ACTION(plan); ACTION(restore); ACTION(other_safepoint);
ACTION(prune); ACTION(reset); ACTION(converge); ACTION(carry_out); CONFIRMED(carry_out); ACTION(export);   /* act_prune.c */
ACTION(accept_identity); ACTION(mark); CONFIRMED(accept_identity); CONFIRMED(mark);
CONFIRMED(write_mode); CONFIRMED(seed); CONFIRMED(migrate); CONFIRMED(resolve_applied);
CONFIRMED(resolve_rolled_back); CONFIRMED(cancel_backend); CONFIRMED(terminate); CONFIRMED(scan);
CONFIRMED(restore); CONFIRMED(preserve); CONFIRMED(preserve_undo);

#endif
