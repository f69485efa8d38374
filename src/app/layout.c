/* layout - where the parts of the screen are. */
#include "app/layout.h"

#include "app/util.h"

/*   0 header · 1 tabs · 2 rule · sentence · blank · column titles · list · detail · message · rule ·
 *   footer */
struct layout layout_of(const struct model *m)
{
    bool overview = m->screen == SCREEN_OVERVIEW, tall = overview || m->screen == SCREEN_DIAGNOSE;
    struct layout l = {.too_small = m->columns < LEAST_COLUMNS || m->rows < LEAST_ROWS};
    l.sentence_row = 3;
    l.sentence_rows = tall ? (m->rows >= 22 ? 4 : 3) : 1;
    l.head_row = l.sentence_row + l.sentence_rows + (m->rows >= 20 ? 1 : 0);
    l.list_row = l.head_row + (m->screen != SCREEN_DIAGNOSE);   /* its rows have no column titles */
    l.footer_row = m->rows - 1;
    l.rule_row = m->rows - 2;
    l.message_row = m->rows - 3;
    l.detail_rows = m->rows >= 30 ? 4 : m->rows >= 20 ? 3 : 1;
    if (overview)
        l.detail_rows = 1;
    l.detail_row = l.message_row - l.detail_rows;
    l.list_rows = (int)clamp(l.detail_row - l.list_row - (m->rows >= 20 ? 1 : 0), 1, SIZE_MOST);
    l.title_rows = overview && l.list_rows > 4 ? 2 : 0;
    l.list_rows -= l.title_rows;
    return l;
}

int layout_pick_rows(const struct model *m)
{
    return (int)clamp(m->rows - 10, 1, m->modal.kind == MODAL_MENU ? 16 : 24);
}
