/* light - the words of a line: from a status, or from what kept it away. */
#include "run/light.h"

#include <stdlib.h>

#include "app/model.h"
#include "app/sentence.h"
#include "config/settings_many.h"
#include "op/health.h"
#include "op/way.h"

static void set_text(char **to, const char *text)
{
    free(*to);
    *to = xstrdup(text);
}

static const char *migrated_word(const struct fact_ledger *ledger)
{
    if (ledger->problem && *ledger->problem)
        return "error";
    return ledger->pending || ledger->failed || ledger->modified || ledger->missing ? "no" : "yes";
}

/* The worst that any table says: no, held, unknown, yes. */
static const char *seeded_word(const struct input *status)
{
    bool held = false, unknown = false;
    for (size_t i = 0; i < status->table_count; i++) {
        const struct fact_table *t = &status->tables[i];
        held |= t->held;
        if (!t->held && t->fixture_rows >= 0 && t->missing < 0)
            unknown = true;
        else if (!t->held && !health_table(t))
            return "no";
    }
    return held ? "held" : unknown ? "unknown" : "yes";
}

/* Where it is, and through which tunnel: there the host of the URL says the less. */
static const char *target_of(const struct environment *env, struct arena *arena)
{
    const char *way = way_shown(env, &env->url, arena), *database = env->url.database;
    if (!*way)
        return url_redacted(&env->url, arena);
    return *database ? arena_printf(arena, "%s by %s", database, way) : way;
}

void light_unlit(struct fact_environment *fact, const struct settings *settings, const struct environment *env,
                 const char *state)
{
    struct arena arena = {0};
    struct str groups = {0};
    settings_groups_of(settings, env, &groups);
    bool known = env->url_error.class == ERR_NONE && env->has_url;
    *fact = (struct fact_environment){
        .name = xstrdup(env->name), .role = xstrdup(role_name(env->role)),
        .target = xstrdup(known ? target_of(env, &arena) : ""),
        .reachable = xstrdup(state), .migrated = xstrdup(state), .seeded = xstrdup(state), .sentence = xstrdup(""),
        .of = xstrdup(env->of ? env->of->name : NULL), .database = xstrdup(env->database), .groups = str_take(&groups),
    };
    arena_free(&arena);
}

void light_status(struct fact_environment *fact, const struct input *status, bool command)
{
    set_text(&fact->reachable, "yes");
    set_text(&fact->migrated, migrated_word(&status->ledger));
    set_text(&fact->seeded, seeded_word(status));
    set_text(&fact->identity, status->server.identity.trouble ? status->server.identity.state : "");
    /* Borrowed for the length of the call: the list says what the Overview would. */
    struct facts facts = {.phase = (char *)"ready", .server = status->server, .ledger = status->ledger,
        .guard = status->guard, .tables = status->tables, .table_count = status->table_count,
        .problem = status->text, .status_complete = true};
    struct sentence sentence;
    sentence_make(&(struct sentence_input){.facts = &facts, .environment = fact->name, .command = command,
                                           .write_mode = command}, &sentence);
    set_text(&fact->sentence, sentence.mood == MOOD_GOOD ? "" : sentence.text);
}

void light_reached(struct fact_environment *fact)
{
    set_text(&fact->reachable, "yes");
    set_text(&fact->migrated, "unknown");
    set_text(&fact->seeded, "unknown");
}

void light_error(struct fact_environment *fact, const struct err *err)
{
    set_text(&fact->reachable, err->class == ERR_NOT_READY ? "no" : "error");
    set_text(&fact->migrated, "unknown");
    set_text(&fact->seeded, "unknown");
    set_text(&fact->sentence, err->why[0] ? err->why : err->message);
}
