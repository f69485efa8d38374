/* catalog_probes - the questions about the live schema, for PostgreSQL 12 to 18.
 *
 * Nothing here waits for a table's lock but `sizes` and, on newer servers, `defaults`; so each stands alone
 * and its failure leaves the rest. All run with search_path = pg_catalog: types come out schema-qualified.
 *
 * Cost is mostly planning and cold caches, the backend being new: few joins, everything found by an index
 * from the wanted tables' oids, and nothing asked of a table that nobody wants in detail. */
#include <string.h>

#include "base/str.h"
#include "db/catalog.h"
#include "db/catalog_parts.h"
#include "db/catalog_wanted.h"

/* A schema of the path that we may not use is left out by the server; its tables are there all the same, and not
 * missing but closed to us. The default path may hold objects of others' making: everything is qualified. */
static const char path_sql[] =
    "SELECT x.s FROM (SELECT u.s::pg_catalog.text, u.i FROM pg_catalog.unnest(pg_catalog.current_schemas(false))"
    "  WITH ORDINALITY AS u(s, i) UNION ALL SELECT n.nspname::pg_catalog.text, 1000000 FROM pg_catalog.pg_namespace n"
    "  WHERE NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND n.nspname::pg_catalog.text OPERATOR(pg_catalog.=)"
    "  ANY (pg_catalog.regexp_split_to_array(pg_catalog.replace(pg_catalog.replace("
    "   pg_catalog.current_setting('search_path'), '$user', current_user), '\"', ''), ', *'))) x ORDER BY x.i";

static const char tables_sql[] =
    "SELECT c.oid, n.nspname, c.relname, c.relkind, w.wanted, c.relpages,"
    " CASE WHEN c.reltuples = 0 AND c.relpages = 0 AND"
    "  current_setting('server_version_num')::int < 140000 THEN -1 ELSE c.reltuples END,"
    " current_setting('block_size')::bigint * greatest(c.relpages, 0), pg_stat_get_live_tuples(c.oid),"
    " CASE WHEN w.wanted THEN pg_stat_get_tuples_inserted(c.oid) END,"
    " CASE WHEN w.wanted THEN pg_stat_get_tuples_deleted(c.oid) END,"
    " CASE WHEN w.wanted THEN pg_stat_get_dead_tuples(c.oid) END,"
    " w.wanted AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'), w.wanted AND has_table_privilege(c.oid, 'INSERT'),"
    " w.wanted AND has_table_privilege(c.oid, 'UPDATE'), w.wanted AND has_table_privilege(c.oid, 'DELETE'),"
    " w.wanted AND c.relrowsecurity AND row_security_active(c.oid),"
    " w.wanted AND c.relhastriggers AND EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid"
    "  AND NOT t.tgisinternal AND t.tgenabled <> 'D'),"
    " CASE WHEN w.wanted THEN c.relfilenode END,"
    " w.wanted AND coalesce('autovacuum_enabled=false' = ANY (c.reloptions) AND (c.reltoastrelid = 0 OR"
    "  (SELECT 'autovacuum_enabled=false' = ANY (o.reloptions) FROM pg_class o WHERE o.oid = c.reltoastrelid)), false)"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " CROSS JOIN LATERAL (SELECT" CATALOG_WANTED " AS wanted OFFSET 0) w"
    " WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm')"
    "  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
    " ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\"";

/* A table under ACCESS EXCLUSIVE (or with such an index) is left out, so that one does not cost all. */
static const char sizes_sql[] =
    "WITH locked AS MATERIALIZED (SELECT l.relation FROM pg_lock_status() l"
    "  WHERE l.mode = 'AccessExclusiveLock' AND l.locktype = 'relation' AND l.pid <> pg_backend_pid()),"
    " free AS MATERIALIZED (SELECT f.oid FROM pg_class f WHERE f.oid = " CATALOG_WANTED_OIDS
    "  AND f.relkind IN ('r', 'm') AND f.oid NOT IN (SELECT relation FROM locked)"
    "  AND f.oid NOT IN (SELECT i.indrelid FROM pg_index i JOIN locked l ON l.relation = i.indexrelid))"
    " SELECT f.oid, pg_relation_size(f.oid), pg_table_size(f.oid) + coalesce(x.bytes, 0), x.excess"
    " FROM free f"
    " CROSS JOIN LATERAL (SELECT sum(s.size) AS bytes,"
    "  sum(greatest(s.size - current_setting('block_size')::bigint, 0)) FILTER (WHERE s.btree) AS excess"
    "  FROM (SELECT pg_relation_size(i.indexrelid) AS size, a.amname = 'btree' AS btree FROM pg_index i"
    "   JOIN pg_class r ON r.oid = i.indexrelid JOIN pg_am a ON a.oid = r.relam"
    "   WHERE i.indrelid = f.oid OFFSET 0) s) x";

static const char columns_sql[] =
    "SELECT a.attrelid, a.attname, a.attnum, a.attnotnull, a.atthasdef, a.attidentity, a.attgenerated,"
    " a.atttypid, a.atttypmod, format_type(a.atttypid, a.atttypmod),"
    " has_column_privilege(a.attrelid, a.attnum, 'SELECT'),"
    " has_column_privilege(a.attrelid, a.attnum, 'INSERT'),"
    " has_column_privilege(a.attrelid, a.attnum, 'UPDATE'),"
    " CASE WHEN a.atthasdef OR a.attidentity <> '' THEN"
    "  (SELECT quote_ident(n.nspname) || '.' || quote_ident(s.relname) FROM pg_depend d"
    "   JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S' JOIN pg_namespace n ON n.oid = s.relnamespace"
    "   WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum"
    "   AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') LIMIT 1) END,"
    " a.atttypid = ANY ('{text,varchar}'::regtype[])"
    "  AND (SELECT l.collisdeterministic FROM pg_collation l WHERE l.oid = a.attcollation)"
    " FROM pg_attribute a WHERE a.attrelid = " CATALOG_WANTED_OIDS " AND a.attnum > 0 AND NOT a.attisdropped"
    " ORDER BY a.attrelid, a.attnum";

static const char defaults_sql[] =
    "SELECT d.adrelid, d.adnum, pg_get_expr(d.adbin, d.adrelid), d.adbin::text ~ '^[{](RELABELTYPE :arg [{])?CONST '"
    " FROM pg_attrdef d"
    " WHERE d.adrelid = " CATALOG_WANTED_OIDS;

/* The columns' types, and what domains and arrays among them are made of. A type's equality is the "=" that
 * b-tree or hash can use; one without its own (varchar) has that of the type it is read as (text). */
static const char types_sql[] =
    "WITH RECURSIVE w(oid) AS (SELECT DISTINCT a.atttypid FROM pg_attribute a WHERE a.attrelid = " CATALOG_WANTED_OIDS
    "   AND a.attnum > 0 AND NOT a.attisdropped"
    "  UNION SELECT CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.typelem END FROM w JOIN pg_type t"
    "   ON t.oid = w.oid WHERE t.typtype = 'd' OR t.typcategory = 'A')"
    " SELECT t.oid, t.typname, t.typtype, t.typcategory, t.typbasetype, t.typtypmod, t.typnotnull,"
    "  t.typdefault IS NOT NULL, CASE WHEN t.typcategory = 'A' THEN t.typelem ELSE 0 END,"
    "  (SELECT 'OPERATOR(' || quote_ident(s.nspname) || '.=)' FROM pg_operator o"
    "   JOIN pg_namespace s ON s.oid = o.oprnamespace"
    "   WHERE o.oprname = '=' AND o.oprleft = ANY (r.as_type) AND o.oprright = o.oprleft"
    "    AND (o.oprcanmerge OR o.oprcanhash) ORDER BY array_position(r.as_type, o.oprleft) LIMIT 1)"
    " FROM w JOIN pg_type t ON t.oid = w.oid CROSS JOIN LATERAL (SELECT ARRAY[t.oid,"
    "   CASE WHEN t.typtype = 'e' THEN to_regtype('anyenum') WHEN t.typtype = 'r' THEN to_regtype('anyrange')"
    "    WHEN t.typtype = 'm' THEN to_regtype('anymultirange')"
    "    WHEN t.typcategory = 'A' THEN to_regtype('anyarray') END::oid]"
    "  || ARRAY(SELECT x.casttarget FROM pg_cast x JOIN pg_type y ON y.oid = x.casttarget"
    "   WHERE x.castsource = t.oid AND x.castmethod = 'b' AND x.castcontext = 'i'"
    "   ORDER BY y.typispreferred DESC, y.oid) AS as_type OFFSET 0) r";

static const char labels_sql[] = "SELECT enumtypid, enumlabel FROM pg_enum ORDER BY enumtypid, enumsortorder";

/* indnullsnotdistinct came with 15: by way of jsonb an older server gives null. */
static const char keys_sql[] =
    "SELECT i.indrelid, x.relname, i.indisprimary, NOT i.indimmediate,"
    " coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::bool, false), i.indnkeyatts, i.indkey::text"
    " FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = " CATALOG_WANTED_OIDS
    " AND i.indisunique AND i.indisvalid AND i.indisready AND NOT i.indisexclusion"
    " AND i.indpred IS NULL AND i.indexprs IS NULL"
    " ORDER BY i.indrelid, i.indisprimary DESC, x.relname COLLATE \"C\"";

/* The target's name is in the list of tables. Partitions carry copies of their parent's constraint on the
 * same table: those are left out. */
static const char foreign_keys_sql[] =
    "SELECT k.conrelid, k.conname, k.confrelid, k.confdeltype, k.confupdtype,"
    " k.condeferrable, k.condeferred, u.own, a.attname, u.ord FROM pg_constraint k"
    " CROSS JOIN LATERAL unnest(k.conkey, k.confkey) WITH ORDINALITY AS u(own, theirs, ord)"
    " JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.theirs"
    " WHERE k.conrelid = " CATALOG_WANTED_OIDS " AND k.contype = 'f' AND (k.conparentid = 0"
    "  OR (SELECT p.conrelid FROM pg_constraint p WHERE p.oid = k.conparentid) <> k.conrelid)"
    " ORDER BY k.conrelid, k.conname COLLATE \"C\", k.oid, u.ord";

static const struct { const char *name, *sql; bool takes_names, on_default_path; } questions[] = {
    [CATALOG_PATH] = {"search path", path_sql, false, true},
    [CATALOG_TABLES] = {"tables", tables_sql, true, false},
    [CATALOG_SIZES] = {"sizes", sizes_sql, true, false},
    [CATALOG_COLUMNS] = {"columns", columns_sql, true, false},
    [CATALOG_DEFAULTS] = {"defaults", defaults_sql, true, false},
    [CATALOG_TYPES] = {"types", types_sql, true, false},
    [CATALOG_LABELS] = {"enum labels", labels_sql, false, false},
    [CATALOG_KEYS] = {"unique keys", keys_sql, true, false},
    [CATALOG_FOREIGN_KEYS] = {"foreign keys", foreign_keys_sql, true, false},
};
enum { QUESTIONS = sizeof questions / sizeof *questions };
_Static_assert((int)QUESTIONS == (int)CATALOG_PARTS && (int)QUESTIONS <= (int)CATALOG_PROBES,
               "a probe for each part");

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

/* Each name, and what follows each of its dots: "schema.Station" may be a table of that very name, too. */
static const char *bare_names(struct arena *arena, const char *const *names, size_t count)
{
    const char **bare = NULL;
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        for (const char *name = names[i]; name; name = strchr(name, '.') ? strchr(name, '.') + 1 : NULL) {
            if (n % 16 == 0)
                bare = arena_grow(arena, bare, n, n + 16, sizeof *bare);
            bare[n++] = name;
        }
    }
    return text_array(arena, bare, n);
}

const char *const *db_catalog_params(struct arena *arena, const char *const *names, size_t count, bool all)
{
    const char **params = arena_alloc(arena, CATALOG_PARAMS * sizeof *params);
    params[0] = text_array(arena, names, count);
    params[1] = all ? "t" : "f";
    params[2] = bare_names(arena, names, count);
    return params;
}

static size_t make_probes(size_t parts, const char *const *params, struct db_probe *probes)
{
    for (size_t i = 0; i < parts; i++)
        probes[i] = (struct db_probe){
            .name = questions[i].name,
            .sql = questions[i].sql,
            .count = questions[i].takes_names ? CATALOG_PARAMS : 0,
            .params = questions[i].takes_names ? params : NULL,
            /* what is visible is asked on the path that the role, the database and the URL give */
            .default_path = questions[i].on_default_path,
        };
    return parts;
}

size_t db_catalog_probes(struct arena *arena, const char *const *names, size_t count, bool details_all,
                         struct db_probe probes[CATALOG_PROBES])
{
    return make_probes(QUESTIONS, db_catalog_params(arena, names, count, details_all), probes);
}

size_t db_catalog_list_probes(struct arena *arena, const char *const *names, size_t count,
                              struct db_probe probes[CATALOG_PROBES])
{
    return make_probes(count ? CATALOG_LISTED : CATALOG_NAMED, db_catalog_params(arena, names, count, false), probes);
}
