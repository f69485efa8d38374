/* notes - a line a note: {"n":812,"offset_ms":93000,"text":"..."}. Read as carefully as a journal. */
#include "replay/notes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/str.h"

enum { FILE_MOST = 4 << 20 };

/* ID.notes.jsonl for ID.jsonl, ID.2.jsonl ...: a session has one. */
static char *path_beside(const char *path)
{
    struct str out = {0};
    const char *base = strrchr(path, '/'), *dot = strchr(base ? base + 1 : path, '.');
    str_add_bytes(&out, path, dot ? (size_t)(dot - path) : strlen(path));
    str_add(&out, ".notes.jsonl");
    return str_take(&out);
}

/* The same name may belong to another session: when it began tells them apart. NULL: no state directory. */
static char *path_in_state(const struct source *source, bool make)
{
    char state[4096], *beside = path_beside(source_name(source));
    struct str out = {0};
    const char *base = strrchr(beside, '/');
    bool found = file_state_dir(state, sizeof state, NULL);
    if (found) {
        str_printf(&out, "%s/notes", state);
        if (make)
            file_make_dirs(str_text(&out), 0700, NULL);
        str_printf(&out, "/%lld-%s", (long long)source_header(source)->started_ms, base ? base + 1 : beside);
    }
    free(beside);
    return found ? str_take(&out) : NULL;
}

static void take_line(const struct source *source, struct marks *marks, const char *line, size_t length)
{
    struct json *json;
    if (!json_parse(&json, line, length, NULL))
        return;
    const char *text = json_text_of(json_get(json, "text"));
    int64_t n = json_int_of(json_get(json, "n"), -1) - (int64_t)source_before(source);
    const struct timeline *time = source_timeline(source);
    if (text && n >= 0 && (uint64_t)n <= time->count)
        marks_add(marks, (uint64_t)n, timeline_offset(time, (uint64_t)n), MARK_NOTE, true, text);
    json_free(json);
}

static void read_file(const struct source *source, struct marks *marks, const char *path)
{
    char *bytes;
    size_t length;
    if (!path || !file_read(path, FILE_MOST, &bytes, &length, NULL))
        return;
    for (const char *line = bytes, *end = bytes + length; line < end;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        size_t size = newline ? (size_t)(newline - line) : (size_t)(end - line);
        take_line(source, marks, line, size);
        line += size + 1;
    }
    free(bytes);
}

void notes_read(const struct source *source, struct marks *marks)
{
    char *beside = path_beside(source_name(source)), *state = path_in_state(source, false);
    read_file(source, marks, beside);
    read_file(source, marks, state);
    free(beside);
    free(state);
}

static bool append(const char *path, const struct str *line)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (fd < 0)
        return false;
    bool ok = write(fd, line->text, line->length) == (ssize_t)line->length;
    int saved = errno;
    close(fd);
    errno = saved;
    return ok;
}

bool notes_write(const struct source *source, uint64_t n, int64_t at_ms, const char *text, char where[512],
                 struct err *err)
{
    struct str line = {0};
    struct json_out out;
    json_begin(&out, &line);
    json_object(&out);
    json_put_int(&out, "n", (int64_t)(source_before(source) + n));
    json_put_int(&out, "offset_ms", at_ms);
    json_put_text(&out, "text", text);
    json_object_end(&out);
    str_add_char(&line, '\n');
    char *path = path_beside(source_name(source));
    bool ok = append(path, &line);
    int reason = errno;
    if (!ok) {
        free(path);
        path = path_in_state(source, true);
        ok = path && append(path, &line);
    }
    snprintf(where, 512, "%s", path ? path : "");
    free(path);
    str_free(&line);
    return ok || err_errno(err, ERR_GENERAL, reason, "the note is not kept");
}
