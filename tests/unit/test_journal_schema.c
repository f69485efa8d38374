/* journal_schema: doc/journal.schema.json says what the codec's tables say. REGENERATE=1 writes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "event/codec.h"
#include "journal/format.h"

#define SCHEMA TOP_SRCDIR "/doc/journal.schema.json"

static void put_names(struct str *out, const char *const *names, int count)
{
    str_add(out, "{\"enum\": [");
    for (int i = 0; i < count; i++)
        str_printf(out, "%s\"%s\"", i ? ", " : "", names[i]);
    str_add(out, "]}");
}

static void put_field(struct str *out, const struct field *f)
{
    switch (f->kind) {
    case FIELD_BOOL: str_add(out, "{\"type\": \"boolean\"}"); break;
    case FIELD_INT:
    case FIELD_I64: str_add(out, "{\"type\": \"integer\"}"); break;
    case FIELD_U64: str_add(out, "{\"type\": \"string\", \"pattern\": \"^[0-9]+$\"}"); break;
    case FIELD_ENUM: put_names(out, f->names, f->name_count); break;
    case FIELD_TEXT: str_add(out, "{\"type\": [\"string\", \"null\"]}"); break;
    case FIELD_CHARS: str_add(out, "{\"type\": \"string\"}"); break;
    case FIELD_STRUCT: str_printf(out, "{\"$ref\": \"#/$defs/%s\"}", f->type->name); break;
    case FIELD_LIST:
        str_printf(out, "{\"type\": \"array\", \"items\": {\"$ref\": \"#/$defs/%s\"}}", f->type->name);
        break;
    }
}

struct seen { const struct type *types[100]; size_t count; };

static void collect(struct seen *seen, const struct type *type)
{
    for (size_t i = 0; i < seen->count; i++)
        if (seen->types[i] == type)
            return;
    assert_true(seen->count < 100);
    seen->types[seen->count++] = type;
    for (size_t i = 0; i < type->field_count; i++)
        if (type->fields[i].type)
            collect(seen, type->fields[i].type);
}

static void put_type(struct str *out, const struct type *type)
{
    str_printf(out, "    \"%s\": {\"type\": \"object\", %s\"properties\": {", type->name,
               type == &type_input ? "\"required\": [\"kind\"], " : "");
    for (size_t i = 0; i < type->field_count; i++) {
        str_printf(out, "%s\n      \"%s\": ", i ? "," : "", type->fields[i].name);
        put_field(out, &type->fields[i]);
    }
    str_add(out, "}}");
}

static const char head[] =
    "{\n"
    "  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
    "  \"title\": \"A line of a seedops journal\",\n"
    "  \"description\": \"Fields that are zero, false or absent are left out. More may be added; see "
    "seedops-journal(5).\",\n"
    "  \"oneOf\": [{\"$ref\": \"#/$defs/header_line\"}, {\"$ref\": \"#/$defs/input_line\"}, "
    "{\"$ref\": \"#/$defs/checkpoint_line\"},\n"
    "            {\"$ref\": \"#/$defs/end_line\"}, {\"$ref\": \"#/$defs/next_line\"}],\n"
    "  \"$defs\": {\n"
    "    \"hash\": {\"type\": \"string\", \"pattern\": \"^[0-9a-f]{64}$\"},\n"
    "    \"count\": {\"type\": \"integer\", \"minimum\": 0},\n"
    "    \"names\": {\"type\": \"array\", \"items\": {\"type\": \"string\"}},\n"
    "    \"header_line\": {\"type\": \"object\", \"required\": [\"journal\", \"seedops\", \"session\", \"started\", "
    "\"started_ms\", \"hash\"], \"properties\": {\n";

static const char lines[] =
    "      \"seedops\": {\"type\": \"string\"}, \"session\": {\"type\": \"string\"}, \"user\": {\"type\": \"string\"},\n"
    "      \"real_user\": {\"type\": \"string\"}, \"host\": {\"type\": \"string\"}, \"tty\": {\"type\": \"string\"},\n"
    "      \"from\": {\"type\": \"string\"}, \"environment\": {\"type\": \"string\"}, \"target\": {\"type\": \"string\"},\n"
    "      \"system_identifier\": {\"type\": \"string\"}, \"command\": {\"type\": \"string\"},\n"
    "      \"started\": {\"type\": \"string\", \"pattern\": \"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z$\"},\n"
    "      \"started_ms\": {\"type\": \"integer\"}, \"pid\": {\"$ref\": \"#/$defs/count\"},\n"
    "      \"columns\": {\"$ref\": \"#/$defs/count\"}, \"rows\": {\"$ref\": \"#/$defs/count\"},\n"
    "      \"segment\": {\"type\": \"integer\", \"minimum\": 1}, \"dropped\": {\"$ref\": \"#/$defs/count\"},\n"
    "      \"before\": {\"$ref\": \"#/$defs/count\"}, \"after\": {\"type\": \"string\", \"pattern\": \"^([0-9a-f]{64})?$\"},\n"
    "      \"hash\": {\"$ref\": \"#/$defs/hash\"}}},\n"
    "    \"input_line\": {\"type\": \"object\", \"required\": [\"n\", \"in\", \"hash\"], \"additionalProperties\": false, "
    "\"properties\": {\n"
    "      \"n\": {\"type\": \"integer\", \"minimum\": 1}, \"in\": {\"$ref\": \"#/$defs/input\"}, "
    "\"hash\": {\"$ref\": \"#/$defs/hash\"}}},\n"
    "    \"checkpoint_line\": {\"type\": \"object\", \"required\": [\"n\", \"checkpoint\", \"hash\"], "
    "\"additionalProperties\": false, \"properties\": {\n"
    "      \"n\": {\"$ref\": \"#/$defs/count\"}, \"hash\": {\"$ref\": \"#/$defs/hash\"},\n"
    "      \"checkpoint\": {\"type\": \"object\", \"required\": [\"offset_ms\", \"segment\", \"previous\", \"model\"], "
    "\"properties\": {\n"
    "        \"offset_ms\": {\"type\": \"integer\"}, \"segment\": {\"type\": \"integer\", \"minimum\": 1},\n"
    "        \"previous\": {\"type\": \"integer\", \"minimum\": -1}, \"model\": {\"type\": \"object\"}}}}},\n"
    "    \"next_line\": {\"type\": \"object\", \"required\": [\"n\", \"next\", \"hash\"], \"additionalProperties\": false, "
    "\"properties\": {\n"
    "      \"n\": {\"$ref\": \"#/$defs/count\"}, \"hash\": {\"$ref\": \"#/$defs/hash\"},\n"
    "      \"next\": {\"type\": \"object\", \"required\": [\"segment\"], \"properties\": "
    "{\"segment\": {\"type\": \"integer\", \"minimum\": 2}}}}},\n"
    "    \"end_line\": {\"type\": \"object\", \"required\": [\"n\", \"end\", \"hash\"], \"additionalProperties\": false, "
    "\"properties\": {\n"
    "      \"n\": {\"type\": \"integer\", \"minimum\": 1}, \"hash\": {\"$ref\": \"#/$defs/hash\"},\n"
    "      \"end\": {\"type\": \"object\", \"required\": [\"lines\"], \"properties\": {\"lines\": {\"$ref\": "
    "\"#/$defs/count\"},\n"
    "        \"failure\": {\"type\": \"string\"}, \"summary\": {\"$ref\": \"#/$defs/summary\"}}}}},\n"
    "    \"summary\": {\"type\": \"object\", \"properties\": {\"duration_ms\": {\"$ref\": \"#/$defs/count\"},\n"
    "      \"databases\": {\"type\": \"array\", \"items\": {\"type\": \"object\", \"properties\": {\n"
    "        \"environment\": {\"type\": \"string\"}, \"target\": {\"type\": \"string\"}, \"system_identifier\": "
    "{\"type\": \"string\"},\n"
    "        \"database\": {\"type\": \"string\"}, \"oid\": {\"$ref\": \"#/$defs/count\"}}}},\n"
    "      \"actions\": {\"$ref\": \"#/$defs/names\"}, \"tables\": {\"$ref\": \"#/$defs/names\"},\n"
    "      \"done\": {\"$ref\": \"#/$defs/count\"}, \"failed\": {\"$ref\": \"#/$defs/count\"}, "
    "\"refused\": {\"$ref\": \"#/$defs/count\"},\n"
    "      \"written\": {\"$ref\": \"#/$defs/count\"}, \"notes\": {\"$ref\": \"#/$defs/count\"}}}";

static void test_schema(void **state)
{
    (void)state;
    struct str want = {0};
    struct seen seen = {0};
    str_add(&want, head);
    str_printf(&want, "      \"journal\": {\"const\": %d},\n", JOURNAL_FORMAT);
    str_add(&want, lines);
    collect(&seen, &type_input);
    for (size_t i = 0; i < seen.count; i++) {
        str_add(&want, ",\n");
        put_type(&want, seen.types[i]);
    }
    str_add(&want, "}\n}\n");
    char *have = NULL;
    size_t length;
    if (getenv("REGENERATE"))
        assert_true(file_write_atomic(SCHEMA, want.text, want.length, 0644, NULL));
    assert_true(file_read(SCHEMA, 1 << 20, &have, &length, NULL));
    if (strcmp(have, want.text) != 0)
        fail_msg("%s is not what the codec's tables say; REGENERATE=1 writes it", SCHEMA);
    free(have);
    str_free(&want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_schema)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
