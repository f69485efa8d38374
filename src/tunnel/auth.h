/* auth - what the files of authentication share. */
#ifndef SEEDOPS_TUNNEL_AUTH_H
#define SEEDOPS_TUNNEL_AUTH_H

#include "tunnel/hop.h"

enum auth_end {
    AUTH_DONE,
    AUTH_GO_ON,                      /* denied, or not even tried: the next thing */
    AUTH_MORE,                       /* accepted, and the server wants another method as well */
    AUTH_STOP                        /* with `err`: lost, cancelled, nobody answered */
};

/* What a call of libssh's came to; AGAIN is waited for by auth_call. */
enum auth_end auth_end_of(struct hop *hop, int rc, struct err *err);
/* Repeats `step` while it says SSH_AUTH_AGAIN; the deadline is the hop's. INFO is given as it is. */
bool auth_call(struct hop *hop, int (*step)(struct hop *hop, void *with), void *with, int *rc, struct err *err);
/* "agent (2 keys)": another thing that was tried. */
void auth_tried(struct hop *hop, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Asks through the options; *secret (given) or `typed`. */
bool auth_ask(struct hop *hop, enum tunnel_question_kind kind, const char *title, const char *text,
              struct secret **secret, char *typed, size_t size, struct err *err);

/* auth_key.c */
const char *auth_agent_path(const struct hop *hop);   /* NULL: there is none to ask */
enum auth_end auth_agent(struct hop *hop, struct err *err);
enum auth_end auth_files(struct hop *hop, struct err *err);
/* auth_typed.c */
enum auth_end auth_interactive(struct hop *hop, struct err *err);
enum auth_end auth_password(struct hop *hop, struct err *err);

#endif
