/* test_grid - what lands in cells: cuts, wide halves, escapes, alignment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/str.h"
#include "grid.h"

static void shows(struct grid *g, const char *want)
{
    struct str out = {0};
    grid_print(g, &out);
    assert_string_equal(str_text(&out), want);
    str_free(&out);
}

static void text_is_cut_with_an_ellipsis(void **state)
{
    (void)state;
    struct grid g = {0};
    grid_init(&g, 2, 8);
    assert_int_equal(grid_text(&g, 0, 0, 8, STYLE_PLAIN, "12345678"), 8);
    assert_int_equal(grid_text(&g, 1, 2, 5, STYLE_PLAIN, "abcdefgh"), 5);
    shows(&g, "12345678\n  abcd…\n");
    assert_int_equal(grid_text(&g, 0, 6, 99, STYLE_PLAIN, "xyz"), 2);
    shows(&g, "123456x…\n  abcd…\n");
    grid_free(&g);
}

static void outside_nothing_happens(void **state)
{
    (void)state;
    struct grid g = {0};
    grid_init(&g, 1, 3);
    assert_int_equal(grid_text(&g, 1, 0, 3, STYLE_PLAIN, "a"), 0);
    assert_int_equal(grid_text(&g, -1, 0, 3, STYLE_PLAIN, "a"), 0);
    assert_int_equal(grid_text(&g, 0, 3, 3, STYLE_PLAIN, "a"), 0);
    assert_int_equal(grid_text(&g, 0, -1, 3, STYLE_PLAIN, "a"), 0);
    assert_int_equal(grid_text(&g, 0, 0, 0, STYLE_PLAIN, "a"), 0);
    assert_int_equal(grid_text(&g, 0, 0, 3, STYLE_PLAIN, NULL), 0);
    grid_fill(&g, -2, -2, 9, 9, STYLE_RULE, "-");
    grid_restyle(&g, 5, 0, 9, STYLE_BAD);
    grid_restyle(&g, 0, -4, 99, STYLE_BAD);
    shows(&g, "---\n");
    assert_int_equal(g.cells[2].style, STYLE_BAD);
    grid_init(&g, 0, 0);
    assert_int_equal(grid_text(&g, 0, 0, 1, STYLE_PLAIN, "a"), 0);
    shows(&g, "");
    grid_free(&g);
}

static void wide_clusters_stay_whole(void **state)
{
    (void)state;
    struct grid g = {0};
    grid_init(&g, 1, 6);
    assert_int_equal(grid_text(&g, 0, 0, 6, STYLE_PLAIN, "漢字漢"), 6);
    shows(&g, "漢字漢\n");
    grid_text(&g, 0, 1, 1, STYLE_PLAIN, "x");       /* the second half of the first */
    shows(&g, " x字漢\n");
    grid_text(&g, 0, 2, 1, STYLE_PLAIN, "y");       /* the first half of the second */
    shows(&g, " xy 漢\n");
    grid_init(&g, 1, 4);
    assert_int_equal(grid_text(&g, 0, 0, 4, STYLE_PLAIN, "漢字漢"), 3);
    shows(&g, "漢…\n");
    grid_init(&g, 1, 1);
    grid_text(&g, 0, 0, 1, STYLE_PLAIN, "漢");
    shows(&g, "…\n");
    grid_free(&g);
}

static void combining_marks_share_a_cell(void **state)
{
    (void)state;
    struct grid g = {0};
    grid_init(&g, 1, 3);
    assert_int_equal(grid_text(&g, 0, 0, 3, STYLE_PLAIN, "e\xcc\x81xy"), 3);
    assert_string_equal(g.cells[0].text, "e\xcc\x81");
    char tower[80] = "e";
    for (int i = 0; i < 14; i++)
        strcat(tower, "\xcc\x81");
    assert_int_equal(grid_text(&g, 0, 0, 3, STYLE_PLAIN, tower), 1);
    assert_string_equal(g.cells[0].text, "\xef\xbf\xbd");
    grid_free(&g);
}

static void nothing_hostile_reaches_a_cell(void **state)
{
    (void)state;
    static const char hostile[] = "a\x1b]52;c;eA==\x07\nb\x7f\xc2\x9b\xe2\x80\xae\xff";
    struct grid g = {0};
    grid_init(&g, 1, 80);
    grid_text(&g, 0, 0, 80, STYLE_PLAIN, hostile);
    for (int i = 0; i < 80; i++)
        for (const char *p = g.cells[i].text; *p; p++)
            if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f)
                fail_msg("cell %d holds byte %#x", i, (unsigned)(unsigned char)*p);
    assert_string_equal(g.cells[1].text, "\\");
    assert_string_equal(g.cells[2].text, "e");
    grid_init(&g, 1, 3);
    assert_int_equal(grid_text(&g, 0, 0, 3, STYLE_PLAIN, "a\x1b\x1b"), 3);
    shows(&g, "a\\…\n");
    grid_free(&g);
}

static void right_means_right(void **state)
{
    (void)state;
    struct grid g = {0};
    grid_init(&g, 3, 6);
    grid_right(&g, 0, 0, 6, STYLE_PLAIN, "12");
    grid_right(&g, 1, 1, 4, STYLE_PLAIN, "≈0");
    grid_right(&g, 2, 0, 3, STYLE_PLAIN, "12345");
    shows(&g, "    12\n   ≈0\n12…\n");
    grid_free(&g);
}

static void the_topmost_hit_wins(void **state)
{
    (void)state;
    struct grid g = {0};
    grid_init(&g, 5, 10);
    grid_hit(&g, 0, 0, 5, 10, "select", 1);
    grid_hit(&g, 2, 2, 1, 3, "press", 2);
    assert_int_equal(grid_hit_at(&g, 2, 4)->number, 2);
    assert_int_equal(grid_hit_at(&g, 2, 5)->number, 1);
    assert_null(grid_hit_at(&g, 5, 0));
    grid_init(&g, 5, 10);
    assert_null(grid_hit_at(&g, 0, 0));
    grid_free(&g);
}

static void every_style_has_a_letter_of_its_own(void **state)
{
    (void)state;
    struct grid g = {0};
    struct str out = {0};
    grid_init(&g, 1, STYLE_COUNT);
    for (int i = 0; i < STYLE_COUNT; i++)
        g.cells[i].style = (uint8_t)i;
    grid_print_styles(&g, &out);
    const char *letters = strchr(str_text(&out), '\n') + 1;
    assert_int_equal(strlen(letters), STYLE_COUNT + 1);
    for (int i = 0; i < STYLE_COUNT; i++)
        assert_ptr_equal(strchr(letters, letters[i]), letters + i);
    str_free(&out);
    grid_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_cut_with_an_ellipsis),
        cmocka_unit_test(outside_nothing_happens),
        cmocka_unit_test(wide_clusters_stay_whole),
        cmocka_unit_test(combining_marks_share_a_cell),
        cmocka_unit_test(nothing_hostile_reaches_a_cell),
        cmocka_unit_test(right_means_right),
        cmocka_unit_test(the_topmost_hit_wins),
        cmocka_unit_test(every_style_has_a_letter_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
