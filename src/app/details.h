/* details - a row in full, as lines for the dialog of `i`. */
#ifndef SEEDOPS_APP_DETAILS_H
#define SEEDOPS_APP_DETAILS_H

struct str;

/* "label        text" in one line, made visible; nothing for an empty text. */
void details_add(struct str *out, const char *label, const char *text);
/* The same, each of the text's lines in a line of its own. */
void details_add_lines(struct str *out, const char *label, const char *text);
/* The same for a number; nothing for one below zero. */
void details_add_number(struct str *out, const char *label, long long number);

#endif
