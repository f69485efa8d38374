/* pins - reading, changing and writing known_databases. */
#include "config/pins.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"

enum { PINS_FILE_MAX = 16 * 1024 * 1024, LOCK_MS = 1000 };

static const char first_line[] = "{\"format\":\"seedops known databases\",\"version\":1}";

/* ---- in memory ---- */

struct pin *pins_find(const struct pins *pins, const char *config, const char *environment)
{
    for (size_t i = 0; i < pins->count; i++)
        if (strcmp(pins->items[i].environment, environment) == 0 && strcmp(pins->items[i].config, config) == 0)
            return &pins->items[i];
    return NULL;
}

struct pin *pins_put(struct pins *pins, const char *config, const char *environment)
{
    struct pin *pin = pins_find(pins, config, environment);
    if (pin)
        return pin;
    pins->items = xrealloc(pins->items, (pins->count + 1) * sizeof *pins->items);
    pin = &pins->items[pins->count++];
    *pin = (struct pin){.config = arena_strdup(&pins->arena, config),
                        .environment = arena_strdup(&pins->arena, environment), .role = ""};
    return pin;
}

bool pins_remove(struct pins *pins, const char *config, const char *environment)
{
    struct pin *pin = pins_find(pins, config, environment);
    if (!pin)
        return false;
    *pin = pins->items[--pins->count];
    return true;
}

void pin_add_set(struct pin *pin, const struct applied_set *set)
{
    struct applied_set newest = *set;   /* it may be one of the array */
    size_t at = 0;
    while (at < pin->set_count && strcmp(pin->sets[at].digest, newest.digest) != 0)
        at++;
    if (at == pin->set_count && at < APPLIED_SETS)
        pin->set_count++;
    if (at == APPLIED_SETS)
        at--;
    memmove(pin->sets + 1, pin->sets, at * sizeof *pin->sets);
    pin->sets[0] = newest;
}

void pins_free(struct pins *pins)
{
    arena_free(&pins->arena);
    free(pins->items);
    *pins = (struct pins){0};
}

/* ---- bytes to pins ---- */

/* Where in which file; the first thing that is wrong stops the reading. */
struct reader { struct pins *pins; const char *file; unsigned line; struct err *err; };

static bool wrong(const struct reader *r, const char *what)
{
    err_set(r->err, ERR_CONFIG, "known_databases cannot be read: %s", what);
    err_why(r->err, "it says which server each environment was; without it a wrong one cannot be recognised");
    err_hint(r->err, "put the line right, or remove the file after a look at it: every environment is new then");
    return err_at(r->err, r->file, r->line, 0);
}

/* A text that fits `size`, of `allowed` characters only (NULL: any); absent reads as "". */
static bool take_text(const struct reader *r, const struct json *object, const char *key, const char *allowed, char *out,
                      size_t size)
{
    char what[96];
    const struct json *value = json_get(object, key);
    const char *text = json_text_of(value);
    if (!value || json_is_null(value)) {
        out[0] = '\0';
        return true;
    }
    if (text && strlen(text) < size && (!allowed || strspn(text, allowed) == strlen(text))) {
        memcpy(out, text, strlen(text) + 1);
        return true;
    }
    snprintf(what, sizeof what, "\"%s\" is not what it should be", key);
    return wrong(r, what);
}

static bool take_number(const struct reader *r, const struct json *object, const char *key, int64_t most, int64_t *out)
{
    char what[96];
    const struct json *value = json_get(object, key);
    *out = json_int_of(value, value ? -1 : 0);
    if (*out >= 0 && *out <= most)
        return true;
    snprintf(what, sizeof what, "\"%s\" is not a number in its range", key);
    return wrong(r, what);
}

/* Gives NULL where the key is absent. */
static bool take_name(const struct reader *r, const struct json *object, const char *key, const char **out)
{
    char text[PATH_MAX];
    const struct json *value = json_get(object, key);
    if (!take_text(r, object, key, NULL, text, sizeof text))
        return false;
    *out = value && !json_is_null(value) ? arena_strdup(&r->pins->arena, text) : NULL;
    return true;
}

static const char digits[] = "0123456789", hexadecimal[] = "0123456789abcdef";

static bool take_set(const struct reader *r, const struct json *object, struct applied_set *set)
{
    return take_text(r, object, "digest", hexadecimal, set->digest, sizeof set->digest) &&
           (set->digest[0] || wrong(r, "a fixture set has no digest")) &&
           take_text(r, object, "commit", hexadecimal, set->commit, sizeof set->commit) &&
           take_text(r, object, "by", NULL, set->by, sizeof set->by) &&
           take_number(r, object, "dated_ms", INT64_MAX, &set->dated_ms) &&
           take_number(r, object, "applied_ms", INT64_MAX, &set->applied_ms);
}

static bool take_sets(const struct reader *r, const struct json *object, struct pin *pin)
{
    const struct json *sets = json_get(object, "fixtures");
    if (sets && !json_is_array(sets))
        return wrong(r, "\"fixtures\" is not a list");
    if (json_count(sets) > APPLIED_SETS)
        return wrong(r, "\"fixtures\" has too many sets");
    for (size_t i = 0; i < json_count(sets); i++)
        if (!take_set(r, json_at(sets, i), &pin->sets[pin->set_count++]))
            return false;
    return true;
}

static bool take_identity(const struct reader *r, const struct json *object, struct pin_identity *identity)
{
    int64_t oid = 0;
    if (!take_text(r, object, "system_identifier", digits, identity->system_identifier,
                   sizeof identity->system_identifier) ||
        !take_number(r, object, "database_oid", UINT32_MAX, &oid) ||
        !take_text(r, object, "database", NULL, identity->database, sizeof identity->database))
        return false;
    identity->database_oid = (uint32_t)oid;
    return oid ? true : wrong(r, "\"database_oid\" is missing");
}

static bool take_pin(const struct reader *r, const struct json *object)
{
    const char *config, *environment, *role;
    if (!json_is_object(object))
        return wrong(r, "the line is not a JSON object");
    if (!take_name(r, object, "config", &config) || !take_name(r, object, "environment", &environment) ||
        !take_name(r, object, "role", &role))
        return false;
    if (!environment || !*environment)
        return wrong(r, "\"environment\" is missing");
    if (!role || (strcmp(role, "local") != 0 && strcmp(role, "staging") != 0 && strcmp(role, "production") != 0))
        return wrong(r, "\"role\" is none of local, staging, production");
    if (pins_find(r->pins, config ? config : "", environment))
        return wrong(r, "the environment is there twice");
    struct pin *pin = pins_put(r->pins, config ? config : "", environment);
    pin->role = role;
    return take_identity(r, object, &pin->identity) &&
           take_number(r, object, "first_seen_ms", INT64_MAX, &pin->first_seen_ms) &&
           take_number(r, object, "last_seen_ms", INT64_MAX, &pin->last_seen_ms) &&
           take_name(r, object, "clone_of", &pin->clone_of) && take_name(r, object, "mark", &pin->mark) &&
           take_sets(r, object, pin);
}

static bool take_line(const struct reader *r, const char *line, size_t length)
{
    struct json *root = NULL;
    struct err err = {0};
    if (r->line == 1)
        return (length == strlen(first_line) && memcmp(line, first_line, length) == 0) ||
               wrong(r, "its first line is not that of a file of this version");
    bool ok = json_parse(&root, line, length, &err) ? take_pin(r, root) : wrong(r, "the line is not JSON");
    json_free(root);
    return ok;
}

bool pins_parse(struct pins *pins, const char *file, const char *bytes, size_t length, struct err *err)
{
    struct reader r = {.pins = pins, .file = file, .err = err};
    *pins = (struct pins){0};
    if (length == 0) {
        r.line = 1;
        return wrong(&r, "it is empty");
    }
    for (const char *at = bytes, *end = bytes + length; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        r.line++;
        if (!stop)
            return wrong(&r, "its last line has no end: it was cut off");
        if (!take_line(&r, at, (size_t)(stop - at)))
            return false;
        at = stop + 1;
    }
    return true;
}

/* ---- pins to bytes ---- */

static void put_set(struct json_out *o, const struct applied_set *set)
{
    json_object(o);
    json_put_text(o, "digest", set->digest);
    json_put_text(o, "commit", set->commit[0] ? set->commit : NULL);
    json_put_text(o, "by", set->by);
    json_put_int(o, "dated_ms", set->dated_ms);
    json_put_int(o, "applied_ms", set->applied_ms);
    json_object_end(o);
}

static void put_pin(struct json_out *o, const struct pin *pin)
{
    json_object(o);
    json_put_text(o, "config", pin->config);
    json_put_text(o, "environment", pin->environment);
    json_put_text(o, "role", pin->role);
    json_put_text(o, "system_identifier", pin->identity.system_identifier);
    json_put_int(o, "database_oid", pin->identity.database_oid);
    json_put_text(o, "database", pin->identity.database);
    json_put_int(o, "first_seen_ms", pin->first_seen_ms);
    json_put_int(o, "last_seen_ms", pin->last_seen_ms);
    if (pin->clone_of)
        json_put_text(o, "clone_of", pin->clone_of);
    if (pin->mark)
        json_put_text(o, "mark", pin->mark);
    json_key(o, "fixtures");
    json_array(o);
    for (size_t i = 0; i < pin->set_count; i++)
        put_set(o, &pin->sets[i]);
    json_array_end(o);
    json_object_end(o);
}

void pins_format(const struct pins *pins, struct str *out)
{
    str_printf(out, "%s\n", first_line);
    for (size_t i = 0; i < pins->count; i++) {
        struct json_out o;
        json_begin(&o, out);
        put_pin(&o, &pins->items[i]);
        str_add_char(out, '\n');
    }
}

/* ---- the file ---- */

bool pins_path(char *out, size_t size, struct err *err)
{
    char dir[PATH_MAX];
    if (!file_state_dir(dir, sizeof dir, err))
        return false;
    return (size_t)snprintf(out, size, "%s/known_databases", dir) < size ||
           err_set(err, ERR_GENERAL, "the path of known_databases is too long");
}

bool pins_read(struct pins *pins, struct err *err)
{
    char path[PATH_MAX], *bytes;
    size_t length;
    *pins = (struct pins){0};
    if (!pins_path(path, sizeof path, err))
        return false;
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return true;
    if (!file_read(path, PINS_FILE_MAX, &bytes, &length, err)) {
        /* what it knew is not known to us, which is not the same as nothing: nor where we may not even look */
        bool perhaps = access(path, F_OK) == 0 || errno == EACCES;
        if (perhaps && err)
            err->class = ERR_CONFIG;
        return perhaps ? err_hint(err, "put it right, or move it away: every environment is new then") : false;
    }
    bool ok = pins_parse(pins, path, bytes, length, err);
    free(bytes);
    return ok;
}

static bool write_pins(const struct pins *pins, const char *path, struct err *err)
{
    struct str text = {0};
    pins_format(pins, &text);
    bool ok = file_write_atomic(path, str_text(&text), text.length, 0600, err);
    str_free(&text);
    return ok;
}

bool pins_change(bool (*change)(struct pins *pins, void *context), void *context, struct err *err)
{
    char path[PATH_MAX];
    struct pins pins;
    int lock;
    if (!pins_path(path, sizeof path, err))
        return false;
    char *dir = file_dirname(path), *lock_path = file_join(dir, "lock");
    bool ok = file_make_dirs(dir, 0700, err) && file_lock(lock_path, LOCK_MS, &lock, err);
    free(lock_path);
    free(dir);
    if (!ok)
        return false;
    ok = pins_read(&pins, err);
    if (ok && change(&pins, context))
        ok = write_pins(&pins, path, err);
    pins_free(&pins);
    close(lock);
    return ok;
}
