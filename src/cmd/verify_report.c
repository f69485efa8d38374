/* verify_report - two formats, each escaped by its own rules. Foreign text is made visible first: neither format can
 * hold a control character. */
#include "cmd/verify_report.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* As op/verify.c names them. */
static const char *const checks[VERIFY_CHECKS] = {"identity", "migrations", "floors", "fixtures", "references", "sequences"};

void verify_report_add(struct verify_report *report, const char *check, const char *text)
{
    size_t at = 0;
    for (size_t i = 0; i < VERIFY_CHECKS; i++)
        if (check && strcmp(checks[i], check) == 0)
            at = i;
    text_visible(&report->findings[at], text, strlen(text));
    str_add_char(&report->findings[at], '\n');
    report->counts[at]++;
}

void verify_report_free(struct verify_report *report)
{
    for (size_t i = 0; i < VERIFY_CHECKS; i++)
        str_free(&report->findings[i]);
}

/* Visible already, but for the line ends of ours, which stay. */
static void add_escaped(struct str *out, const char *text, const char *escape, const char *const *with)
{
    for (; *text; text++) {
        const char *special = strchr(escape, *text);
        if (special)
            str_add(out, with[special - escape]);
        else
            str_add_char(out, *text);
    }
}

/* ---- JUnit ---- */

static void add_xml(struct str *out, const char *text)
{
    static const char *const with[] = {"&amp;", "&lt;", "&gt;", "&quot;"};
    add_escaped(out, text, "&<>\"", with);
}

static void add_xml_foreign(struct str *out, const char *text)
{
    struct str visible = {0};
    text_visible(&visible, text, strlen(text));
    add_xml(out, str_text(&visible));
    str_free(&visible);
}

static void add_case(const struct verify_report *r, size_t check, struct str *out)
{
    const char *lines = str_text(&r->findings[check]);
    str_add(out, "    <testcase classname=\"seedops.");
    add_xml_foreign(out, r->environment);
    str_printf(out, "\" name=\"%s\"", checks[check]);
    if (r->counts[check] == 0) {
        str_add(out, "/>\n");
        return;
    }
    char first[256];
    snprintf(first, sizeof first, "%.*s", (int)strcspn(lines, "\n"), lines);
    first[text_fit(first, (int)sizeof first, &(int){0})] = '\0';     /* not cut within a character */
    str_add(out, ">\n      <failure message=\"");
    add_xml(out, first);
    str_add(out, "\">");
    add_xml(out, lines);
    str_add(out, "</failure>\n    </testcase>\n");
}

static void add_error(const struct verify_report *r, struct str *out)
{
    str_add(out, "    <testcase classname=\"seedops.");
    add_xml_foreign(out, r->environment);
    str_printf(out, "\" name=\"verify\">\n      <error type=\"%s\" message=\"", err_class_name(r->error->class));
    add_xml_foreign(out, r->error->message);
    str_add(out, "\">");
    add_xml_foreign(out, r->error->why);
    str_add(out, "</error>\n    </testcase>\n");
}

static void add_suite(const struct verify_report *r, struct str *out)
{
    bool failed = r->error->class != ERR_NONE;
    int failures = 0;
    for (size_t i = 0; i < VERIFY_CHECKS; i++)
        failures += r->counts[i] > 0;
    str_add(out, "  <testsuite name=\"seedops verify ");
    add_xml_foreign(out, r->environment);
    str_printf(out, "\" tests=\"%d\" failures=\"%d\" errors=\"%d\" time=\"%lld.%03lld\">\n", failed ? 1 : VERIFY_CHECKS,
               failed ? 0 : failures, failed, (long long)r->duration_ms / 1000, (long long)r->duration_ms % 1000);
    for (size_t i = 0; i < VERIFY_CHECKS && !failed; i++)
        add_case(r, i, out);
    if (failed)
        add_error(r, out);
    str_add(out, "  </testsuite>\n");
}

void verify_report_junit(const struct verify_report *const *reports, size_t count, struct str *out)
{
    str_add(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for (size_t i = 0; i < count; i++)
        add_suite(reports[i], out);
    str_add(out, "</testsuites>\n");
}

/* ---- Prometheus ---- */

static void add_label(struct str *out, const char *name, const char *value)
{
    static const char *const with[] = {"\\\\", "\\\"", "\\n"};
    struct str visible = {0};
    text_visible(&visible, value, strlen(value));
    str_printf(out, "%s=\"", name);
    add_escaped(out, str_text(&visible), "\\\"\n", with);
    str_add_char(out, '"');
    str_free(&visible);
}

static void add_head(struct str *out, const char *name, const char *help)
{
    str_printf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

static void add_sample(struct str *out, const struct verify_report *r, const char *name, const char *label,
                       const char *value, int64_t number)
{
    str_printf(out, "%s{", name);
    add_label(out, "environment", r->environment);
    if (label) {
        str_add_char(out, ',');
        add_label(out, label, value);
    }
    str_printf(out, "} %lld\n", (long long)number);
}

static bool looked(const struct verify_report *r) { return r->error->class == ERR_NONE; }

static void add_tables(struct str *out, const struct verify_report *r, const char *name, bool floors)
{
    for (size_t i = 0; r->counted && i < r->counted->table_count; i++) {
        const struct fact_table *t = &r->counted->tables[i];
        int64_t number = floors ? t->min_rows : t->rows;
        if (number >= 0 && !t->held)
            add_sample(out, r, name, "table", t->name, number);
    }
}

static void add_findings(struct str *out, const struct verify_report *r)
{
    for (size_t i = 0; i < VERIFY_CHECKS; i++)
        add_sample(out, r, "seedops_verify_findings", "check", checks[i], (int64_t)r->counts[i]);
}

/* Each head once, whatever the number of environments. */
void verify_report_prometheus(const struct verify_report *const *reports, size_t count, int64_t wall_ms, struct str *out)
{
    bool any = false;
    add_head(out, "seedops_verify_up", "Whether the database could be verified at all.");
    for (size_t i = 0; i < count; i++) {
        add_sample(out, reports[i], "seedops_verify_up", NULL, NULL, looked(reports[i]));
        any |= looked(reports[i]);
    }
    add_head(out, "seedops_verify_timestamp_seconds", "When it was tried.");
    for (size_t i = 0; i < count; i++)
        add_sample(out, reports[i], "seedops_verify_timestamp_seconds", NULL, NULL, wall_ms / 1000);
    if (!any)
        return;
    add_head(out, "seedops_verify_findings", "What falls short, by check.");
    for (size_t i = 0; i < count; i++)
        if (looked(reports[i]))
            add_findings(out, reports[i]);
    add_head(out, "seedops_table_rows", "Rows of tables that have a floor.");
    for (size_t i = 0; i < count; i++)
        if (looked(reports[i]))
            add_tables(out, reports[i], "seedops_table_rows", false);
    add_head(out, "seedops_table_floor_rows", "The least that they should have.");
    for (size_t i = 0; i < count; i++)
        if (looked(reports[i]))
            add_tables(out, reports[i], "seedops_table_floor_rows", true);
}
