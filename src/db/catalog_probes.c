/* catalog_probes - the questions about the live schema, for PostgreSQL 12 to 18.
 *
 * Nothing here waits for a table's lock but `sizes` and, on newer servers, `defaults`; so each stands alone
 * and its failure leaves the rest. All run with search_path = pg_catalog: types come out schema-qualified. */
#include <string.h>

#include "base/str.h"
#include "db/catalog.h"
#include "db/catalog_parts.h"

/* The tables of people's own schemas: every query starts from these. */
#define OWN_TABLES                                                                                                 \
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
#define OWN_WHERE                                                                                                  \
    " WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
/* $1: names as fixtures have them; $2: details of every ordinary table */
#define WANTED                                                                                                     \
    " (($2::bool AND c.relkind IN ('r', 'p')) OR c.relname = ANY ($1::text[])"                                     \
    " OR n.nspname || '.' || c.relname = ANY ($1::text[]))"

static const char path_sql[] = "SELECT current_schema()";

static const char tables_sql[] =
    "SELECT c.oid, n.nspname, c.relname, c.relkind, pg_table_is_visible(c.oid), " WANTED ","
    " has_table_privilege(c.oid, 'SELECT'), has_table_privilege(c.oid, 'INSERT'),"
    " has_table_privilege(c.oid, 'UPDATE'), has_table_privilege(c.oid, 'DELETE'),"
    " c.relrowsecurity AND row_security_active(c.oid),"
    " c.relhastriggers AND EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal"
    "  AND t.tgenabled <> 'D'),"
    " c.relpages, CASE WHEN c.reltuples = 0 AND c.relpages = 0 AND"
    "  current_setting('server_version_num')::int < 140000 THEN -1 ELSE c.reltuples END,"
    " pg_stat_get_live_tuples(c.oid), pg_stat_get_tuples_inserted(c.oid),"
    " pg_stat_get_tuples_deleted(c.oid), pg_stat_get_dead_tuples(c.oid),"
    /* an estimate without touching a file; `sizes` has better for the wanted ones */
    " current_setting('block_size')::bigint * (greatest(c.relpages, 0)"
    "  + coalesce((SELECT r.relpages FROM pg_class r WHERE r.oid = c.reltoastrelid), 0)"
    "  + coalesce((SELECT sum(r.relpages) FROM pg_index i JOIN pg_class r ON r.oid = i.indexrelid"
    "     WHERE i.indrelid = c.oid), 0))"
    OWN_TABLES OWN_WHERE " ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\"";

/* A table under ACCESS EXCLUSIVE (or with such an index) is left out, so that one does not cost all. */
static const char sizes_sql[] =
    "WITH locked AS MATERIALIZED (SELECT l.relation FROM pg_locks l WHERE l.mode = 'AccessExclusiveLock'"
    "  AND l.locktype = 'relation' AND l.pid <> pg_backend_pid()),"
    " free AS MATERIALIZED (SELECT c.oid, c.relkind" OWN_TABLES OWN_WHERE " AND" WANTED
    "  AND c.relkind IN ('r', 'm') AND c.oid NOT IN (SELECT relation FROM locked)"
    "  AND NOT EXISTS (SELECT FROM pg_index i JOIN locked l ON l.relation = i.indexrelid WHERE i.indrelid = c.oid))"
    " SELECT f.oid, pg_relation_size(f.oid), pg_total_relation_size(f.oid),"
    "  (SELECT sum(greatest(pg_relation_size(i.indexrelid) - current_setting('block_size')::bigint, 0))"
    "   FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am a ON a.oid = x.relam"
    "   WHERE i.indrelid = f.oid AND a.amname = 'btree')"
    " FROM free f";

static const char columns_sql[] =
    "SELECT c.oid, a.attname, a.attnum, a.attnotnull, a.atthasdef, a.attidentity, a.attgenerated,"
    " a.atttypid, a.atttypmod, format_type(a.atttypid, a.atttypmod),"
    " has_column_privilege(c.oid, a.attnum, 'SELECT'), has_column_privilege(c.oid, a.attnum, 'INSERT'),"
    " has_column_privilege(c.oid, a.attnum, 'UPDATE')" OWN_TABLES
    " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped" OWN_WHERE " AND" WANTED
    " ORDER BY c.oid, a.attnum";

static const char defaults_sql[] =
    "SELECT c.oid, d.adnum, pg_get_expr(d.adbin, d.adrelid)" OWN_TABLES
    " JOIN pg_attrdef d ON d.adrelid = c.oid" OWN_WHERE " AND" WANTED;

/* The columns' types, and what domains and arrays among them are made of. Equality is the default operator
 * class's; a type without one of its own (varchar) takes that of the type it is read as (text). */
static const char types_sql[] =
    "WITH RECURSIVE w(oid) AS (SELECT DISTINCT a.atttypid" OWN_TABLES
    "  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped" OWN_WHERE " AND" WANTED
    "  UNION SELECT CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.typelem END FROM w JOIN pg_type t"
    "   ON t.oid = w.oid WHERE t.typtype = 'd' OR t.typcategory = 'A'),"
    " e AS MATERIALIZED (SELECT k.opcintype, kt.typname, kt.typispreferred, m.amname,"
    "   'OPERATOR(' || quote_ident(s.nspname) || '.' || o.oprname || ')' AS operator"
    "  FROM pg_am m JOIN pg_opclass k ON k.opcmethod = m.oid AND k.opcdefault"
    "  JOIN pg_amop p ON p.amopfamily = k.opcfamily AND p.amoplefttype = k.opcintype"
    "   AND p.amoprighttype = k.opcintype AND p.amopstrategy = CASE m.amname WHEN 'btree' THEN 3 ELSE 1 END"
    "  JOIN pg_operator o ON o.oid = p.amopopr JOIN pg_namespace s ON s.oid = o.oprnamespace"
    "  JOIN pg_type kt ON kt.oid = k.opcintype WHERE m.amname IN ('btree', 'hash'))"
    " SELECT t.oid, t.typname, t.typtype, t.typcategory, t.typbasetype, t.typtypmod, t.typnotnull,"
    "  t.typdefault IS NOT NULL, CASE WHEN t.typcategory = 'A' THEN t.typelem ELSE 0 END,"
    "  (SELECT e.operator FROM e WHERE e.opcintype = t.oid"
    "    OR e.typname = CASE WHEN t.typtype = 'e' THEN 'anyenum' WHEN t.typtype = 'r' THEN 'anyrange'"
    "        WHEN t.typtype = 'm' THEN 'anymultirange' WHEN t.typcategory = 'A' THEN 'anyarray' END"
    "    OR e.opcintype = ANY (g.read_as)"
    "   ORDER BY e.opcintype = t.oid DESC, e.typispreferred DESC, e.amname LIMIT 1)"
    " FROM w JOIN pg_type t ON t.oid = w.oid CROSS JOIN LATERAL (SELECT ARRAY(SELECT x.casttarget FROM pg_cast x"
    "  WHERE x.castsource = t.oid AND x.castmethod = 'b' AND x.castcontext = 'i') AS read_as OFFSET 0) g";

static const char labels_sql[] = "SELECT enumtypid, enumlabel FROM pg_enum ORDER BY enumtypid, enumsortorder";

static const char sequences_sql[] =
    "SELECT c.oid, d.refobjsubid, quote_ident(sn.nspname) || '.' || quote_ident(s.relname)" OWN_TABLES
    " JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND d.refobjsubid > 0"
    "  AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')"
    " JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S' JOIN pg_namespace sn ON sn.oid = s.relnamespace"
    OWN_WHERE " AND" WANTED;

/* indnullsnotdistinct came with 15: by way of jsonb an older server gives null. */
static const char keys_sql[] =
    "SELECT c.oid, x.relname, i.indisprimary, NOT i.indimmediate,"
    " coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::bool, false), i.indnkeyatts, i.indkey::text" OWN_TABLES
    " JOIN pg_index i ON i.indrelid = c.oid JOIN pg_class x ON x.oid = i.indexrelid" OWN_WHERE " AND" WANTED
    " AND i.indisunique AND i.indisvalid AND i.indisready AND NOT i.indisexclusion"
    " AND i.indpred IS NULL AND i.indexprs IS NULL"
    " ORDER BY c.oid, i.indisprimary DESC, x.relname COLLATE \"C\"";

/* Partitions carry copies of their parent's constraint on the same table: those are left out. */
static const char foreign_keys_sql[] =
    "SELECT c.oid, k.conname, k.confrelid, tn.nspname, t.relname, k.confdeltype, k.confupdtype,"
    " k.condeferrable, k.condeferred, u.own, a.attname, u.ord" OWN_TABLES
    " JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'f'"
    " JOIN pg_class t ON t.oid = k.confrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace"
    " CROSS JOIN LATERAL unnest(k.conkey, k.confkey) WITH ORDINALITY AS u(own, theirs, ord)"
    " JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.theirs" OWN_WHERE " AND" WANTED
    " AND NOT EXISTS (SELECT FROM pg_constraint p WHERE p.oid = k.conparentid AND p.conrelid = k.conrelid)"
    " ORDER BY c.oid, k.conname COLLATE \"C\", k.oid, u.ord";

static const struct { const char *name, *sql; bool takes_names, on_default_path; } questions[CATALOG_PROBES] = {
    [CATALOG_PATH] = {"search path", path_sql, false, true},
    [CATALOG_TABLES] = {"tables", tables_sql, true, true},
    [CATALOG_SIZES] = {"sizes", sizes_sql, true, false},
    [CATALOG_COLUMNS] = {"columns", columns_sql, true, false},
    [CATALOG_DEFAULTS] = {"defaults", defaults_sql, true, false},
    [CATALOG_TYPES] = {"types", types_sql, true, false},
    [CATALOG_LABELS] = {"enum labels", labels_sql, false, false},
    [CATALOG_SEQUENCES] = {"sequences", sequences_sql, true, false},
    [CATALOG_KEYS] = {"unique keys", keys_sql, true, false},
    [CATALOG_FOREIGN_KEYS] = {"foreign keys", foreign_keys_sql, true, false},
};

static const char *text_array(struct arena *arena, const char *const *names, size_t count)
{
    struct str out = {0};
    str_add_char(&out, '{');
    for (size_t i = 0; i < count; i++) {
        str_add(&out, i ? ",\"" : "\"");
        for (const char *c = names[i]; *c; c++) {
            if (*c == '"' || *c == '\\')
                str_add_char(&out, '\\');
            str_add_char(&out, *c);
        }
        str_add_char(&out, '"');
    }
    str_add_char(&out, '}');
    const char *text = arena_strndup(arena, str_text(&out), out.length);
    str_free(&out);
    return text;
}

size_t db_catalog_probes(struct arena *arena, const char *const *names, size_t count, bool details_all,
                         struct db_probe probes[CATALOG_PROBES])
{
    const char **params = arena_alloc(arena, 2 * sizeof *params);
    params[0] = text_array(arena, names, count);
    params[1] = details_all ? "t" : "f";
    for (size_t i = 0; i < CATALOG_PROBES; i++)
        probes[i] = (struct db_probe){
            .name = questions[i].name,
            .sql = questions[i].sql,
            .count = questions[i].takes_names ? 2 : 0,
            .params = questions[i].takes_names ? params : NULL,
            /* what is visible is asked on the path that the role, the database and the URL give */
            .settings = questions[i].on_default_path ? "SET LOCAL search_path TO DEFAULT" : NULL,
        };
    return CATALOG_PROBES;
}
