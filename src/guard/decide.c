/* decide - may this action run on this environment, now? (SAFETY 2)
 *
 * The table `needs` is SAFETY's, row by row; everything else turns facts into "local or not" and missing
 * needs into sentences. Pure: it knows no connection, no configuration, no environment and no clock; op
 * collects the facts, screens and commands show the answer. */
#include "guard/decide.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum need {
    NEED_WRITE_MODE = 1,      /* the console's W; a command is its own request */
    NEED_NAME = 2,            /* typed in full */
    NEED_NAME_OR_TARGET = 4,  /* or, as a command, the environment or URL named: explicit enough */
    NEED_ALLOW = 8,           /* ALLOW_PROD_SEED */
    NEED_MIRACLE = 16,        /* never */
    NEED_OPERATIONAL = 32     /* the names of operational tables that lose rows; from the request, not the class */
};

/* `remote` is what a non-local environment needs in addition; `action` the command of a class that has only
 * one, since a line that would do something else than what was asked is worse than none. */
static const struct {
    const char *name, *action;
    unsigned local, remote;
    bool writes;              /* a standby cannot do it */
    bool needs_direct;        /* DDL and session locks: not through a transaction pooler (case B1) */
} needs[GUARD_CLASS_COUNT] = {
    [GUARD_READ] = {"read", "status", 0, 0, false, false},
    [GUARD_SESSION] = {"session", "", NEED_WRITE_MODE, NEED_NAME, false, false},
    [GUARD_KEEP] = {"keep", "", NEED_WRITE_MODE, NEED_NAME, true, false},
    [GUARD_MIGRATE] = {"migrate", "migrate", NEED_WRITE_MODE, NEED_NAME_OR_TARGET, true, true},
    [GUARD_SEED] = {"seed", "seed", NEED_WRITE_MODE, NEED_ALLOW, true, false},
    [GUARD_DESTROY] = {"destroy", "", NEED_NAME, NEED_ALLOW, true, false},
    [GUARD_WIPE] = {"wipe", "reset --schema", NEED_NAME, NEED_MIRACLE, true, true},
};

const char *guard_class_name(enum guard_class class) { return needs[class].name; }

bool guard_allows_prod_seed(const char *variable)
{
    static const char *const no[] = {"", "0", "false", "no", "off"};
    if (!variable)
        return false;
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
        const char *a = variable, *b = no[i];
        while (*a && *b && (*a >= 'A' && *a <= 'Z' ? *a + 32 : *a) == *b)
            a++, b++;
        if (!*a && !*b)
            return false;
    }
    return true;
}

__attribute__((format(printf, 2, 3)))
static void say(struct guard_answer *answer, const char *format, ...)
{
    if (!answer || answer->reason_count == GUARD_REASONS)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(answer->reasons[answer->reason_count++], GUARD_REASON, format, args);
    va_end(args);
}

/* A name inside a sentence: short enough to leave the sentence whole, and nothing a terminal would obey. */
struct shown { char text[72]; };
static struct shown show(const char *name)
{
    struct shown s;
    text_visible_buf(s.text, sizeof s.text, name ? name : "");
    return s;
}

/* ---- local or not ---- */

static bool socket_is_local(const struct guard_facts *f, struct guard_answer *answer)
{
    if (f->peer_forwards == GUARD_YES) {
        say(answer, "It is not local: its socket belongs to %s, which forwards to another machine.",
            f->peer_program && *f->peer_program ? show(f->peer_program).text : "a program");
        return false;
    }
    if (f->peer_forwards == GUARD_UNKNOWN) {
        say(answer, "It counts as not local: which program answers on its socket could not be found out.");
        return false;
    }
    return true;
}

static bool tcp_is_local(const struct guard_facts *f, struct guard_answer *answer)
{
    if (f->loopback != GUARD_YES) {
        say(answer, f->loopback == GUARD_NO
            ? "It is not local: its address is not a loopback address."
            : "It counts as not local: whether its address is a loopback address could not be found out.");
        return false;
    }
    if (f->sees_our_socket == GUARD_YES || f->container_here == GUARD_YES)
        return true;
    say(answer, f->sees_our_socket == GUARD_NO
        ? "It is not local: the server does not see our own socket, so something forwards this connection."
        : "It counts as not local: whether the server sees our own socket could not be found out.");
    return false;
}

static bool place_is_local(const struct guard_facts *f, struct guard_answer *answer)
{
    if (f->tunnel) {
        say(answer, "It is not local: it is reached through a tunnel.");
        return false;
    }
    return f->unix_socket ? socket_is_local(f, answer) : tcp_is_local(f, answer);
}

/* A server of this machine with the identity of one elsewhere was copied from it, byte for byte. */
static void say_known(const struct guard_facts *f, struct guard_answer *answer)
{
    bool named = f->known_as && *f->known_as;
    struct shown name = show(f->known_as);
    if (place_is_local(f, NULL) && named)
        say(answer, "It counts as not local: it has the identity of %s, so it is that server or a copy of it.", name.text);
    else
        say(answer, "It is not local: this server is known as %s.", named ? name.text : "one of another environment");
}

static bool identity_is_local(const struct guard_facts *f, struct guard_answer *answer)
{
    if (f->known_non_local)
        say_known(f, answer);
    else if (f->perhaps_non_local)
        say(answer, "It counts as not local: the server does not tell its identity, so it may be %s.",
            f->known_as && *f->known_as ? show(f->known_as).text : "one of another environment");
    if (f->mark_non_local && f->marked_as)
        say(answer, "It counts as not local: the database is marked as %s.", show(f->marked_as).text);
    else if (f->mark_non_local)
        say(answer, "It counts as not local: the database has a mark that could not be read.");
    return !f->known_non_local && !f->perhaps_non_local && !f->mark_non_local;
}

bool guard_is_local(const struct guard_facts *f, struct guard_answer *answer)
{
    bool local = f->role_local;
    if (!local)
        say(answer, "It counts as not local: the configuration gives it the role %s.",
            f->role_production ? "production" : "staging");
    local = identity_is_local(f, answer) && local;
    if (!place_is_local(f, answer))
        return false;
    if (local)
        say(answer, f->unix_socket ? "It is local: a server of this machine answers on a Unix socket."
            : f->sees_our_socket == GUARD_YES ? "It is local: the server sees our own socket."
            : "It is local: the server is a container of this machine.");
    return local;
}

/* ---- what is missing ---- */

static bool name_matches(const struct guard_facts *f, const struct guard_request *r)
{
    return r->typed && f->environment && *f->environment && strcmp(r->typed, f->environment) == 0;
}

static bool operational_typed(const struct guard_request *r, size_t i)
{
    for (size_t t = 0; t < r->typed_operational_count; t++)
        if (strcmp(r->operational[i], r->typed_operational[t]) == 0)
            return true;
    return false;
}

static unsigned missing_needs(const struct guard_facts *f, const struct guard_request *r, bool local)
{
    unsigned need = needs[r->class].local | (local ? 0 : needs[r->class].remote);
    if (need & NEED_NAME_OR_TARGET && (r->face == GUARD_CONSOLE || !r->explicit_target))
        need |= NEED_NAME;
    need &= ~(unsigned)NEED_NAME_OR_TARGET;
    if (r->face == GUARD_COMMAND || r->write_mode)
        need &= ~(unsigned)NEED_WRITE_MODE;
    if (name_matches(f, r))
        need &= ~(unsigned)NEED_NAME;
    if (guard_allows_prod_seed(f->allow_prod_seed))
        need &= ~(unsigned)NEED_ALLOW;
    for (size_t i = 0; i < r->operational_count; i++)
        if (!operational_typed(r, i))
            need |= NEED_OPERATIONAL;
    return need;
}

static void say_allow(const struct guard_facts *f, struct guard_answer *answer)
{
    if (!f->allow_prod_seed)
        say(answer, "ALLOW_PROD_SEED is not set: writing rows to a database that is not local needs it.");
    else if (!*f->allow_prod_seed)
        say(answer, "ALLOW_PROD_SEED is set but empty, which counts as not set.");
    else
        say(answer, "ALLOW_PROD_SEED is set to %s, which counts as not set.", show(f->allow_prod_seed).text);
}

static void say_name(const struct guard_facts *f, const struct guard_request *r, struct guard_answer *answer)
{
    const char *command = r->face == GUARD_COMMAND ? " after --confirm" : "";
    struct shown name = show(f->environment);
    if (!f->environment || !*f->environment)
        say(answer, "The environment has no name that could be typed.");
    else if (!r->typed || !*r->typed)
        say(answer, "The environment's name, %s, must be typed in full%s.", name.text, command);
    else if (strncmp(r->typed, f->environment, strlen(f->environment)) == 0)
        say(answer, "What was typed%s goes on after the name, %s: it must match exactly, spaces included.",
            command, name.text);
    else
        say(answer, "What was typed%s is not the environment's name, %s: it must match to the letter.",
            command, name.text);
}

/* SAFETY 3: a changed identity blocks whatever changes something, until it is accepted. */
static bool identity_in_the_way(const struct guard_facts *f, const struct guard_request *r)
{
    bool changed = f->identity_changed && !r->accepts_identity;
    return r->class != GUARD_READ && (f->identity_unreadable || f->identity_split || changed);
}

static void say_identity(const struct guard_facts *f, struct guard_answer *answer)
{
    if (f->identity_unreadable) {
        say(answer, "Which database this was cannot be read, so a wrong one would not be recognised: mend or remove %s.",
            show(f->identity_file).text);
        return;
    }
    if (f->identity_split) {
        say(answer, "The URL and the direct URL of %s lead to two different databases.", show(f->environment).text);
        say(answer, "It reads from %s.", f->identity_was ? f->identity_was : "one");
        say(answer, "It would write to %s.", f->identity_is ? f->identity_is : "another");
        return;
    }
    say(answer, "THE IDENTITY CHANGED: another database answers than the one that is known as %s.",
        show(f->environment).text);
    say(answer, "It was %s.", f->identity_was ? f->identity_was : "another");
    say(answer, "It is now %s.", f->identity_is ? f->identity_is : "unknown");
}

static void say_operational(const struct guard_request *r, struct guard_answer *answer)
{
    for (size_t i = 0; i < r->operational_count; i++)
        if (!operational_typed(r, i))
            say(answer, "Rows of %s go as well, which the application owns: the table's name must be typed%s.",
                show(r->operational[i]).text, r->face == GUARD_COMMAND ? " after --confirm-operational" : "");
}

/* Refusals that no variable, key or typed name lifts. */
static bool impossible(const struct guard_facts *f, const struct guard_request *r, unsigned missing,
                       struct guard_answer *answer)
{
    size_t before = answer->reason_count;
    if (identity_in_the_way(f, r))
        say_identity(f, answer);
    if (missing & NEED_MIRACLE)
        say(answer, "A whole schema is never dropped on a database that is not local; nothing allows it.");
    if (f->in_recovery && needs[r->class].writes)
        say(answer, "The server is a standby and takes no writes: use its primary.");
    if (f->transaction_pooler && needs[r->class].needs_direct)
        say(answer, "This connection goes through a transaction pooler, which breaks migrations and "
            "their locks: give the server's own address as direct_url.");
    return answer->reason_count > before;
}

/* ---- the line that would allow it ---- */

#define SHELL_PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+=:,./-"

/* Appends one word for a shell, quoted when it must be; false when the line is full. */
static bool add_word(char *line, size_t size, const char *word)
{
    size_t used = strlen(line);
    bool plain = *word && strspn(word, SHELL_PLAIN) == strlen(word);
    if (used + 1 < size && used)
        line[used++] = ' ';
    if (!plain && used + 1 < size)
        line[used++] = '\'';
    for (; *word && used + 5 < size; word++) {
        if (*word == '\'') {
            memcpy(line + used, "'\\''", 4);
            used += 4;
        } else {
            line[used++] = *word;
        }
    }
    if (!plain && used + 1 < size)
        line[used++] = '\'';
    line[used] = '\0';
    return !*word && used + 5 < size;
}

static bool add_text(char *line, size_t size, const char *text)
{
    size_t used = strlen(line);
    return (size_t)snprintf(line + used, size - used, "%s%s", used && *text ? " " : "", text) < size - used;
}

/* What a terminal would not show as it is must not be offered for copying. */
static bool printable(const char *name)
{
    char visible[GUARD_LINE];
    return strcmp(text_visible_buf(visible, sizeof visible, name), name) == 0;
}

static void write_allow_line(const struct guard_facts *f, const struct guard_request *r, unsigned missing,
                             struct guard_answer *answer)
{
    char *line = answer->allow_line;
    const size_t size = sizeof answer->allow_line;
    const char *action = r->action ? r->action : needs[r->class].action;
    bool console = r->face == GUARD_CONSOLE;
    /* In the console only the variable needs a shell: W and the name are asked for on the screen. */
    if (!f->environment || !printable(f->environment) || (console && !(missing & NEED_ALLOW))
        || (!console && !*action))
        return;
    bool fits = (!(missing & NEED_ALLOW) || add_text(line, size, "ALLOW_PROD_SEED=true"))
        && add_text(line, size, "seedops") && (console || add_text(line, size, action))
        && (f->target ? add_text(line, size, f->target) : add_word(line, size, f->environment));
    /* A migration lacks only that its environment be named, which this line does, if there is a way to. */
    unsigned need = needs[r->class].local | (answer->local ? 0 : needs[r->class].remote);
    bool confirm = need & NEED_NAME || (need & NEED_NAME_OR_TARGET && f->target && !*f->target);
    if (fits && !console && confirm)    /* also when it was typed this time: the line is for the next */
        fits = add_text(line, size, "--confirm") && add_word(line, size, f->environment);
    for (size_t i = 0; fits && !console && i < r->operational_count; i++)
        fits = printable(r->operational[i]) && add_text(line, size, "--confirm-operational") &&
               add_word(line, size, r->operational[i]);
    if (!fits)
        *line = '\0';
}

/* The first step only: what else the action needs is said once the identity is settled. */
static void write_accept_line(const struct guard_facts *f, struct guard_answer *answer)
{
    char *line = answer->allow_line;
    const size_t size = sizeof answer->allow_line;
    if (!f->environment || !printable(f->environment))
        return;
    if (!add_text(line, size, "seedops envs --accept") || !add_word(line, size, f->environment) ||
        (f->target && *f->target && !add_text(line, size, f->target)))
        *line = '\0';
}

bool guard_decide(const struct guard_facts *f, const struct guard_request *r, struct guard_answer *answer)
{
    *answer = (struct guard_answer){0};
    answer->local = guard_is_local(f, NULL);
    unsigned missing = missing_needs(f, r, answer->local);
    bool never = impossible(f, r, missing, answer);
    answer->needs_write_mode = !never && missing & NEED_WRITE_MODE;
    answer->needs_name = !never && missing & NEED_NAME;
    answer->needs_operational = !never && missing & NEED_OPERATIONAL;
    if (missing & NEED_ALLOW)
        say_allow(f, answer);
    if (missing & NEED_WRITE_MODE)
        say(answer, "The console is read-only here: press W for write mode.");
    if (missing & NEED_NAME)
        say_name(f, r, answer);
    if (missing & NEED_OPERATIONAL)
        say_operational(r, answer);
    guard_is_local(f, answer);
    if (identity_in_the_way(f, r) && !f->identity_unreadable && !f->identity_split)
        write_accept_line(f, answer);
    else if (!never && missing)
        write_allow_line(f, r, missing, answer);
    answer->allowed = !never && !missing;
    return answer->allowed;
}
