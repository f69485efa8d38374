/* known - the identity that answers, beside the ones that were pinned. */
#include "op/known.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/thread.h"
#include "op/session.h"

enum { SEEN_EVERY_MS = 60 * 60 * 1000 };   /* "last seen" is not worth a write more often */

/* ---- names ---- */

const char *known_config(const struct settings *settings, const struct environment *env)
{
    return env == settings->url_environment || !settings->file ? "" : settings->file;
}

/* A key of the file must survive being written as JSON. */
struct key { char config[PATH_MAX], environment[256]; };

static struct key key_of(const char *config, const char *environment)
{
    struct key key;
    text_visible_buf(key.config, sizeof key.config, config);
    text_visible_buf(key.environment, sizeof key.environment, environment);
    return key;
}

static void copy(char *out, size_t size, const char *text)
{
    text_visible_buf(out, size, text ? text : "");
}

static struct pin_identity identity_of(const struct db_identity *from)
{
    struct pin_identity to = {.database_oid = from->database_oid};
    snprintf(to.system_identifier, sizeof to.system_identifier, "%s", from->system_identifier);
    copy(to.database, sizeof to.database, from->database);
    return to;
}

void known_describe(const struct pin_identity *identity, struct str *out)
{
    str_printf(out, "server %s, database ", identity->system_identifier[0] ? identity->system_identifier : "unknown");
    text_visible(out, identity->database, strlen(identity->database));
    str_printf(out, " (oid %lu)", (unsigned long)identity->database_oid);
}

static void describe(const struct pin_identity *identity, char *out, size_t size)
{
    struct str text = {0};
    known_describe(identity, &text);
    snprintf(out, size, "%s", str_text(&text));
    str_free(&text);
}

/* ---- judging ---- */

static bool both_told(const char *a, const char *b) { return a[0] && b[0]; }

static bool differs(const struct pin_identity *a, const struct pin_identity *b)
{
    return (both_told(a->system_identifier, b->system_identifier) &&
            strcmp(a->system_identifier, b->system_identifier) != 0) ||
           a->database_oid != b->database_oid || strcmp(a->database, b->database) != 0;
}

static void judge_pin(const struct pin *pin, const struct environment *env, struct known *known)
{
    bool told = known->now.system_identifier[0] != '\0';
    known->state = told ? KNOWN_NEW : KNOWN_UNKNOWN;
    if (!pin)
        return;
    known->pinned = pin->identity;
    known->first_seen_ms = pin->first_seen_ms;
    known->last_seen_ms = pin->last_seen_ms;
    known->role_changed = strcmp(pin->role, role_name(env->role)) != 0;
    known->set_count = pin->set_count;
    memcpy(known->sets, pin->sets, sizeof known->sets);
    known->state = differs(&pin->identity, &known->now) ? KNOWN_CHANGED : told ? KNOWN_SAME : KNOWN_UNKNOWN;
    if (known->state == KNOWN_SAME)
        copy(known->clone_of, sizeof known->clone_of, pin->clone_of);
}

/* Of several pins of a server the one that says most: a production, an environment of a configuration. */
static int weight(const struct pin *pin)
{
    return 1 + 2 * (strcmp(pin->role, "production") == 0) + (pin->config[0] != '\0');
}

/* Does a non-local environment's pin speak of the server that answers? One that does not tell may be any of them. */
static void judge_others(const struct pins *pins, const struct pin *own, struct known *known)
{
    bool told = known->now.system_identifier[0] != '\0';
    int best = 0;
    for (size_t i = 0; i < pins->count; i++) {
        const struct pin *other = &pins->items[i];
        if (other == own || strcmp(other->role, "local") == 0 || weight(other) <= best)
            continue;
        bool same = told && strcmp(other->identity.system_identifier, known->now.system_identifier) == 0;
        if (told && (!same || strcmp(other->environment, known->clone_of) == 0))
            continue;
        best = weight(other);
        known->doubtful = !told;
        copy(known->known_as, sizeof known->known_as, other->environment);
    }
}

static void judge_mark(const struct environment *env, const struct mark *mark, const struct pin *own, struct known *known)
{
    const struct pin_identity *marked = &mark->identity;
    bool local = env->role == ROLE_LOCAL, says_more = false;
    if (mark->environment[0]) {
        bool other_server = both_told(marked->system_identifier, known->now.system_identifier) &&
                            strcmp(marked->system_identifier, known->now.system_identifier) != 0;
        if (other_server || marked->database_oid != known->now.database_oid)
            copy(known->copy_of, sizeof known->copy_of, mark->environment);
        if (strcmp(mark->role, role_name(env->role)) != 0) {
            char text[96];
            snprintf(text, sizeof text, "%.60s (%.15s)", mark->environment, mark->role);
            copy(known->marked_as, sizeof known->marked_as, text);
            says_more = strcmp(mark->role, "local") != 0;
        }
    }
    if (!says_more && mark->rails[0] && role_of_name(mark->rails) != ROLE_LOCAL && local) {
        char text[96];
        snprintf(text, sizeof text, "%.60s by Rails", mark->rails);
        copy(known->marked_as, sizeof known->marked_as, text);
        says_more = true;
    }
    bool accepted = own && own->mark && known->state == KNOWN_SAME && strcmp(own->mark, known->marked_as) == 0;
    known->mark_non_local = local && !accepted && (says_more || mark->unreadable || !mark->read);
    if (known->mark_non_local && !says_more)
        known->marked_as[0] = '\0';
}

void known_judge(const struct pins *pins, const char *config, const struct environment *env,
                 const struct pin_identity *now, const struct mark *mark, struct known *known)
{
    struct key key = key_of(config, env->name);
    const struct pin *own = pins_find(pins, key.config, key.environment);
    *known = (struct known){.now = *now};
    judge_pin(own, env, known);
    if (env->role == ROLE_LOCAL)
        judge_others(pins, own, known);
    judge_mark(env, mark, own, known);
    describe(&known->now, known->now_text, sizeof known->now_text);
    describe(&known->pinned, known->was_text, sizeof known->was_text);
}

/* ---- the file ---- */

struct visit {
    struct key key;
    const struct environment *env;
    const struct pin_identity *now;
    const struct known *accepted;    /* NULL: an ordinary visit */
};

/* Under the lock: what another process pinned meanwhile stands, unless this is what accepts it. */
static bool pin_visit(struct pins *pins, void *context)
{
    const struct visit *visit = context;
    int64_t now = clock_wall_ms();
    bool fresh = !pins_find(pins, visit->key.config, visit->key.environment);
    struct pin *pin = pins_put(pins, visit->key.config, visit->key.environment);
    const struct known *k = visit->accepted;
    if (!fresh && !k && differs(&pin->identity, visit->now))
        return false;
    if (fresh || k || !pin->identity.system_identifier[0])
        pin->identity = *visit->now;
    if (fresh || k)
        pin->first_seen_ms = now;
    pin->last_seen_ms = now;
    pin->role = role_name(visit->env->role);
    if (k) {
        const char *clone = k->known_as[0] && !k->doubtful ? k->known_as : k->clone_of;
        pin->clone_of = clone[0] ? clone : NULL;
        pin->mark = k->marked_as[0] ? k->marked_as : NULL;
    }
    return true;
}

static bool worth_a_write(const struct known *known)
{
    bool fresh = known->first_seen_ms == 0, upgrade = known->state == KNOWN_SAME && !known->pinned.system_identifier[0];
    return known->state != KNOWN_CHANGED &&
           (fresh || upgrade || known->role_changed || clock_wall_ms() - known->last_seen_ms >= SEEN_EVERY_MS);
}

static void why(char *out, size_t size, const struct err *err)
{
    char text[sizeof err->message + sizeof err->why + 4];
    snprintf(text, sizeof text, "%s%s%s", err->message, err->why[0] ? ": " : "", err->why);
    text_visible_buf(out, size, text);
}

static void say_once(struct session *s)
{
    struct str text = {0};
    bool trouble = known_sentence(&s->known, s->ctx->environment, &text);
    if (text.length && strcmp(str_text(&text), s->known_said) != 0) {
        snprintf(s->known_said, sizeof s->known_said, "%s", str_text(&text));
        ctx_log(s->ctx, trouble ? "warning" : "info", "%s", str_text(&text));
    }
    str_free(&text);
}

static void judge_session(struct session *s, const struct pins *pins, const struct db_identity *identity,
                          const struct mark *mark, struct known *known)
{
    const struct environment *env = s->ctx->environment;
    struct pin_identity now = identity_of(identity);
    known_judge(pins, known_config(s->ctx->settings, env), env, &now, mark, known);
}

/* What is planned on one database and written to another helps nobody. */
static void judge_split(const struct known *reading, struct known *direct)
{
    if (!differs(&reading->now, &direct->now))
        return;
    direct->split = true;
    memcpy(direct->was_text, reading->now_text, sizeof direct->was_text);
}

/* Judges, and says whether the visit is worth a note in the file. */
static bool judge_visit(struct session *s, const struct pins *pins, bool readable, const struct err *err)
{
    bool looked = s->identity.database_oid != 0, own_direct = s->direct && s->direct != s->db;
    if (looked)
        judge_session(s, pins, &s->identity, &s->mark, &s->known);
    if (own_direct)
        judge_session(s, pins, &s->direct_identity, &s->direct_mark, &s->direct_known);
    if (looked && own_direct)
        judge_split(&s->known, &s->direct_known);
    if (!readable && err->class == ERR_CONFIG) {
        why(s->known.broken, sizeof s->known.broken, err);
        snprintf(s->direct_known.broken, sizeof s->direct_known.broken, "%s", s->known.broken);
    } else if (!readable) {
        why(s->known.unrecorded, sizeof s->known.unrecorded, err);
    }
    return readable && looked && worth_a_write(&s->known);
}

static struct visit visit_of(const struct settings *settings, const struct environment *env,
                             const struct pin_identity *now)
{
    return (struct visit){.key = key_of(known_config(settings, env), env->name), .env = env, .now = now};
}

/* A note in the file that is written by a thread of its own: it waits for the disk. */
struct pinning {
    pthread_t thread;
    struct visit visit;
    struct pin_identity now;
    bool ok;
    struct err err;
};

static void *pin_apart(void *argument)
{
    struct pinning *p = argument;
    p->ok = pins_change(pin_visit, &p->visit, &p->err);
    return NULL;
}

static bool begin_pinning(struct session *s)
{
    struct pinning *p = xcalloc(1, sizeof *p);
    p->now = s->known.now;
    p->visit = visit_of(s->ctx->settings, s->ctx->environment, &p->now);
    if (thread_start(&p->thread, pin_apart, p)) {
        s->pinning = p;
        return true;
    }
    free(p);
    return false;
}

void known_settle(struct session *s)
{
    struct pinning *p = s->pinning;
    if (!p)
        return;
    pthread_join(p->thread, NULL);
    s->pinning = NULL;
    if (!p->ok) {
        why(s->known.unrecorded, sizeof s->known.unrecorded, &p->err);
        say_once(s);
    }
    free(p);
}

static void visit_alone(struct session *s, bool later)
{
    struct pins pins;
    struct err err = {0};
    bool readable = pins_read(&pins, &err);
    bool worth = judge_visit(s, &pins, readable, &err);
    pins_free(&pins);
    struct visit visit = visit_of(s->ctx->settings, s->ctx->environment, &s->known.now);
    if (worth && !(later && begin_pinning(s)) && !pins_change(pin_visit, &visit, &err))
        why(s->known.unrecorded, sizeof s->known.unrecorded, &err);
}

static void read_common(struct visits *v)
{
    if (v->read && !v->lasting)
        return;
    if (v->read)
        pins_free(&v->pins);
    err_clear(&v->problem);
    v->readable = pins_read(&v->pins, &v->problem);
    v->read = true;
}

/* Beside many others: what is to be noted waits for visits_settle. */
static void visit_common(struct session *s, struct visits *v)
{
    pthread_mutex_lock(&v->lock);
    read_common(v);
    if (judge_visit(s, &v->pins, v->readable, &v->problem)) {
        if (v->count == v->capacity)
            v->items = xrealloc(v->items, (v->capacity = v->capacity * 2 + 16) * sizeof *v->items);
        v->items[v->count++] = (struct visited){s->ctx->environment, s->known.now};
        struct visit visit = visit_of(v->settings, s->ctx->environment, &s->known.now);
        pin_visit(&v->pins, &visit);           /* the next look of this process is not the first */
    }
    pthread_mutex_unlock(&v->lock);
}

static void visit(struct session *s, bool later)
{
    known_settle(s);
    if (s->ctx->common)
        visit_common(s, s->ctx->common->visits);
    else
        visit_alone(s, later);
    say_once(s);
}

void known_visit(struct session *s) { visit(s, false); }
void known_visit_later(struct session *s) { visit(s, true); }

void visits_init(struct visits *v, const struct settings *settings, bool lasting)
{
    *v = (struct visits){.settings = settings, .lasting = lasting};
    pthread_mutex_init(&v->lock, NULL);
}

static bool pin_visits(struct pins *pins, void *context)
{
    const struct visits *v = context;
    bool changed = false;
    for (size_t i = 0; i < v->count; i++) {
        struct visit visit = visit_of(v->settings, v->items[i].environment, &v->items[i].now);
        changed |= pin_visit(pins, &visit);
    }
    return changed;
}

void visits_settle(struct visits *v, struct ctx *ctx)
{
    struct err err = {0};
    pthread_mutex_lock(&v->lock);
    bool ok = !v->count || pins_change(pin_visits, v, &err);
    v->count = 0;
    pthread_mutex_unlock(&v->lock);
    if (!ok)
        ctx_log(ctx, "warning", "which databases answered is not noted: %s%s%s", err.message, err.why[0] ? ": " : "",
                err.why);
}

void visits_free(struct visits *v)
{
    free(v->items);
    if (v->read)
        pins_free(&v->pins);
    pthread_mutex_destroy(&v->lock);
}

bool known_accept(struct session *s, struct err *err)
{
    const struct environment *env = s->ctx->environment;
    struct visit visit = visit_of(s->ctx->settings, env, &s->known.now);
    visit.accepted = &s->known;
    known_settle(s);
    if (!pins_change(pin_visit, &visit, err))
        return false;
    known_visit(s);
    return true;
}

struct forgetting { struct key key; struct pin_identity was; bool found; };

static bool drop(struct pins *pins, void *context)
{
    struct forgetting *f = context;
    const struct pin *pin = pins_find(pins, f->key.config, f->key.environment);
    f->found = pin != NULL;
    if (pin)
        f->was = pin->identity;
    return pins_remove(pins, f->key.config, f->key.environment);
}

bool known_forget(const char *config, const char *environment, struct pin_identity *was, struct err *err)
{
    struct forgetting f = {.key = key_of(config, environment)};
    if (!pins_change(drop, &f, err))
        return false;
    if (!f.found) {
        err_set(err, ERR_USAGE, "%s is not known yet, so there is nothing to forget", environment);
        return err_hint(err, "the next visit makes it known");
    }
    *was = f.was;
    return true;
}

struct adding { struct key key; const struct applied_set *set; };

static bool add_set(struct pins *pins, void *context)
{
    const struct adding *adding = context;
    struct pin *pin = pins_find(pins, adding->key.config, adding->key.environment);
    if (pin)
        pin_add_set(pin, adding->set);
    return pin != NULL;
}

void known_add_set(struct session *s, const struct applied_set *set)
{
    const struct environment *env = s->ctx->environment;
    struct adding adding = {.key = key_of(known_config(s->ctx->settings, env), env->name), .set = set};
    struct err err = {0};
    known_settle(s);
    if (!pins_change(add_set, &adding, &err))
        ctx_log(s->ctx, "warning", "which fixtures were applied is not noted: %s%s%s", err.message,
                err.why[0] ? ": " : "", err.why);
}

/* ---- facts ---- */

void known_guard_facts(const struct known *known, struct guard_facts *facts)
{
    facts->known_non_local = known->known_as[0] && !known->doubtful;
    facts->perhaps_non_local = known->doubtful;
    facts->known_as = known->known_as;
    facts->mark_non_local = known->mark_non_local;
    facts->marked_as = known->marked_as[0] ? known->marked_as : NULL;
    facts->identity_changed = known->state == KNOWN_CHANGED;
    facts->identity_split = known->split;
    facts->identity_was = known->was_text;
    facts->identity_is = known->now_text;
    facts->identity_unreadable = known->broken[0] != '\0';
    facts->identity_file = "known_databases";
}

struct says { const struct known *known; const char *name; struct str *out; };

static bool says_broken(const struct says *s)
{
    if (!s->known->broken[0])
        return false;
    str_printf(s->out, "IDENTITY UNCERTAIN: %s. Nothing is written until that file is put right.", s->known->broken);
    return true;
}

static bool says_changed(const struct says *s)
{
    if (s->known->state != KNOWN_CHANGED)
        return false;
    str_printf(s->out, "THE IDENTITY CHANGED: this is not the database that is known as %s. It was %s; it is now %s. Writes are "
               "refused until one who knows why has accepted it: seedops envs --accept %s", s->name, s->known->was_text,
               s->known->now_text, s->name);
    return true;
}

static bool says_known(const struct says *s)
{
    if (!s->known->known_as[0] || s->known->doubtful)
        return false;
    str_printf(s->out, "COPY: this answers with the identity of %s, so it is that server or a copy of it (a base backup, a "
               "snapshot, a branch). It counts as not local until it is accepted as a copy: seedops envs --accept %s",
               s->known->known_as, s->name);
    return true;
}

static bool says_copy(const struct says *s)
{
    if (!s->known->copy_of[0])
        return false;
    str_printf(s->out, "COPY: this database is a copy of %s: it has its mark, which was made on another server or in another "
               "database. seedops mark %s marks it as its own", s->known->copy_of, s->name);
    return true;
}

static bool says_marked(const struct says *s)
{
    if (s->known->mark_non_local && !s->known->marked_as[0])
        str_printf(s->out, "MARK UNREAD: whether the database has a mark could not be read, so it counts as not local");
    else if (s->known->mark_non_local)
        str_printf(s->out, "MARKED: the database is marked as %s; the configuration calls it %s. The more careful one "
                   "counts, until it is accepted: seedops envs --accept %s", s->known->marked_as, s->name, s->name);
    return s->known->mark_non_local;
}

static bool says_unknown(const struct says *s)
{
    if (s->known->state == KNOWN_UNKNOWN)
        str_printf(s->out, "identity unknown: the server does not tell which it is (pg_control_system() is not permitted or "
                   "absent)%s%s%s", s->known->doubtful ? ", so it may be " : "", s->known->known_as,
                   s->known->doubtful ? " and counts as not local" : "");
    return s->known->state == KNOWN_UNKNOWN;
}

static bool says_unrecorded(const struct says *s)
{
    if (s->known->unrecorded[0])
        str_printf(s->out, "which database this is was not noted, so a later change would go unseen: %s",
                   s->known->unrecorded);
    return s->known->unrecorded[0] != '\0';
}

bool known_sentence(const struct known *known, const struct environment *env, struct str *out)
{
    static bool (*const trouble[])(const struct says *) = {says_broken, says_changed, says_known, says_copy, says_marked};
    struct key key = key_of("", env->name);
    struct says says = {.known = known, .name = key.environment, .out = out};
    for (size_t i = 0; i < sizeof trouble / sizeof *trouble; i++)
        if (trouble[i](&says))
            return true;
    if (!says_unknown(&says))
        says_unrecorded(&says);
    return false;
}

/* The state in one word, for JSON and the header. */
static const char *state_word(const struct known *known)
{
    static const char *const states[] = {[KNOWN_NEW] = "new", [KNOWN_SAME] = "known", [KNOWN_CHANGED] = "changed",
                                         [KNOWN_UNKNOWN] = "unknown"};
    bool copied = (known->known_as[0] && !known->doubtful) || known->copy_of[0];
    return known->broken[0] ? "unreadable" : known->state == KNOWN_CHANGED ? "changed" : copied ? "copy"
           : known->mark_non_local ? "marked" : states[known->state];
}

void known_fact(const struct known *known, const struct environment *env, struct fact_identity *fact)
{
    struct str sentence = {0};
    *fact = (struct fact_identity){.trouble = known_sentence(known, env, &sentence)};
    fact->sentence = str_take(&sentence);
    fact->state = xstrdup(state_word(known));
    fact->system_identifier = xstrdup(known->now.system_identifier);
    fact->database = xstrdup(known->now.database);
    fact->database_oid = known->now.database_oid;
    fact->pinned_identifier = xstrdup(known->pinned.system_identifier);
    fact->pinned_database = xstrdup(known->pinned.database);
    fact->pinned_oid = known->pinned.database_oid;
    fact->first_seen_ms = known->first_seen_ms;
    fact->known_as = xstrdup(known->known_as);
    fact->clone_of = xstrdup(known->clone_of);
    fact->marked_as = xstrdup(known->marked_as);
    fact->copy_of = xstrdup(known->copy_of);
}
