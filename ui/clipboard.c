/* clipboard - base64 between ESC ] 52 ; c ; and BEL. */
#include "clipboard.h"

#include <stdint.h>

static void add_base64(struct str *out, const unsigned char *bytes, size_t length)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < length; i += 3) {
        size_t left = length - i;
        uint32_t v = (uint32_t)bytes[i] << 16;
        if (left > 1)
            v |= (uint32_t)bytes[i + 1] << 8;
        if (left > 2)
            v |= bytes[i + 2];
        str_add_char(out, digits[v >> 18]);
        str_add_char(out, digits[v >> 12 & 63]);
        str_add_char(out, left > 1 ? digits[v >> 6 & 63] : '=');
        str_add_char(out, left > 2 ? digits[v & 63] : '=');
    }
}

bool clipboard_sequence(struct str *out, const char *text, size_t length, bool tmux, struct err *err)
{
    if ((length + 2) / 3 * 4 > CLIPBOARD_LIMIT) {
        err_set(err, ERR_GENERAL, "%zu bytes are too many for the clipboard", length);
        err_why(err, "terminals take %d characters of base64 at once", CLIPBOARD_LIMIT);
        return err_hint(err, "use the command with --json for the whole of it");
    }
    /* inside tmux's pass-through every ESC is doubled */
    str_add(out, tmux ? "\033Ptmux;\033\033]52;c;" : "\033]52;c;");
    add_base64(out, (const unsigned char *)text, length);
    str_add(out, tmux ? "\a\033\\" : "\a");
    return true;
}
