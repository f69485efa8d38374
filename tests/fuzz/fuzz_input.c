/* fuzz_input - any bytes as a journal line: refused, or the same input after another round. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/str.h"
#include "event/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input *in = NULL, *back = NULL;
    struct err err = {0};
    if (!input_decode((const char *)data, size, &in, &err))
        return 0;
    struct str line = {0};
    input_encode(in, &line);
    if (!input_decode(line.text, line.length, &back, &err) || !codec_equal(&type_input, in, back))
        abort();
    input_free(in);
    input_free(back);
    str_free(&line);
    return 0;
}
