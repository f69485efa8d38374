/* verify_report - a verification as files for other programs: JUnit XML for CI, a Prometheus textfile for
 * node_exporter. */
#ifndef SEEDOPS_CMD_VERIFY_REPORT_H
#define SEEDOPS_CMD_VERIFY_REPORT_H

#include "cmd/face.h"

enum { VERIFY_CHECKS = 6 };

struct verify_report {
    const char *environment;
    struct str findings[VERIFY_CHECKS];      /* a line each */
    size_t counts[VERIFY_CHECKS];
    const struct input *counted;             /* IN_TABLE with rows and floors, NULL: none was made */
    const struct err *error;                 /* why it could not be verified; class ERR_NONE: it was */
    int64_t duration_ms;
};

/* Sorts a finding under its check; one of a check that the table lacks counts under the first. */
void verify_report_add(struct verify_report *report, const char *check, const char *text);
void verify_report_free(struct verify_report *report);
/* Of one environment, or of several. */
void verify_report_junit(const struct verify_report *const *reports, size_t count, struct str *out);
void verify_report_prometheus(const struct verify_report *const *reports, size_t count, int64_t wall_ms, struct str *out);

#endif
