/* A variable is itself, or the file that NAME_FILE names, or a credential of its name; empty is not set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/variable.h"
#include "scratch.h"

static char dir[] = "/tmp/seedops-variable.XXXXXX";
static const char *plain, *file, *credentials;

static const char *get(const char *name)
{
    return strcmp(name, "X") == 0 ? plain : strcmp(name, "X_FILE") == 0 ? file
           : strcmp(name, "CREDENTIALS_DIRECTORY") == 0 ? credentials : NULL;
}

static const char *put(const char *name, const char *bytes, size_t length)
{
    static char path[128];
    struct err err = {0};
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_true(file_write_atomic(path, bytes, length, 0600, &err));
    return path;
}

static void expect(enum variable_state state, const char *text)
{
    struct str out = {0};
    struct err err = {0};
    assert_int_equal(variable_read(get, "X", &out, &err), state);
    assert_string_equal(str_text(&out), text);
    assert_int_equal(err.class, state == VARIABLE_BROKEN ? ERR_CONFIG : ERR_NONE);
    assert_true(state != VARIABLE_BROKEN || (err.hint[0] && strstr(err.message, "X")));
    str_free(&out);
}

static int make_dir(void **state)
{
    (void)state;
    return scratch_make(dir);
}

static int remove_dir(void **state)
{
    (void)state;
    char path[128];
    for (const char *const *name = (const char *const[]){"X", "f", NULL}; *name; name++) {
        snprintf(path, sizeof path, "%s/%s", dir, *name);
        remove(path);
    }
    return remove(dir);
}

static void itself(void **state)
{
    (void)state;
    plain = file = credentials = NULL;
    expect(VARIABLE_UNSET, "");
    plain = "";
    expect(VARIABLE_EMPTY, "");
    file = "/none";
    plain = " a\n";
    expect(VARIABLE_SET, " a\n");          /* as it is; no file is looked at */
}

static void its_file(void **state)
{
    (void)state;
    static const struct { const char *bytes; size_t length; enum variable_state state; const char *text; } files[] = {
        {"pw", 2, VARIABLE_SET, "pw"}, {"pw\n", 3, VARIABLE_SET, "pw"}, {"pw\r\n", 4, VARIABLE_SET, "pw"},
        {"pw\n\n", 4, VARIABLE_SET, "pw\n"}, {" p w ", 5, VARIABLE_SET, " p w "}, {"", 0, VARIABLE_EMPTY_FILE, ""},
        {"\n", 1, VARIABLE_EMPTY_FILE, ""}, {"p\0w", 3, VARIABLE_BROKEN, ""}};
    for (int empty = 0; empty < 2; empty++)
        for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
            plain = empty ? "" : NULL;
            file = put("f", files[i].bytes, files[i].length);
            expect(files[i].state, files[i].text);
        }
    plain = NULL;
    file = "/none/there";
    expect(VARIABLE_BROKEN, "");
    file = dir;
    expect(VARIABLE_BROKEN, "");
    file = "";
    expect(VARIABLE_UNSET, "");
}

static void its_credential(void **state)
{
    (void)state;
    plain = file = NULL;
    credentials = dir;
    expect(VARIABLE_UNSET, "");
    put("X", "secret\n", 7);
    expect(VARIABLE_SET, "secret");
    file = put("f", "first", 5);
    expect(VARIABLE_SET, "first");
    credentials = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(itself), cmocka_unit_test(its_file), cmocka_unit_test(its_credential)};
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
