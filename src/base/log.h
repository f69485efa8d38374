/* log - progress for scripts: text on stderr, or JSON lines (case E4). Never a connection string. */
#ifndef SEEDOPS_BASE_LOG_H
#define SEEDOPS_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum log_level { LOG_DEBUG_LEVEL, LOG_INFO_LEVEL, LOG_WARN_LEVEL, LOG_ERROR_LEVEL };

struct log {
    int fd;
    bool json;
    enum log_level least;
};

struct log_number { const char *name; int64_t value; };

/* Fields of E4 that may accompany a line; zero means absent. */
struct log_fields {
    const struct err *error;
    const char *filename;
    double duration_seconds;   /* < 0 or 0: absent */
    int exit_code;             /* < 0: absent */
    const char *suggestion;
    const char *environment;            /* of one that may be one of several; in JSON lines only */
    const char *event, *event_id;       /* of a watch: which kind, and which one */
    const struct log_number *numbers;   /* more, of JSON lines only: text has them in its words */
    size_t number_count;
};

/* Reads debug|info|warn|error; an empty or NULL name is info. */
bool log_level_parse(const char *name, enum log_level *level);
/* One line, one write(2). `fields` may be NULL. Anything that looks like a URL's password is [REDACTED]. */
void log_line(const struct log *log, enum log_level level, const struct log_fields *fields,
              const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
