/* sentence - what is wrong, in one sentence: the first rule that applies speaks.
 *
 *   not connected · another database · migrations failed, modified, of another tool · all context tables empty · some of them ·
 *   fixtures that cannot be used · below the floor · pending · missing on disk · differences · could not look
 * · nothing wrong
 *
 * Emptiness comes before pending migrations: it is what someone was called for. */
#include "app/sentence.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "app/diagnosis.h"
#include "app/human.h"
#include "app/util.h"

/* The context tables that should have rows, counted. */
struct tally {
    int64_t context, empty, held, below, absent;
    int64_t written;                      /* empty, though rows were inserted once */
    int64_t missing, changed, extra;      /* that count: not allowed ones */
    int64_t uncompared, unread, fixtures, unread_fixtures;
    const struct fact_table *first_below, *first_different, *first_unread, *first_held;
};

static int64_t at_least_zero(int64_t n) { return clamp(n, 0, INT64_C(1) << 50); }

static bool is_context(const struct fact_table *t) { return text_same(t->class, "context"); }

/* Locked, not permitted, timed out, absent: whatever number stands there was not read. */
static bool is_unread(const struct fact_table *t) { return !t->held && (t->rows < 0 || !text_is_empty(t->note)); }

static void tally_diff(struct tally *all, const struct fact_table *t)
{
    if (t->fixture_rows < 0)
        return;
    all->fixtures++;
    if (t->missing < 0 && !t->held) {
        all->uncompared += !is_unread(t);
        all->unread_fixtures += is_unread(t);
        return;
    }
    int64_t changed = at_least_zero(t->changed) - at_least_zero(t->allowed_changed);
    int64_t extra = at_least_zero(t->extra) - at_least_zero(t->allowed_extra);
    all->missing += at_least_zero(t->missing);
    all->changed += at_least_zero(changed);
    all->extra += at_least_zero(extra);
    if (!all->first_different && (at_least_zero(t->missing) || changed > 0 || extra > 0))
        all->first_different = t;
}

static struct tally tally_of(const struct facts *f)
{
    struct tally all = {0};
    for (size_t i = 0; i < f->table_count; i++) {
        const struct fact_table *t = &f->tables[i];
        tally_diff(&all, t);
        if (is_context(t) && is_unread(t)) {
            all.unread++;
            if (!all.first_unread)
                all.first_unread = t;
        }
        if (!is_context(t) || (t->min_rows <= 0 && t->fixture_rows <= 0 && !t->held))
            continue;                    /* nothing says that it should have rows */
        all.context++;
        all.held += t->held;
        if (t->held && !all.first_held)
            all.first_held = t;
        if (t->held ? t->rows <= 0 : t->rows == 0 && !is_unread(t))
            all.empty++;
        all.written += !t->held && t->rows == 0 && !is_unread(t) && t->inserted > 0;
        if (!is_unread(t) && t->min_rows >= 0 && t->rows >= 0 && t->rows < t->min_rows) {
            all.below++;
            if (!all.first_below)
                all.first_below = t;
        }
    }
    return all;
}

static void add(char *to, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void add(char *to, size_t size, const char *format, ...)
{
    size_t used = strlen(to);
    va_list args;
    va_start(args, format);
    vsnprintf(to + used, size - used, format, args);
    va_end(args);
}

#define SAY(out, ...) add((out)->text, sizeof (out)->text, __VA_ARGS__)
#define NEXT(out, ...) add((out)->next, sizeof (out)->next, __VA_ARGS__)

static void word(struct sentence *out, enum sentence_mood mood, const char *text)
{
    out->mood = mood;
    snprintf(out->word, sizeof out->word, "%s", text);
}

static const char *s_of(int64_t n) { return n == 1 ? "" : "s"; }

static void say_schema(const struct facts *f, struct sentence *out)
{
    const struct fact_ledger *l = &f->ledger;
    int64_t all = at_least_zero(l->applied) + at_least_zero(l->pending);
    if (text_is_empty(l->tool))
        return;
    if (l->pending <= 0 && l->applied > 0)
        SAY(out, "; the schema is fully migrated (%lld of %lld)", (long long)l->applied, (long long)all);
    else if (l->pending > 0)
        SAY(out, "; %lld of %lld migration%s %s pending", (long long)l->pending, (long long)all, s_of(all),
            l->pending == 1 ? "is" : "are");
}

/* The first of the guard's reasons; where the environment is said to be local and is not, why that is. */
static const char *why_refused(const struct facts *f)
{
    const struct fact_guard *g = &f->guard;
    for (size_t i = 0; i < g->reason_count && text_same(f->server.role, "local"); i++)
        if (text_holds(or_empty(g->reasons[i].text), "not local: "))
            return g->reasons[i].text;
    return g->reason_count ? or_empty(g->reasons[0].text) : "the guard does not allow them.";
}

/* How a seed would be possible from here, or the line that would allow it. */
static void next_seed(const struct sentence_input *in, struct sentence *out)
{
    const struct fact_guard *g = &in->facts->guard;
    if (in->facts->server.in_recovery) {
        NEXT(out, "This server is a standby: seed its primary.");
    } else if (!g->seed_allowed) {
        NEXT(out, "Writes are refused here: %s", why_refused(in->facts));
        if (!text_is_empty(g->allow_line))
            NEXT(out, " This would allow them: %s", g->allow_line);
    } else if (in->write_mode) {
        NEXT(out, "Next: x s shows the plan of a seed.");
    } else {
        NEXT(out, "Next: W for write mode, then x s shows the plan of a seed.");
    }
}

static void next_migrate(const struct sentence_input *in, struct sentence *out)
{
    const struct fact_guard *g = &in->facts->guard;
    if (!g->migrate_allowed && g->reason_count)
        NEXT(out, "Migrating is refused here: %s", or_empty(g->reasons[0].text));
    else if (in->write_mode)
        NEXT(out, "Next: x a applies them; 2 shows them.");
    else
        NEXT(out, "Next: 2 shows them; W for write mode, then x a applies them.");
}

/* A phase is told of when it is over: what comes after it is being done. */
static const char *phase_words(const char *phase)
{
    static const struct { const char *over, *words; } table[] = {
        {"attempt", "not ready yet, tried again"}, {"resolve", "connecting to the SSH server"},
        {"connect", "checking the SSH server's key"}, {"host key", "logging in by SSH"},
        {"authenticate", "the SSH session stands; connecting to PostgreSQL"}, {"container", "connecting to PostgreSQL"},
        {"channel", "connecting to PostgreSQL"}, {"tls", "logging in to PostgreSQL"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (text_same(table[i].over, phase))
            return table[i].words;
    return text_is_empty(phase) ? "connecting" : phase;
}

/* ---- the rules, in order; each is true when it has spoken ---- */

static bool not_connected(const struct sentence_input *in, struct sentence *out)
{
    const struct facts *f = in->facts;
    if (text_is_empty(in->environment)) {
        word(out, MOOD_WAIT, "NONE");
        SAY(out, "No environment is open.");
        NEXT(out, "Press 0 for the list, then Enter on a line.");
        return true;
    }
    if (!text_is_empty(f->open_error.message)) {
        bool configured = !text_same(f->open_error.class, "config");
        word(out, MOOD_BAD, configured ? "UNREACHABLE" : "MISCONFIGURED");
        SAY(out, "%s", f->open_error.message);
        if (!text_is_empty(f->open_error.why))
            SAY(out, ": %s", f->open_error.why);
        if (!text_is_empty(f->open_error.hint))
            NEXT(out, "%s ", f->open_error.hint);
        NEXT(out,
             configured ? "r tries again." : "Then start seedops again: it reads its configuration once.");
        return true;
    }
    bool seen = f->status_partial || f->status_complete;
    if (text_same(f->phase, "lost") || text_same(f->phase, "closed") ||
        (seen && text_same(f->phase, "failed"))) {
        word(out, MOOD_BAD, "LOST");
        SAY(out, "The connection was lost");
        if (text_same(f->phase, "lost") && !text_is_empty(f->phase_text))
            SAY(out, " (%s)", f->phase_text);
        SAY(out, "; what is shown is from before.");
        NEXT(out, "r connects again.");
        return true;
    }
    if (!seen || (!text_is_empty(f->phase) && !text_same(f->phase, "ready"))) {
        word(out, MOOD_WAIT, "OPENING");
        SAY(out, "%s: %s", in->environment, phase_words(f->phase));
        if (!text_is_empty(f->phase_text))
            SAY(out, ", %s", f->phase_text);
        SAY(out, " \xe2\x80\xa6");
        if (seen)
            NEXT(out, "What is shown is from before.");
        return true;
    }
    return false;
}

static bool ledger_broken(const struct sentence_input *in, struct sentence *out)
{
    const struct fact_ledger *l = &in->facts->ledger;
    if (l->failed > 0) {
        word(out, MOOD_BAD, "FAILED");
        SAY(out, "%lld migration%s failed and block%s the rest.", (long long)l->failed, s_of(l->failed),
            l->failed == 1 ? "s" : "");
        NEXT(out, "Press 2: it shows the error; x p or x b resolves it once the database is put right.");
        return true;
    }
    if (l->modified > 0) {
        word(out, MOOD_BAD, "MODIFIED");
        SAY(out, "%lld applied migration%s on disk %s changed since.", (long long)l->modified,
            s_of(l->modified), l->modified == 1 ? "was" : "were");
        NEXT(out,
             "Put the file back as it was applied, and write the change as a new migration. 2 names it.");
        return true;
    }
    if (!text_is_empty(l->problem)) {
        word(out, MOOD_BAD, "LEDGER");
        SAY(out, "The migrations cannot be judged: %s.", l->problem);
        return true;
    }
    return false;
}

/* "Deleted by SQL between 11:52:10 and 12:08:44 UTC, certain: 5 shows the evidence." */
static bool say_cause(const struct sentence_input *in, struct sentence *out)
{
    const struct fact_diagnosis *d = &in->facts->diagnosis;
    char when[128];
    if (!in->facts->diagnosed || text_is_empty(d->verdict) || text_same(d->verdict, "healthy"))
        return false;
    diagnosis_time(d, in->wall_ms, when, sizeof when);
    SAY(out, "%s%s%s, %s%s: %s the evidence.", diagnosis_phrase(d->verdict), *when ? " " : "", when,
        or_empty(d->confidence), d->mixed ? " (not all tables alike)" : "",
        in->command ? "seedops diagnose has" : "5 shows");
    return true;
}

static void say_emptied(const struct tally *all, bool lost, struct sentence *out)
{
    bool every = all->empty == all->context;
    const char *one = lost ? "has lost its rows" : "is empty", *many = lost ? "have lost their rows" : "are empty";
    if (every && all->context == 1)
        SAY(out, "The only context table %s", one);
    else if (every)
        SAY(out, "All %lld context tables %s", (long long)all->context, many);
    else
        SAY(out, "%lld of %lld context tables %s", (long long)all->empty, (long long)all->context,
            all->empty == 1 ? one : many);
}

/* The schema is a word only while it is not whole: the Overview's last line has it, and a cause needs the room. */
static bool rows_gone_because(const struct sentence_input *in, const struct tally *all, struct sentence *out)
{
    const struct fact_diagnosis *d = &in->facts->diagnosis;
    bool every = all->empty == all->context, lost = text_same(d->verdict, "deleted") || text_same(d->verdict, "truncated");
    if (!in->facts->diagnosed || text_is_empty(d->verdict) || text_same(d->verdict, "healthy"))
        return false;
    word(out, MOOD_BAD, text_same(d->verdict, "never-seeded") ? "NEVER SEEDED" : every ? "EMPTY" : "ROWS LOST");
    say_emptied(all, lost, out);
    if (in->facts->ledger.pending > 0)
        say_schema(in->facts, out);
    SAY(out, ". ");
    return say_cause(in, out);
}

static bool rows_gone(const struct sentence_input *in, const struct tally *all, struct sentence *out)
{
    if (all->context == 0 || all->empty == 0)
        return false;
    bool every = all->empty == all->context;
    if (rows_gone_because(in, all, out)) {
        ;
    } else if (!every && all->held == 0) {
        return false;
    } else if (every && all->held == 0) {
        word(out, MOOD_BAD, all->written ? "EMPTY" : "NEVER SEEDED");
        if (all->context == 1)
            SAY(out, "The only context table is empty");
        else
            SAY(out, "All %lld context tables are empty", (long long)all->context);
        say_schema(in->facts, out);
        if (all->written)
            SAY(out, ". Rows were inserted once, and are gone or were never committed: 5 says which.");
        else
            SAY(out, ". Nothing says that %s ever held rows.", all->context == 1 ? "it" : "they");
    } else {
        word(out, MOOD_BAD, every ? "EMPTY" : "ROWS LOST");
        if (every && all->context == 1)
            SAY(out, "The only context table has lost its rows");
        else if (every)
            SAY(out, "All %lld context tables have lost their rows", (long long)all->context);
        else
            SAY(out, "%lld of %lld context tables %s", (long long)all->held, (long long)all->context,
                all->held == 1 ? "has lost its rows" : "have lost their rows");
        say_schema(in->facts, out);
        SAY(out, ". Deleted rows may still be readable: held.");
    }
    bool preserve = all->held && text_is_empty(in->facts->server.preserved) && !in->facts->server.in_recovery;
    if (preserve && in->facts->guard.seed_allowed && !in->write_mode && in->facts->ledger.pending == 0) {
        NEXT(out, "First W for write mode, then x p preserves; then x s shows the plan of a seed.");
        return true;
    }
    if (preserve)
        NEXT(out, "First preserve (x p). ");
    if (in->facts->ledger.pending > 0)
        next_migrate(in, out);
    else
        next_seed(in, out);
    return true;
}

/* Without sound fixtures nothing can be called true to them, and a seed would stop at once. */
static bool fixtures_broken(const struct sentence_input *in, struct sentence *out)
{
    if (text_is_empty(in->facts->problem))
        return false;
    word(out, MOOD_BAD, "FIXTURES");
    SAY(out, "%s", in->facts->problem);
    NEXT(out, "Put the fixture right, then r looks again.");
    return true;
}

static bool below_floor(const struct sentence_input *in, const struct tally *all, struct sentence *out)
{
    if (!all->below)
        return false;
    char rows[HUMAN], floor_rows[HUMAN];
    word(out, MOOD_BAD, "BELOW FLOOR");
    SAY(out, "%s has %s of at least %s rows", or_empty(all->first_below->name),
        human_count(rows, all->first_below->rows), human_count(floor_rows, all->first_below->min_rows));
    if (all->below > 1)
        SAY(out, ", and %lld more table%s too few", (long long)(all->below - 1),
            all->below == 2 ? " has" : "s have");
    SAY(out, ". ");
    say_cause(in, out);
    next_seed(in, out);
    return true;
}

static bool pending(const struct sentence_input *in, struct sentence *out)
{
    const struct fact_ledger *l = &in->facts->ledger;
    if (l->pending > 0) {
        bool nothing_yet = !l->exists && l->applied <= 0;
        word(out, MOOD_WARN, nothing_yet ? "NEW" : "PENDING");
        SAY(out, "%s%lld migration%s %s not applied yet.",
            nothing_yet ? "Nothing was migrated here so far: " : "", (long long)l->pending, s_of(l->pending),
            l->pending == 1 ? "is" : "are");
        if (!text_is_empty(l->lock_holder))
            SAY(out, " Someone else holds the ledger's lock: %s.", l->lock_holder);
        next_migrate(in, out);
        return true;
    }
    if (l->missing > 0) {
        word(out, MOOD_WARN, "MISSING ON DISK");
        SAY(out, "%lld applied migration%s %s not in this directory: is it an older checkout?",
            (long long)l->missing, s_of(l->missing), l->missing == 1 ? "is" : "are");
        NEXT(out, "Press 2: it names them.");
        return true;
    }
    return false;
}

static bool different(const struct sentence_input *in, const struct tally *all, struct sentence *out)
{
    if (!all->missing && !all->changed && !all->extra)
        return false;
    word(out, MOOD_WARN, "DIFFERENT");
    SAY(out, "The rows are not as declared: %lld missing, %lld changed, %lld extra.", (long long)all->missing,
        (long long)all->changed, (long long)all->extra);
    NEXT(out, "Enter on %s shows them. ", or_empty(all->first_different->name));
    if (all->missing || all->changed)
        next_seed(in, out);
    else
        NEXT(out, "A seed deletes nothing: extra rows stay until they are pruned.");
    return true;
}

static bool not_seen(const struct sentence_input *in, const struct tally *all, struct sentence *out)
{
    if (in->facts->status_partial && !in->facts->status_complete) {
        word(out, MOOD_WAIT, "LOOKING");
        SAY(out, "Connected; counting and comparing \xe2\x80\xa6");
        return true;
    }
    if (all->unread) {
        const char *note = or_empty(all->first_unread->note);
        word(out, MOOD_WARN, "UNREAD");
        SAY(out, "%lld context table%s could not be read: %s %s.", (long long)all->unread, s_of(all->unread),
            or_empty(all->first_unread->name), *note ? note : "has no count");
        NEXT(out, "%sr looks again.", text_holds(note, "locked") ? "6 shows who holds the lock; " : "");
        return true;
    }
    if (all->held) {
        word(out, MOOD_WARN, "HELD");
        SAY(out, "%s may have lost rows and is held: it is not read until you say so.",
            or_empty(all->first_held->name));
        NEXT(out, "x h on its line says what a scan costs.");
        return true;
    }
    return false;
}

static void healthy(const struct sentence_input *in, const struct tally *all, struct sentence *out)
{
    const struct fact_ledger *l = &in->facts->ledger;
    int64_t compared = all->fixtures - all->uncompared - all->unread_fixtures;
    word(out, MOOD_GOOD, "HEALTHY");
    if (text_is_empty(l->tool))
        SAY(out, "No migrations directory");
    else
        SAY(out, "%lld migration%s applied, none pending", (long long)l->applied, s_of(l->applied));
    if (all->fixtures == 0)
        SAY(out, "; no table has a fixture to compare it with.");
    else if (compared == 0 && in->facts->status_partial)
        SAY(out, "; comparing %lld table%s with their fixtures ...", (long long)all->uncompared, s_of(all->uncompared));
    else
        SAY(out, "; %lld table%s with fixtures %s as declared.", (long long)compared,
            s_of(compared), compared == 1 ? "is" : "are");
    if (all->uncompared && !in->facts->status_partial)
        NEXT(out, "%lld larger table%s not compared yet: Enter on its line does.", (long long)all->uncompared,
             all->uncompared == 1 ? " is" : "s are");
}

static const char *or_unknown(const char *text) { return text_is_empty(text) ? "unknown" : text; }

/* Whatever stands in it, it may not be the database that was meant. */
static bool identity_in_doubt(const struct sentence_input *in, struct sentence *out)
{
    const struct fact_identity *identity = &in->facts->server.identity;
    bool changed = text_same(identity->state, "changed"), copied = text_same(identity->state, "copy");
    if (!changed && !copied && !text_same(identity->state, "unreadable"))
        return false;
    word(out, MOOD_BAD, changed ? "IDENTITY CHANGED" : copied ? "A COPY" : "IDENTITY UNCERTAIN");
    if (changed && !text_same(identity->system_identifier, identity->pinned_identifier))
        SAY(out, "Another server answers: %s; it was %s. Nothing is written to it.", or_unknown(identity->system_identifier),
            or_unknown(identity->pinned_identifier));
    else if (changed)
        SAY(out, "Another database of that server answers: %s (oid %lld); it was %s (oid %lld). Nothing is written to it.",
            or_empty(identity->database), (long long)identity->database_oid, or_empty(identity->pinned_database),
            (long long)identity->pinned_oid);
    else if (!text_is_empty(identity->known_as))
        SAY(out, "It answers with the identity of %s: it is that server, or a copy of it.", identity->known_as);
    else
        SAY(out, "%s", or_empty(identity->sentence));
    if (changed || !text_is_empty(identity->known_as))
        NEXT(out, "If you know why: W for write mode, then x i accepts it.");
    else if (copied)
        NEXT(out, "If it is to be one of its own: W for write mode, then x n marks it.");
    return true;
}

void sentence_make(const struct sentence_input *in, struct sentence *out)
{
    *out = (struct sentence){0};
    if (not_connected(in, out))
        return;
    struct tally all = tally_of(in->facts);
    if (identity_in_doubt(in, out) || ledger_broken(in, out) || rows_gone(in, &all, out) || fixtures_broken(in, out) ||
        below_floor(in, &all, out) || pending(in, out) || different(in, &all, out) || not_seen(in, &all, out))
        return;
    healthy(in, &all, out);
}
