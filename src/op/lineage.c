/* lineage - the session's fixture set beside those that were applied here. */
#include "op/lineage.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "config/checkout.h"
#include "op/known.h"

const char *lineage_user(void)
{
    const struct passwd *user = getpwuid(geteuid());
    return user ? user->pw_name : "";
}

const char *lineage_host(char *out, size_t size)
{
    out[0] = '\0';
    gethostname(out, size - 1);
    out[size - 1] = '\0';
    return out;
}

static void newest(const char *path, int64_t *ms)
{
    struct stat st;
    if (!path || stat(path, &st) != 0)
        return;
    int64_t changed = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
    if (changed > *ms)
        *ms = changed;
}

void lineage_own(const struct session *s, struct applied_set *set)
{
    char host[256], by[400];
    *set = (struct applied_set){.applied_ms = clock_wall_ms()};
    snprintf(set->digest, sizeof set->digest, "%s", s->fixtures.count ? s->fixtures.digest : "");
    if (s->ctx->settings->seeds_dir)
        checkout_commit(s->ctx->settings->seeds_dir, set->commit);
    for (size_t i = 0; i < s->fixtures.count; i++) {
        newest(s->fixtures.items[i].path, &set->dated_ms);
        newest(s->fixtures.items[i].rows_path, &set->dated_ms);
    }
    snprintf(by, sizeof by, "%s@%s", lineage_user(), lineage_host(host, sizeof host));
    text_visible_buf(set->by, sizeof set->by, by);
}

/* ---- judging ---- */

enum lineage lineage_judge(const struct applied_set *own, const struct applied_set *sets, size_t count)
{
    if (count == 0 || !own->digest[0])
        return LINEAGE_FIRST;
    if (strcmp(own->digest, sets[0].digest) == 0)
        return LINEAGE_SAME;
    for (size_t i = 1; i < count; i++)
        if (strcmp(own->digest, sets[i].digest) == 0)
            return LINEAGE_OLDER;
    if (own->dated_ms <= 0 || sets[0].dated_ms <= 0 || own->dated_ms == sets[0].dated_ms)
        return LINEAGE_UNKNOWN;
    return own->dated_ms > sets[0].dated_ms ? LINEAGE_NEWER : LINEAGE_OLDER;
}

const char *lineage_name(enum lineage lineage)
{
    static const char *const names[] = {[LINEAGE_FIRST] = "first", [LINEAGE_SAME] = "same", [LINEAGE_NEWER] = "newer",
                                        [LINEAGE_OLDER] = "older", [LINEAGE_UNKNOWN] = "unknown"};
    return names[lineage];
}

bool lineage_stale(enum lineage lineage) { return lineage == LINEAGE_OLDER || lineage == LINEAGE_UNKNOWN; }

/* The trail knows of every machine, this machine's file only of its own writes. */
static const struct applied_set *sets_of(const struct session *s, size_t *count)
{
    const struct mark *mark = s->direct && s->direct != s->db ? &s->direct_mark : &s->mark;
    *count = mark->set_count ? mark->set_count : s->known.set_count;
    return mark->set_count ? mark->sets : s->known.sets;
}

/* "commit 1a2b3c4", or the set's own digest where no commit is known. */
static void add_set(struct str *out, const struct applied_set *set)
{
    str_printf(out, "%s %.7s", set->commit[0] ? "commit" : "set", set->commit[0] ? set->commit : set->digest);
}

static void add_day(struct str *out, int64_t wall_ms)
{
    char text[32];
    clock_format_utc(wall_ms, text, sizeof text);
    str_printf(out, "%.10s %.5s UTC", text, text + 11);
}

static void add_applied(struct str *out, const struct applied_set *set)
{
    add_set(out, set);
    str_add(out, ", by ");
    text_visible(out, set->by, strlen(set->by));
    str_add(out, " on ");
    add_day(out, set->applied_ms);
}

static void say(const struct applied_set *own, const struct applied_set *sets, size_t count, enum lineage lineage,
                struct str *out)
{
    const struct applied_set *before = NULL;
    for (size_t i = 1; i < count; i++)
        if (strcmp(own->digest, sets[i].digest) == 0)
            before = &sets[i];
    str_add(out, lineage == LINEAGE_OLDER ? "OLDER FIXTURES: these (" : "UNKNOWN FIXTURES: whether these (");
    add_set(out, own);
    if (before) {
        str_add(out, ") were applied here on ");
        add_day(out, before->applied_ms);
        str_add(out, ", before the ones applied last (");
    } else if (lineage == LINEAGE_OLDER) {
        str_add(out, ") are dated ");
        add_day(out, own->dated_ms);
        str_add(out, ", before the ones applied here last, dated ");
        add_day(out, sets[0].dated_ms);
        str_add(out, " (");
    } else {
        str_add(out, ") are newer than the ones applied here last cannot be told (");
    }
    add_applied(out, &sets[0]);
    str_add(out, ").");
}

enum lineage lineage_of(const struct session *s, struct str *sentence)
{
    struct applied_set own;
    size_t count;
    const struct applied_set *sets = sets_of(s, &count);
    lineage_own(s, &own);
    enum lineage lineage = lineage_judge(&own, sets, count);
    if (sentence && lineage_stale(lineage))
        say(&own, sets, count, lineage, sentence);
    return lineage;
}

void lineage_remember(struct session *s)
{
    struct applied_set own;
    lineage_own(s, &own);
    known_add_set(s, &own);
}
