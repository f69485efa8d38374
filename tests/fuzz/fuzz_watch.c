/* What a watch knows: whatever the file holds, it is read or refused; what is read is written and read the same; and the
 * rules take any of it for what was before. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "op/watch_decide.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Half of the tables and migrations change, so that every rule has something to say. */
static void look_after(const struct watch_state *before)
{
    struct watch_event events[WATCH_EVENTS];
    struct watch_state now = {.wall_ms = before->wall_ms, .tables_known = true, .migrations_known = true,
                              .started_ms = 1, .stranger = before->table_count % 3 == 1, .away = before->table_count % 3 == 2};
    now.tables = arena_alloc(&now.arena, (before->table_count + 1) * sizeof *now.tables);
    for (; now.table_count < before->table_count / 2; now.table_count++) {
        now.tables[now.table_count] = before->tables[now.table_count];
        now.tables[now.table_count].rows = 0;
    }
    now.migrations = arena_alloc(&now.arena, (before->migration_count + 1) * sizeof *now.migrations);
    for (; now.migration_count < before->migration_count / 2; now.migration_count++) {
        now.migrations[now.migration_count] = before->migrations[now.migration_count];
        now.migrations[now.migration_count].state = (enum migration_state)(now.migration_count % MIGRATION_STATE_COUNT);
    }
    size_t count = watch_decide(before, &now, events);
    for (size_t i = 0; i < count; i++)
        if (!events[i].text || !*events[i].text)
            abort();
    watch_state_free(&now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct watch_key key = {"config", "environment"};
    struct watch_state state, again;
    struct str text = {0}, twice = {0};
    struct err err = {0};
    if (watch_state_parse((const char *)data, size, &state, &err)) {
        watch_state_format(&key, &state, &text);
        if (!watch_state_parse(str_text(&text), text.length, &again, &err) || !watch_same(&state, &again))
            abort();
        watch_state_format(&key, &again, &twice);
        if (strcmp(str_text(&text), str_text(&twice)) != 0)
            abort();
        look_after(&state);
        watch_state_free(&again);
    } else if (!err.message[0] || state.wall_ms || state.table_count) {
        abort();
    }
    watch_state_free(&state);
    str_free(&text);
    str_free(&twice);
    return 0;
}
