/* read - lines of bounded length, each held against the form and the chain of format.h. */
#include "journal/read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/str.h"
#include "journal/format.h"

enum { CHUNK = 64 * 1024 };

struct journal_reader {
    char *name;
    int fd;                        /* or -1: all of it is in `bytes` */
    const char *bytes;
    size_t length, at;             /* of the chunk, or of everything */
    char *chunk;
    struct str line;               /* the current one, without newline and, once checked, without its tail */
    unsigned number;               /* of the line, from 1 */
    struct json *header_json;
    struct journal_header header;
    struct journal_summary summary;
    bool over;
};

static bool bad_line(struct journal_reader *r, struct err *err, const char *why)
{
    err_set(err, ERR_GENERAL, "the journal is damaged, or was changed");
    err_why(err, "%s", why);
    return err_at(err, r->name, r->number, 0);
}

/* More bytes into the chunk; at == length afterwards means the end. */
static bool refill(struct journal_reader *r, struct err *err)
{
    if (r->fd < 0 || r->at < r->length)
        return true;
    ssize_t got;
    do {
        got = read(r->fd, r->chunk, CHUNK);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return err_errno(err, ERR_GENERAL, errno, "cannot read %s", r->name);
    r->bytes = r->chunk;
    r->length = (size_t)got;
    r->at = 0;
    return true;
}

/* The next line; *whole false when the file ends before its newline (an empty line then is just the end). */
static bool next_line(struct journal_reader *r, bool *whole, struct err *err)
{
    str_reset(&r->line);
    r->number++;
    for (;;) {
        *whole = false;
        if (!refill(r, err))
            return false;
        if (r->at == r->length)
            return true;
        const char *from = r->bytes + r->at, *newline = memchr(from, '\n', r->length - r->at);
        size_t take = newline ? (size_t)(newline - from) : r->length - r->at;
        if (r->line.length + take > JOURNAL_LINE_MAX)
            return bad_line(r, err, "the line is too long");
        str_add_bytes(&r->line, from, take);
        r->at += take + (newline != NULL);
        *whole = newline != NULL;
        if (newline)
            return true;
    }
}

/* Cuts the tail off and holds its hash against the chain. */
static bool check_chain(struct journal_reader *r, struct err *err)
{
    static const char before[] = ",\"hash\":\"";
    if (r->line.length < JOURNAL_TAIL)
        return bad_line(r, err, "the line has no hash");
    size_t length = r->line.length - JOURNAL_TAIL;
    const char *tail = r->line.text + length, *hash = tail + sizeof before - 1;
    if (memcmp(tail, before, sizeof before - 1) != 0 || memcmp(hash + HASH_HEX - 1, "\"}", 2) != 0)
        return bad_line(r, err, "the line has no hash");
    char want[HASH_HEX];
    memcpy(want, r->summary.hash, sizeof want);
    journal_chain(want, r->line.text, length);
    if (memcmp(hash, want, HASH_HEX - 1) != 0)
        return bad_line(r, err, "its hash does not follow from the line before");
    memcpy(r->summary.hash, want, sizeof want);
    return true;
}

static const char *text_or_empty(const struct json *header, const char *key)
{
    const char *text = json_text_of(json_get(header, key));
    return text ? text : "";
}

static bool read_header(struct journal_reader *r, struct err *err)
{
    bool whole;
    if (!next_line(r, &whole, err))
        return false;
    if (!whole || strncmp(str_text(&r->line), "{\"journal\":", 11) != 0) {
        err_set(err, ERR_GENERAL, "this is not a journal");
        return err_at(err, r->name, 0, 0);
    }
    if (!json_parse(&r->header_json, r->line.text, r->line.length, NULL))
        return bad_line(r, err, "the line is not JSON");
    const struct json *h = r->header_json;
    if (json_int_of(json_get(h, "journal"), 0) != JOURNAL_FORMAT) {
        err_set(err, ERR_GENERAL, "this journal has a format that is not known here");
        err_hint(err, "read it with the seedops that wrote it, or a newer one");
        return err_at(err, r->name, 1, 0);
    }
    int64_t columns = json_int_of(json_get(h, "columns"), 0), rows = json_int_of(json_get(h, "rows"), 0);
    if (columns < 0 || columns > 10000 || rows < 0 || rows > 10000)
        return bad_line(r, err, "the size of its terminal cannot be");
    r->header = (struct journal_header){
        .version = text_or_empty(h, "seedops"), .started_ms = json_int_of(json_get(h, "started_ms"), 0),
        .user = text_or_empty(h, "user"), .host = text_or_empty(h, "host"),
        .environment = text_or_empty(h, "environment"), .target = text_or_empty(h, "target"),
        .system_identifier = text_or_empty(h, "system_identifier"), .command = text_or_empty(h, "command"),
        .columns = (int)columns, .rows = (int)rows,
    };
    return check_chain(r, err);
}

static struct journal_reader *new_reader(const char *name)
{
    struct journal_reader *r = xcalloc(1, sizeof *r);
    r->name = xstrdup(name);
    r->fd = -1;
    r->summary.end = JOURNAL_END_OPEN;
    return r;
}

static bool start(struct journal_reader *r, struct journal_reader **reader, struct err *err)
{
    bool ok = read_header(r, err);
    *reader = ok ? r : NULL;
    if (!ok)
        journal_read_close(r);
    return ok;
}

bool journal_read_open(struct journal_reader **reader, const char *path, struct err *err)
{
    struct stat st;
    *reader = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return err_errno(err, ERR_GENERAL, errno, "cannot read %s", path);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        err_set(err, ERR_GENERAL, "cannot read %s", path);
        return err_why(err, "it is not a regular file");
    }
    struct journal_reader *r = new_reader(path);
    r->fd = fd;
    r->chunk = xmalloc(CHUNK);
    return start(r, reader, err);
}

bool journal_read_bytes(struct journal_reader **reader, const char *name, const char *bytes, size_t length,
                        struct err *err)
{
    struct journal_reader *r = new_reader(name);
    r->bytes = bytes;
    r->length = length;
    return start(r, reader, err);
}

const struct journal_header *journal_read_header(const struct journal_reader *r) { return &r->header; }

/* The end line, and nothing behind it. */
static bool read_end(struct journal_reader *r, const struct json *line, struct err *err)
{
    const struct json *end = json_get(line, "end");
    if (json_int_of(json_get(end, "lines"), -1) != (int64_t)r->summary.lines)
        return bad_line(r, err, "the end names another number of lines");
    const char *failure = json_text_of(json_get(end, "failure"));
    snprintf(r->summary.failure, sizeof r->summary.failure, "%s", failure ? failure : "");
    r->summary.end = JOURNAL_END_CLOSED;
    r->over = true;
    bool whole;
    if (!next_line(r, &whole, err))
        return false;
    if (whole || r->line.length > 0)
        return bad_line(r, err, "there is something after the end");
    return true;
}

/* A whole line: its number, its chain, its JSON; then the input's bytes as they stand in it. */
static bool read_whole(struct journal_reader *r, const char **input, size_t *length, struct err *err)
{
    struct json *json;
    char prefix[48];
    if (!json_parse(&json, r->line.text, r->line.length, NULL))
        return bad_line(r, err, "the line is not JSON");
    size_t head = (size_t)snprintf(prefix, sizeof prefix, "{\"n\":%llu,\"in\":",
                                   (unsigned long long)r->summary.lines + 1);
    bool is_end = json_is_object(json_get(json, "end"));
    bool ok;
    if (json_int_of(json_get(json, "n"), -1) != (int64_t)r->summary.lines + 1)
        ok = bad_line(r, err, "the line's number is not the next");
    else if (!check_chain(r, err))
        ok = false;
    else if (is_end)
        ok = read_end(r, json, err);
    else if (!json_is_object(json_get(json, "in")) || json_count(json) != 3 ||
             strncmp(r->line.text, prefix, head) != 0)
        ok = bad_line(r, err, "the line is not an input");
    else
        ok = true;
    json_free(json);
    if (!ok || is_end)
        return ok;
    r->summary.lines++;
    *input = r->line.text + head;
    *length = r->line.length - JOURNAL_TAIL - head;
    r->line.text[head + *length] = '\0';
    return true;
}

bool journal_read_next(struct journal_reader *r, const char **input, size_t *length, struct err *err)
{
    bool whole;
    *input = NULL;
    *length = 0;
    if (r->over)
        return true;
    r->over = true;   /* there is no way on behind a bad line */
    if (!next_line(r, &whole, err))
        return false;
    if (!whole) {
        r->summary.end = r->line.length ? JOURNAL_END_CUT : JOURNAL_END_OPEN;
        return true;
    }
    bool ok = read_whole(r, input, length, err);
    r->over = !ok || !*input;
    return ok;
}

void journal_read_summary(const struct journal_reader *r, struct journal_summary *summary)
{
    *summary = r->summary;
}

void journal_read_close(struct journal_reader *r)
{
    if (!r)
        return;
    if (r->fd >= 0)
        close(r->fd);
    json_free(r->header_json);
    str_free(&r->line);
    free(r->chunk);
    free(r->name);
    free(r);
}

bool journal_verify(const char *path, struct journal_summary *summary, struct err *err)
{
    struct journal_reader *r;
    const char *input = "";
    size_t length;
    *summary = (struct journal_summary){0};
    if (!journal_read_open(&r, path, err))
        return false;
    bool ok = true;
    while (ok && input)
        ok = journal_read_next(r, &input, &length, err);
    journal_read_summary(r, summary);
    journal_read_close(r);
    return ok;
}
