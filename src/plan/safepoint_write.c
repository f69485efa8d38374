/* safepoint_write - rows into blocks, blocks into a hidden temporary, and its name last. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/str.h"
#include "db/copy.h"
#include "event/types.h"
#include "plan/safepoint.h"
#include "plan/safepoint_dir.h"
#include "plan/safepoint_pack.h"

enum { TELL_EVERY = 4096 };                   /* rows between two words on progress */

struct section_done {
    char *schema, *table;
    enum safepoint_kind kind;
    int64_t rows, bytes;
};

struct safepoint {
    char *dir, *id, *path, *partial;
    int dir_fd, fd;
    bool finished, broken;                    /* broken: takes nothing more, and is never finished */
    struct packer *packer;
    struct hash schema;                       /* over what the sections say of their tables */
    struct section_done *sections;
    size_t section_count;
    bool open;                                /* a section takes rows */
    bool inside_line;                         /* the rows so far do not end with a line */
    int64_t rows;
};

/* ---- blocks ---- */

static bool end_block(struct safepoint *s, struct err *err)
{
    s->broken |= !packer_end_block(s->packer, err);
    return !s->broken;
}

static bool put_text(struct safepoint *s, enum block_tag tag, const char *bytes, size_t length, struct err *err)
{
    bool of_section = tag == BLOCK_TABLE || tag == BLOCK_ROWS;
    uint32_t section = of_section ? (uint32_t)s->section_count - 1 : 0;
    s->broken |= !packer_put(s->packer, tag, section, bytes, length, err);
    return !s->broken;
}

/* A line of JSON, a block of its own. */
static bool put_json(struct safepoint *s, enum block_tag tag, struct str *line, struct err *err)
{
    str_add_char(line, '\n');
    bool ok = put_text(s, tag, line->text, line->length, err) && end_block(s, err);
    str_free(line);
    return ok;
}

/* ---- the head ---- */

static void put_steps(struct json_out *o, const struct safepoint_facts *facts)
{
    json_key(o, "plan");
    json_object(o);
    json_put_text(o, "digest", facts->plan_digest);
    json_key(o, "steps");
    json_array(o);
    for (size_t i = 0; i < facts->step_count; i++) {
        json_object(o);
        json_put_text(o, "action", facts->steps[i].action);
        json_put_text(o, "object", facts->steps[i].object);
        json_put_text(o, "detail", facts->steps[i].detail);
        json_put_int(o, "rows", facts->steps[i].rows);
        json_object_end(o);
    }
    json_array_end(o);
    json_object_end(o);
}

static void put_who(struct json_out *o)
{
    struct passwd entry, *found = NULL;
    char buffer[4096], host[256] = "";
    getpwuid_r(geteuid(), &entry, buffer, sizeof buffer, &found);
    gethostname(host, sizeof host - 1);
    json_put_text(o, "user", found ? found->pw_name : NULL);
    json_put_text(o, "host", host);
}

static bool put_head(struct safepoint *s, const struct safepoint_facts *f, int64_t now, struct err *err)
{
    struct str line = {0};
    struct json_out o;
    char created[32];
    clock_format_utc(now, created, sizeof created);
    json_begin(&o, &line);
    json_object(&o);
    json_put_int(&o, "safepoint", SAFEPOINT_FORMAT);
    json_put_text(&o, "id", s->id);
    json_put_text(&o, "seedops", PACKAGE_VERSION);
    json_put_text(&o, "created", created);
    json_put_int(&o, "created_ms", now);
    json_put_text(&o, "action", f->action);
    json_put_text(&o, "environment", f->environment);
    json_put_text(&o, "role", f->role);
    json_put_text(&o, "target", f->target);
    json_put_text(&o, "system_identifier", f->system_identifier);
    json_put_text(&o, "database", f->database);
    json_put_int(&o, "database_oid", f->database_oid);
    json_put_text(&o, "server_version", f->server_version);
    put_who(&o);
    json_put_text(&o, "journal", f->journal);
    json_put_text(&o, "encoding", "UTF8");
    put_steps(&o, f);
    json_object_end(&o);
    return put_json(s, BLOCK_HEAD, &line, err);
}

/* ---- creating ---- */

static void add_word(struct str *to, const char *text)
{
    for (size_t i = 0; text && text[i] && i < 40; i++) {
        char c = text[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        str_add_char(to, plain ? c : '-');
    }
}

/* "20260421T123102.345Z-prune-production-1f2e3d4c": sorted by time, and nothing a shell would stumble over. */
static void name_it(struct safepoint *s, const struct safepoint_facts *facts, int64_t now)
{
    struct str id = {0};
    time_t seconds = (time_t)(now / 1000);
    struct tm tm;
    char stamp[32];
    gmtime_r(&seconds, &tm);
    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%S", &tm);
    str_printf(&id, "%s.%03dZ-", stamp, (int)(now % 1000));   /* "last" must be the last of a second, too */
    add_word(&id, facts->action);
    str_add_char(&id, '-');
    add_word(&id, facts->environment);
    str_printf(&id, "-%08x", (unsigned)randombytes_random());
    s->id = str_take(&id);
    struct str name = {0};
    str_printf(&name, "%s" SAFEPOINT_SUFFIX, s->id);
    s->path = file_join(s->dir, str_text(&name));
    str_free(&name);
    str_printf(&name, ".%s" SAFEPOINT_PARTIAL, s->id);
    s->partial = str_take(&name);
}

/* The lock says that the writer lives. Whoever cleaned up between the making and the locking took the file for an
 * abandoned one: then it has no name any more. */
static bool lock_partial(const struct safepoint *s)
{
    struct stat st;
    flock(s->fd, LOCK_EX);
    return fstat(s->fd, &st) != 0 || st.st_nlink > 0;
}

static bool open_partial(struct safepoint *s, struct err *err)
{
    enum { TRIES = 20 };
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    for (int i = 0; i < TRIES; i++) {
        s->fd = openat(s->dir_fd, s->partial, flags, 0600);
        if (s->fd < 0 || fchmod(s->fd, 0600) != 0)   /* a umask may have taken too much */
            return err_errno(err, ERR_GENERAL, errno, "cannot make a safepoint in %s", s->dir);
        if (lock_partial(s))
            return true;
        close(s->fd);
        s->fd = -1;
    }
    return err_set(err, ERR_GENERAL, "cannot make a safepoint in %s: others keep removing it", s->dir);
}

static bool start(struct safepoint *s, const struct safepoint_options *options, int64_t now, struct err *err)
{
    s->packer = packer_new(s->path, err);
    hash_init(&s->schema);
    return s->packer && open_partial(s, err) && packer_start(s->packer, s->fd, err) &&
           put_head(s, &options->facts, now, err);
}

bool safepoint_create(struct safepoint **safepoint, const struct safepoint_options *options, struct err *err)
{
    int64_t now = clock_wall_ms();
    struct safepoint *s = *safepoint = xcalloc(1, sizeof *s);
    s->dir_fd = s->fd = -1;
    s->dir = safepoint_dir(options->dir, options->state_dir, err);
    bool ok = s->dir != NULL;
    if (ok) {
        name_it(s, &options->facts, now);
        s->dir_fd = safepoint_dir_open(s->dir, !options->dir, err);
        ok = s->dir_fd >= 0;
    }
    if (ok)
        safepoint_dir_clean(s->dir_fd);
    ok = ok && (!options->lasting || options->dir || safepoint_dir_lasts(s->dir_fd, s->dir, err)) &&
         safepoint_dir_room(s->dir_fd, s->dir, options->estimated_bytes, err) && start(s, options, now, err);
    if (!ok) {
        safepoint_discard(s);
        *safepoint = NULL;
    }
    return ok;
}

/* ---- sections ---- */

bool safepoint_saves(const struct db_column *column) { return !column->generated; }

static const struct db_key *row_key(const struct db_table *table)
{
    const struct db_key *primary = db_table_primary_key(table);
    for (size_t i = 0; !primary && i < table->key_count; i++) {
        const struct db_key *key = &table->keys[i];
        bool whole = key->count > 0;
        for (size_t c = 0; c < key->count; c++)
            whole &= table->columns[key->columns[c]].not_null;
        if (whole)
            return key;
    }
    return primary;
}

static void put_columns(struct json_out *o, const struct db_table *table, bool generated)
{
    json_array(o);
    for (size_t i = 0; i < table->column_count; i++) {
        const struct db_column *c = &table->columns[i];
        if (safepoint_saves(c) == generated)
            continue;
        json_object(o);
        json_put_text(o, "name", c->name);
        json_put_text(o, "type", c->type.name);
        json_put_bool(o, "not_null", c->not_null);
        if (c->identity)
            json_put_text(o, "identity", c->identity_always ? "always" : "by default");
        if (c->identity || c->sequence)
            json_put_bool(o, "sequence", true);
        json_object_end(o);
    }
    json_array_end(o);
}

static const char *kind_word(enum safepoint_kind kind) { return kind == SAFEPOINT_DELETED ? "deleted" : "changed"; }

static void put_changes(struct json_out *o, const struct safepoint_section *section)
{
    json_key(o, "changes");
    json_array(o);
    for (size_t i = 0; i < section->change_count; i++) {
        const struct safepoint_change *change = &section->changes[i];
        json_object(o);
        json_put_text(o, "column", section->table->columns[change->column].name);
        if (change->known)
            json_put_text(o, "after", change->after);
        json_object_end(o);
    }
    json_array_end(o);
}

static void put_table(struct json_out *o, const struct safepoint_section *section)
{
    const struct db_table *table = section->table;
    const struct db_key *key = row_key(table);
    json_object(o);
    json_put_text(o, "schema", table->schema);
    json_put_text(o, "table", table->name);
    json_put_int(o, "oid", table->oid);
    json_put_text(o, "rows", kind_word(section->kind));
    json_key(o, "columns");
    put_columns(o, table, false);
    json_key(o, "generated");
    put_columns(o, table, true);
    json_key(o, "key");
    json_array(o);
    for (size_t i = 0; key && i < key->count; i++)
        json_text(o, table->columns[key->columns[i]].name);
    json_array_end(o);
    if (section->kind == SAFEPOINT_CHANGED) {
        put_changes(o, section);
        json_put_bool(o, "after_fields", section->after_fields);
    }
    json_object_end(o);
}

/* The digest of what the rows need to be put back: their tables' names and columns. */
static void add_schema(struct safepoint *s, const struct db_table *table)
{
    hash_add_field(&s->schema, table->schema);
    hash_add_field(&s->schema, table->name);
    for (size_t i = 0; i < table->column_count; i++) {
        hash_add_field(&s->schema, table->columns[i].name);
        hash_add_field(&s->schema, table->columns[i].type.name);
        hash_add_field(&s->schema, table->columns[i].not_null ? "not null" : NULL);
        hash_add_field(&s->schema, table->columns[i].generated ? "generated" : NULL);
    }
}

static bool usable(struct safepoint *s, struct err *err)
{
    if (s->broken || s->finished)
        return err_set(err, ERR_GENERAL, "the safepoint %s takes nothing more", s->path);
    if (!s->inside_line)
        return true;
    s->broken = true;
    return err_set(err, ERR_GENERAL, "the last row of a safepoint is not whole");
}

bool safepoint_section(struct safepoint *s, const struct safepoint_section *section, struct err *err)
{
    struct str line = {0};
    struct json_out o;
    if (!usable(s, err))
        return false;
    if (s->section_count == SECTIONS_MAX)
        return err_set(err, ERR_GENERAL, "a safepoint holds at most %d tables", SECTIONS_MAX);
    s->sections = xrealloc(s->sections, (s->section_count + 1) * sizeof *s->sections);
    s->sections[s->section_count++] = (struct section_done){.schema = xstrdup(section->table->schema),
        .table = xstrdup(section->table->name), .kind = section->kind};
    s->open = true;
    add_schema(s, section->table);
    json_begin(&o, &line);
    put_table(&o, section);
    return put_json(s, BLOCK_TABLE, &line, err);
}

bool safepoint_rows(struct safepoint *s, const char *bytes, size_t length, struct err *err)
{
    if (s->broken || !s->open)
        return err_set(err, ERR_GENERAL, "the safepoint %s takes no rows now", s->path);
    if (length == 0)
        return true;
    struct section_done *done = &s->sections[s->section_count - 1];
    for (const char *at = bytes, *end = bytes + length; (at = memchr(at, '\n', (size_t)(end - at))); at++) {
        done->rows++;
        s->rows++;
    }
    done->bytes += (int64_t)length;
    s->inside_line = bytes[length - 1] != '\n';
    return put_text(s, BLOCK_ROWS, bytes, length, err);
}

/* ---- COPY ---- */

#define EXACT_TEXTS                                                                                                   \
    "SAVEPOINT seedops_safepoint; SET LOCAL search_path = pg_catalog; SET LOCAL DateStyle = 'ISO'; "                  \
    "SET LOCAL IntervalStyle = 'postgres'; SET LOCAL TimeZone = 'UTC'; SET LOCAL extra_float_digits = 1; "            \
    "SET LOCAL bytea_output = 'hex'; SET LOCAL xmloption = 'content'; "
#define LEAVE_TEXTS "ROLLBACK TO SAVEPOINT seedops_safepoint; RELEASE SAVEPOINT seedops_safepoint"

static char *copy_sql(const struct safepoint_section *section)
{
    struct str sql = {0};
    bool first = true;
    str_add(&sql, EXACT_TEXTS "COPY (SELECT ");
    for (size_t i = 0; i < section->table->column_count; i++) {
        if (!safepoint_saves(&section->table->columns[i]))
            continue;
        str_add(&sql, first ? "t." : ", t.");
        first = false;
        db_quote_identifier(&sql, section->table->columns[i].name);
    }
    if (section->from) {
        str_printf(&sql, " %s", section->from);
    } else {
        str_add(&sql, section->table->kind == 'r' ? " FROM ONLY " : " FROM ");   /* what inherits is a table of its own */
        db_quote_relation(&sql, section->table->schema, section->table->name);
        str_add(&sql, " t");
    }
    str_add(&sql, ") TO STDOUT");
    return str_take(&sql);
}

static bool take_rows(struct safepoint *s, struct db *db, const struct safepoint_progress *progress, struct err *err)
{
    const char *row;
    size_t length;
    for (;;) {
        if (!db_copy_out_row(db, &row, &length, err))
            return false;
        if (!row)
            return true;
        if (!safepoint_rows(s, row, length, err)) {
            db_copy_out_abandon(db, NULL);
            return false;
        }
        if (progress && progress->rows && s->rows % TELL_EVERY == 0)
            progress->rows(progress->context, s->rows);
    }
}

bool safepoint_copy(struct safepoint *s, struct db *db, const struct safepoint_section *section,
                    const struct safepoint_progress *progress, int64_t *rows, struct err *err)
{
    int64_t before = s->rows;
    if (!safepoint_section(s, section, err))
        return false;
    char *sql = copy_sql(section);
    bool ok = db_copy_out_begin(db, sql, err) && take_rows(s, db, progress, err) &&
              db_run(db, LEAVE_TEXTS, 0, NULL, NULL, err);
    free(sql);
    if (!ok) {
        s->broken = true;
        return err_context(err, "saving the rows of \"%s\"", section->table->name);
    }
    if (rows)
        *rows = s->rows - before;
    return true;
}

/* ---- the end ---- */

static bool put_tail(struct safepoint *s, struct err *err)
{
    unsigned char check[CHECK_BYTES];
    char hex[2 * CHECK_BYTES + 1], schema[HASH_HEX];
    struct str line = {0};
    struct json_out o;
    packer_check(s->packer, check);
    sodium_bin2hex(hex, sizeof hex, check, sizeof check);
    hash_hex(&s->schema, schema);
    json_begin(&o, &line);
    json_object(&o);
    json_put_int(&o, "blocks", (int64_t)packer_blocks(s->packer));
    json_put_text(&o, "check", hex);
    json_put_text(&o, "schema", schema);
    json_put_int(&o, "rows", s->rows);
    json_key(&o, "sections");
    json_array(&o);
    for (size_t i = 0; i < s->section_count; i++) {
        json_object(&o);
        json_put_text(&o, "schema", s->sections[i].schema);
        json_put_text(&o, "table", s->sections[i].table);
        json_put_text(&o, "kind", kind_word(s->sections[i].kind));
        json_put_int(&o, "rows", s->sections[i].rows);
        json_put_int(&o, "bytes", s->sections[i].bytes);
        json_object_end(&o);
    }
    json_array_end(&o);
    json_object_end(&o);
    return put_json(s, BLOCK_TAIL, &line, err);
}

static bool into_place(struct safepoint *s, struct err *err)
{
    const char *name = strrchr(s->path, '/');
    name = name ? name + 1 : s->path;
    if (fsync(s->fd) != 0 || renameat(s->dir_fd, s->partial, s->dir_fd, name) != 0)
        return err_errno(err, ERR_GENERAL, errno, "cannot bring the safepoint %s to the disk", s->path);
    s->finished = true;
    if (fsync(s->dir_fd) != 0 && errno != EINVAL)   /* some file systems keep no directories to sync */
        return err_errno(err, ERR_GENERAL, errno, "cannot bring the directory of %s to the disk", s->path);
    return true;
}

bool safepoint_finish(struct safepoint *s, struct err *err)
{
    unsigned char foot[FOOT_BYTES];
    if (!usable(s, err))
        return false;
    bool ok = packer_end_block(s->packer, err) && packer_settle(s->packer, err);
    if (ok)
        format_foot(packer_bytes(s->packer), foot);
    ok = ok && put_tail(s, err) && packer_settle(s->packer, err) &&
         packer_write(s->packer, foot, sizeof foot, err) && into_place(s, err);
    s->broken |= !ok;
    return ok;
}

static void let_go(struct safepoint *s)
{
    packer_free(s->packer);
    if (s->fd >= 0)
        close(s->fd);
    if (s->dir_fd >= 0)
        close(s->dir_fd);
    for (size_t i = 0; i < s->section_count; i++) {
        free(s->sections[i].schema);
        free(s->sections[i].table);
    }
    free(s->sections);
    free(s->dir);
    free(s->id);
    free(s->path);
    free(s->partial);
    free(s);
}

void safepoint_free(struct safepoint *s)
{
    if (!s)
        return;
    if (!s->finished && s->fd >= 0)
        unlinkat(s->dir_fd, s->partial, 0);
    let_go(s);
}

void safepoint_discard(struct safepoint *s)
{
    if (s && s->finished) {
        unlink(s->path);
        fsync(s->dir_fd);
    }
    safepoint_free(s);
}

const char *safepoint_path(const struct safepoint *s) { return s->path; }
const char *safepoint_id(const struct safepoint *s) { return s->id; }
int64_t safepoint_saved(const struct safepoint *s) { return s->rows; }
