/* pages - pages of heaps and their TOAST tables as the server has them, into files that it never opens.
 *
 * With pageinspect each page comes out of the server's own memory; else a CHECKPOINT brings them to the disk and the
 * files are read. Neither looks at a row, so nothing is pruned. A file holds page after page, as a heap does. */
#include "preserve/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"

enum { CHUNK_PAGES = 128, SPARE_BYTES = 64 * 1024 * 1024 };

struct fork {                        /* a table's heap or TOAST table: a file of the archive */
    const struct keep_table *table;
    bool toast;
    const char *path;                /* the server's */
    int64_t bytes, saved, pages;
    char *file, hex[HASH_HEX];
};

struct archive {
    struct session *s;
    struct db *db;
    const struct keep_facts *facts;
    char *partial;                   /* the directory while it grows */
    struct fork *forks;
    size_t fork_count;
    int64_t done, total;             /* bytes */
};

static void list_forks(struct archive *a)
{
    a->forks = xcalloc(a->facts->table_count * 2 + 1, sizeof *a->forks);
    for (size_t i = 0; i < a->facts->table_count; i++) {
        const struct keep_table *t = &a->facts->tables[i];
        if (t->bytes > 0)
            a->forks[a->fork_count++] = (struct fork){.table = t, .path = t->path, .bytes = t->bytes};
        if (t->toast_bytes > 0)
            a->forks[a->fork_count++] = (struct fork){.table = t, .toast = true, .path = t->toast_path,
                                                      .bytes = t->toast_bytes};
        a->total += t->bytes + t->toast_bytes;
    }
}

/* "Station.16390.heap": a table's name may hold what a file's must not, its oid tells two of them apart. */
static char *file_name(const struct fork *f)
{
    struct str name = {0};
    for (const char *c = f->table->name; *c; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || *c == '_';
        str_add_char(&name, plain ? *c : '-');
    }
    str_printf(&name, ".%u.%s", f->table->oid, f->toast ? "toast" : "heap");
    return str_take(&name);
}

/* ---- pages from the server ---- */

static void raw_page_sql(const struct archive *a, const struct fork *f, int64_t offset, int64_t bytes, struct str *sql)
{
    struct str relation = {0};
    if (f->toast)
        str_printf(&relation, "pg_toast.pg_toast_%u", f->table->oid);
    else
        db_quote_relation(&relation, f->table->schema, f->table->name);
    str_printf(sql, "SELECT pg_catalog.string_agg(%s.get_raw_page(", a->facts->pageinspect);
    db_quote_literal(sql, str_text(&relation));
    str_printf(sql, ", 'main', p), '' ORDER BY p) FROM pg_catalog.generate_series(%lld, %lld) p",
               (long long)(offset / a->facts->block_bytes), (long long)((offset + bytes) / a->facts->block_bytes - 1));
    str_free(&relation);
}

/* A relation's file goes on in path.1, path.2 ... each of the segment's size. */
static void file_sql(const struct archive *a, const struct fork *f, int64_t offset, int64_t bytes, struct str *sql)
{
    struct str path = {0};
    int64_t segment = offset / a->facts->segment_bytes;
    str_add(&path, f->path);
    if (segment > 0)
        str_printf(&path, ".%lld", (long long)segment);
    str_add(sql, "SELECT pg_catalog.pg_read_binary_file(");
    db_quote_literal(sql, str_text(&path));
    str_printf(sql, ", %lld, %lld)", (long long)(offset % a->facts->segment_bytes), (long long)bytes);
    str_free(&path);
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "\x0a1b" in place; gives its length, or false for any other text. */
static bool unhex(const char *text, size_t length, struct str *bytes)
{
    if (length < 2 || length % 2 || text[0] != '\\' || text[1] != 'x')
        return false;
    str_reset(bytes);
    str_reserve(bytes, length / 2);
    for (size_t i = 2; i < length; i += 2) {
        int high = digit(text[i]), low = digit(text[i + 1]);
        if (high < 0 || low < 0)
            return false;
        str_add_char(bytes, (char)(high << 4 | low));
    }
    return true;
}

static bool fetch(struct archive *a, const struct fork *f, int64_t offset, int64_t bytes, struct str *out,
                  struct err *err)
{
    struct str sql = {0};
    struct db_result *r = NULL;
    if (a->facts->raw_pages)
        raw_page_sql(a, f, offset, bytes, &sql);
    else
        file_sql(a, f, offset, bytes, &sql);
    bool ok = db_run(a->db, str_text(&sql), 0, &r, NULL, err);
    const char *text = ok && db_rows(r) ? db_value(r, 0, 0) : NULL;
    if (ok && (!text || !unhex(text, db_value_length(r, 0, 0), out)))
        ok = err_set(err, ERR_QUERY, "the server's answer is no page");
    db_result_free(r);
    str_free(&sql);
    return ok;
}

/* ---- into files ---- */

static bool write_all(int fd, const char *bytes, size_t length, struct err *err)
{
    while (length > 0) {
        ssize_t n = write(fd, bytes, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(err, ERR_GENERAL, errno, "cannot write");
        bytes += n;
        length -= (size_t)n;
    }
    return true;
}

static bool copy_fork(struct archive *a, struct fork *f, int fd, struct err *err)
{
    struct hash hash;
    struct str bytes = {0};
    bool ok = true;
    hash_init(&hash);
    while (ok && f->saved < f->bytes) {
        int64_t segment_left = a->facts->segment_bytes - f->saved % a->facts->segment_bytes;
        int64_t want = CHUNK_PAGES * a->facts->block_bytes;
        want = want < f->bytes - f->saved ? want : f->bytes - f->saved;
        want = want < segment_left ? want : segment_left;
        ok = fetch(a, f, f->saved, want, &bytes, err) && write_all(fd, str_text(&bytes), bytes.length, err);
        if (ok && bytes.length == 0)
            break;                       /* it has become shorter meanwhile */
        hash_add(&hash, str_text(&bytes), bytes.length);
        f->saved += (int64_t)bytes.length;
        a->done += (int64_t)bytes.length;
        ctx_progress(a->s->ctx, "saving pages", a->done, a->total, false);
        if (ok && ctx_cancelled(a->s->ctx))
            ok = err_set(err, ERR_CANCELLED, "cancelled");
    }
    str_free(&bytes);
    hash_hex(&hash, f->hex);
    f->pages = f->saved / a->facts->block_bytes;
    if (ok && f->saved < f->bytes)
        ctx_log(a->s->ctx, "warning", "%s became shorter while its pages were saved: a vacuum was faster; %lld of %lld "
                "bytes are saved", f->table->name, (long long)f->saved, (long long)f->bytes);
    return ok;
}

static bool save_fork(struct archive *a, struct fork *f, struct err *err)
{
    f->file = file_name(f);
    char *path = file_join(a->partial, f->file);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool ok = fd >= 0 || err_errno(err, ERR_GENERAL, errno, "cannot write %s", path);
    ok = ok && copy_fork(a, f, fd, err);
    if (ok && fsync(fd) != 0)
        ok = err_errno(err, ERR_GENERAL, errno, "cannot bring %s to the disk", path);
    if (fd >= 0)
        close(fd);
    free(path);
    return ok || err_context(err, "pages of %s", f->table->name);
}

/* ---- the manifest: what a decoder needs to know ---- */

static void put_columns(struct json_out *o, const struct keep_table *t)
{
    json_key(o, "columns");
    json_array(o);
    for (size_t i = 0; i < t->column_count; i++) {
        const struct keep_column *c = &t->columns[i];
        json_object(o);
        json_put_int(o, "number", c->number);
        json_put_text(o, "name", c->name);
        json_put_text(o, "type", c->type);
        json_put_int(o, "length", c->length);
        json_put_text(o, "align", c->align);
        json_put_bool(o, "dropped", c->dropped);
        json_object_end(o);
    }
    json_array_end(o);
}

static void put_fork(struct json_out *o, const void *item)
{
    const struct fork *f = item;
    json_put_text(o, "file", f->file);
    json_put_text(o, "schema", f->table->schema);
    json_put_text(o, "table", f->table->name);
    json_put_int(o, "oid", f->table->oid);
    json_put_int(o, "relfilenode", f->table->file_node);
    json_put_bool(o, "toast", f->toast);
    json_put_int(o, "pages", f->pages);
    json_put_text(o, "sha256", f->hex);
    if (!f->toast)
        put_columns(o, f->table);
}

static void put_wal(struct json_out *o, const struct keep_facts *f)
{
    json_key(o, "wal");
    json_object(o);
    json_put_text(o, "directory", *f->data_directory ? f->data_directory : NULL);
    json_put_text(o, "slot", f->slot_there ? f->slot : NULL);
    json_key(o, "segments");
    json_array(o);
    for (size_t i = 0; i < f->segment_count; i++)
        json_text(o, f->segments[i].name);
    json_array_end(o);
    json_object_end(o);
}

static bool write_manifest(const struct archive *a, struct err *err)
{
    const struct session *s = a->s;
    struct str out = {0};
    struct json_out o;
    char now[32], *path = file_join(a->partial, "manifest.json");
    clock_format_utc(clock_wall_ms(), now, sizeof now);
    json_begin(&o, &out);
    json_object(&o);
    json_put_int(&o, "version", 1);
    json_put_text(&o, "seedops", PACKAGE_VERSION);
    json_put_text(&o, "environment", s->ctx->environment->name);
    json_put_text(&o, "database", s->identity.database);
    json_put_text(&o, "system_identifier", s->identity.system_identifier);
    json_put_text(&o, "server_version", db_facts(s->db)->server_version);
    json_put_text(&o, "saved_at", now);
    json_put_text(&o, "read_by", a->facts->raw_pages ? "get_raw_page" : "pg_read_binary_file after CHECKPOINT");
    json_put_int(&o, "block_size", a->facts->block_bytes);
    json_put_list(&o, "files", a->forks, a->fork_count, sizeof *a->forks, put_fork);
    put_wal(&o, a->facts);
    json_object_end(&o);
    str_add_char(&out, '\n');
    bool ok = file_write_atomic(path, str_text(&out), out.length, 0600, err);
    str_free(&out);
    free(path);
    return ok;
}

/* ---- the directory ---- */

static bool has_room(const char *directory, int64_t bytes, struct err *err)
{
    struct statvfs fs;
    if (statvfs(directory, &fs) != 0 || (int64_t)(fs.f_bavail * fs.f_frsize) >= bytes + SPARE_BYTES)
        return true;
    err_set(err, ERR_GENERAL, "there is too little room for the pages in %s", directory);
    err_why(err, "%lld MB are to be saved, and %lld MB are free", (long long)(bytes / 1000000 + 1),
            (long long)((int64_t)(fs.f_bavail * fs.f_frsize) / 1000000));
    return err_hint(err, "make room, or name another place with --output DIR");
}

static void sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

/* Whole or not at all: a reader of the final name finds every page. */
static bool publish(const struct archive *a, const char *directory, struct err *err)
{
    char *parent = file_dirname(directory);
    sync_directory(a->partial);
    bool ok = rename(a->partial, directory) == 0 ||
              err_errno(err, ERR_GENERAL, errno, "cannot name the archive %s", directory);
    sync_directory(parent);
    free(parent);
    return ok;
}

static void discard_file(const struct archive *a, const char *name)
{
    char *path = file_join(a->partial, name);
    unlink(path);
    free(path);
}

static void discard(const struct archive *a)
{
    for (size_t i = 0; i < a->fork_count; i++)
        if (a->forks[i].file)
            discard_file(a, a->forks[i].file);
    discard_file(a, "manifest.json");
    rmdir(a->partial);
}

static bool make_partial(struct archive *a, const char *directory, struct err *err)
{
    char *parent = file_dirname(directory);
    struct str partial = {0};
    str_printf(&partial, "%s.partial", directory);
    a->partial = str_take(&partial);
    bool ok = file_make_dirs(parent, 0700, err) && has_room(parent, a->total, err);
    if (ok && mkdir(a->partial, 0700) != 0)
        ok = err_errno(err, ERR_GENERAL, errno, "cannot make %s", a->partial);
    free(parent);
    return ok;
}

static bool save_all(struct archive *a, struct err *err)
{
    bool ok = a->facts->raw_pages || db_run(a->db, "CHECKPOINT", 0, NULL, NULL, err);
    for (size_t i = 0; ok && i < a->fork_count; i++)
        ok = save_fork(a, &a->forks[i], err);
    ctx_progress(a->s->ctx, "saving pages", a->done, a->total, true);
    return ok && write_manifest(a, err);
}

bool keep_pages(struct session *s, struct db *db, const struct keep_facts *facts, const char *directory,
                int64_t *pages, struct err *err)
{
    struct archive a = {.s = s, .db = db, .facts = facts};
    list_forks(&a);
    bool made = make_partial(&a, directory, err), ok = made && save_all(&a, err) && publish(&a, directory, err);
    if (made && !ok)
        discard(&a);
    *pages = a.done / facts->block_bytes;
    for (size_t i = 0; i < a.fork_count; i++)
        free(a.forks[i].file);
    free(a.forks);
    free(a.partial);
    return ok;
}
