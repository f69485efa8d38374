/* What terminals send, and what it is read as; the clipboard's sequence. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clipboard.h"
#include "keys.h"

/* All events of `bytes`, as "name name"; time stands still unless `waited`. */
static const char *read_as(const char *bytes, size_t length, size_t step, bool waited)
{
    static char out[1024];
    struct keys *k = keys_new();
    struct key_event e;
    keys_define(k, "\033[1~", "home");
    keys_define(k, "\033Oq", "end");
    out[0] = '\0';
    for (size_t at = 0; at < length; at += step) {
        keys_feed(k, bytes + at, length - at < step ? length - at : step, 1000);
        bool last = waited && at + step >= length;
        while (keys_next(k, 1000, &e) || (last && keys_next(k, 1000 + KEYS_ESC_MS, &e))) {
            size_t used = strlen(out);
            const char *gap = used ? " " : "";
            if (e.kind == KEY_EVENT_MOUSE)
                snprintf(out + used, sizeof out - used, "%s%s@%d,%d", gap, e.name, e.row, e.column);
            else if (e.kind == KEY_EVENT_PASTE)
                snprintf(out + used, sizeof out - used, "%spaste(%s)", gap, e.paste);
            else
                snprintf(out + used, sizeof out - used, "%s%s", gap, e.name);
            free(e.paste);
        }
    }
    keys_free(k);
    return out;
}

#define READS(bytes, want)                                                              \
    do {                                                                                \
        assert_string_equal(read_as(bytes, sizeof bytes - 1, sizeof bytes, true), want); \
        assert_string_equal(read_as(bytes, sizeof bytes - 1, 1, true), want);            \
    } while (0)

static void test_characters(void **state)
{
    (void)state;
    READS("aZ9?", "a Z 9 ?");
    READS("\xc3\xa9\xe6\xbc\xa2\xf0\x9f\x99\x82", "é 漢 🙂");
    READS(" \r\n\t\x7f\x08", "space enter enter tab backspace backspace");
    READS("\x01\x18\x1a\x1c", "ctrl-a ctrl-x ctrl-z ctrl-\\");
    READS("a\xff" "b\xc2\x9b" "c", "a b c");        /* no text, a C1 control: nothing anybody typed */
    READS("a\xe6\xbc", "a");                        /* cut off for good */
}

static void test_sequences(void **state)
{
    (void)state;
    READS("\033[A\033[B\033OC\033OD", "up down right left");
    READS("\033[H\033[4~\033[5~\033[6~\033[3~\033[2~", "home end pgup pgdn delete insert");
    READS("\033OP\033[15~\033[24~\033[[A", "f1 f5 f12 f1");
    READS("\033[Z\033[1;5C\033[1;2A\033[3;3~", "shift-tab ctrl-right shift-up alt-delete");
    READS("\033[1~\033Oq", "home end");
    READS("\033[?1;2c\033[0n" "x", "x");            /* answers to questions we never asked */
    READS("\033[999;999;999;999;999;999;999;999;999zq", "q");
}

static void test_escape(void **state)
{
    (void)state;
    READS("\033", "esc");
    READS("\033\033", "esc esc");
    READS("\033x", "alt-x");
    READS("\033\xc3\xa9", "alt-é");
    READS("\033[", "alt-[");
    struct keys *k = keys_new();
    struct key_event e;
    assert_int_equal(keys_deadline(k), -1);
    keys_feed(k, "\033", 1, 500);
    assert_false(keys_next(k, 500, &e));
    assert_int_equal(keys_deadline(k), 500 + KEYS_ESC_MS);
    assert_false(keys_next(k, 500 + KEYS_ESC_MS - 1, &e));
    assert_true(keys_next(k, 500 + KEYS_ESC_MS, &e));
    assert_string_equal(e.name, "esc");
    assert_int_equal(keys_deadline(k), -1);
    keys_free(k);
}

static void test_mouse(void **state)
{
    (void)state;
    READS("\033[<0;10;5M\033[<0;10;5m", "click@4,9");
    READS("\033[<64;1;1M\033[<65;2;3M", "wheel-up@0,0 wheel-down@2,1");
    READS("\033[<2;1;1M\033[<0;0;0M\033[<;M" "z", "z");
}

static void test_paste(void **state)
{
    (void)state;
    READS("a\033[200~one\rtwo \033[A\033[201~b", "a paste(one\ntwo \033[A) b");
    READS("\033[200~\033[201~", "paste()");
    READS("\033[200~x\033[20", "");                 /* not over yet */
    size_t length = 3 * 1024 * 1024;
    char *text = malloc(length + 12);
    memset(text, 'p', length + 12);
    memcpy(text, "\033[200~", 6);
    memcpy(text + length + 6, "\033[201~", 6);
    struct keys *k = keys_new();
    struct key_event e;
    keys_feed(k, text, length + 12, 0);
    assert_true(keys_next(k, 0, &e));
    assert_int_equal(e.kind, KEY_EVENT_PASTE);
    assert_int_equal(strlen(e.paste), KEYS_PASTE_MAX);
    free(e.paste);
    assert_false(keys_next(k, 0, &e));
    keys_free(k);
    free(text);
}

static void test_clipboard(void **state)
{
    (void)state;
    struct str out = {0};
    struct err err = {0};
    assert_true(clipboard_sequence(&out, "", 0, false, &err));
    assert_string_equal(str_text(&out), "\033]52;c;\a");
    const char *const want[] = {"Zg==", "Zm8=", "Zm9v", "Zm9vYg=="};
    for (size_t i = 0; i < 4; i++) {
        char sequence[64];
        str_reset(&out);
        assert_true(clipboard_sequence(&out, "foob", i + 1, true, &err));
        snprintf(sequence, sizeof sequence, "\033Ptmux;\033\033]52;c;%s\a\033\\", want[i]);
        assert_string_equal(str_text(&out), sequence);
    }
    char *big = calloc(1, CLIPBOARD_LIMIT);
    str_reset(&out);
    assert_false(clipboard_sequence(&out, big, CLIPBOARD_LIMIT, false, &err));
    assert_int_equal(out.length, 0);
    assert_true(clipboard_sequence(&out, big, CLIPBOARD_LIMIT / 4 * 3, false, &err));
    free(big);
    str_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_characters), cmocka_unit_test(test_sequences), cmocka_unit_test(test_escape),
        cmocka_unit_test(test_mouse), cmocka_unit_test(test_paste), cmocka_unit_test(test_clipboard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
