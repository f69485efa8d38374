/* sums - adding up, and the form in which they are kept. */
#include "diff/sums.h"

#include <stdlib.h>
#include <string.h>

#include "diff/rowhash.h"

enum { ROWS_A_BUCKET = 64 };

/* Raised when hashes, buckets or what is kept change. */
static const char rules[] = PACKAGE_VERSION " sums 1";

void sums_begin(struct sums *s, uint64_t rows, size_t key_count)
{
    *s = (struct sums){.count = SUMS_BUCKETS_LEAST, .key_count = key_count};
    while (s->count < SUMS_BUCKETS_MOST && s->count < rows / ROWS_A_BUCKET)
        s->count *= 2;
    s->buckets = xcalloc(s->count, sizeof *s->buckets);
}

void sums_add(struct sums *s, uint64_t key, uint64_t all)
{
    struct sums_bucket *b = &s->buckets[key & (s->count - 1)];
    b->rows++;
    b->sum += all;
    s->rows++;
    s->sum += all;
}

void sums_move(struct sums *s, uint64_t key, uint64_t from, uint64_t to)
{
    s->buckets[key & (s->count - 1)].sum += to - from;
    s->sum += to - from;
    for (size_t i = 0; i < s->sampled; i++)
        if (s->sample[i].hash == from)
            s->sample[i].hash = to;
}

/* The texts of its key follow. */
static bool begin_sample(struct sums *s, uint64_t all)
{
    if (s->sampled == SUMS_SAMPLE)
        return false;
    s->sample[s->sampled++] = (struct sums_sample){.hash = all, .key = s->keys.length};
    return true;
}

void sums_sample_row(struct sums *s, const struct bound *b, const struct fixture_row *row, uint64_t all)
{
    if (!begin_sample(s, all))
        return;
    for (size_t k = 0; k < b->key_count; k++) {
        const char *text = row->values[b->key[k]].text;
        str_add_bytes(&s->keys, text, strlen(text) + 1);
    }
}

void sums_add_row(struct sums *s, const struct bound *b, const struct fixture_row *row, uint64_t key, uint64_t all)
{
    sums_add(s, key, all);
    if (row->number % (b->fixture->row_count / SUMS_SAMPLE + 1) == 0)
        sums_sample_row(s, b, row, all);
}

void sums_fold(const struct sums *s, uint32_t fewer, struct sums_bucket *out)
{
    memset(out, 0, fewer * sizeof *out);
    for (uint32_t i = 0; i < s->count; i++) {
        out[i & (fewer - 1)].rows += s->buckets[i].rows;
        out[i & (fewer - 1)].sum += s->buckets[i].sum;
    }
}

void sums_free(struct sums *s)
{
    free(s->buckets);
    str_free(&s->keys);
    *s = (struct sums){0};
}

/* ---- kept ---- */

static void add_number(struct hash *h, int64_t number) { hash_add(h, &number, sizeof number); }

static void add_column(struct hash *h, const struct layout_column *c)
{
    const struct db_type *t = &c->live->type;
    hash_add_field(h, c->live->name);
    hash_add_field(h, t->name);
    hash_add_field(h, t->base);
    hash_add_field(h, t->equality);
    const int64_t numbers[] = {t->base_oid, t->kind, t->category, t->precision, t->scale, t->max_length, t->bytewise,
                               c->key, (int64_t)t->label_count};
    hash_add(h, numbers, sizeof numbers);
    for (size_t i = 0; i < t->label_count; i++)
        hash_add_field(h, t->labels[i]);
}

void sums_key(const struct layout *l, const struct db_facts *facts, char key[HASH_HEX])
{
    const struct bound *b = l->bound;
    struct hash h;
    hash_init(&h);
    hash_add_field(&h, rules);
    hash_add_field(&h, b->fixture->digest);
    hash_add_field(&h, facts->server_version);
    hash_add_field(&h, facts->server_encoding);
    hash_add_field(&h, layout_settings);
    add_number(&h, (int64_t)b->key_count);
    for (size_t k = 0; k < b->key_count; k++)
        add_number(&h, (int64_t)b->key[k]);
    for (size_t i = 0; i < b->fixture->column_count; i++)
        if (l->columns[i].field >= 0)
            add_column(&h, &l->columns[i]);
    hash_hex(&h, key);
}

void sums_format(const struct sums *s, struct str *out)
{
    const uint64_t numbers[] = {s->rows, s->sum, s->count, s->sampled};
    str_reset(out);
    str_add_bytes(out, numbers, sizeof numbers);
    for (uint32_t i = 0; i < s->count; i++) {
        str_add_bytes(out, &s->buckets[i].sum, sizeof s->buckets[i].sum);
        str_add_bytes(out, &s->buckets[i].rows, sizeof s->buckets[i].rows);
    }
    for (size_t i = 0; i < s->sampled; i++) {
        const char *text = str_text(&s->keys) + s->sample[i].key;
        str_add_bytes(out, &s->sample[i].hash, sizeof s->sample[i].hash);
        for (size_t k = 0; k < s->key_count; k++, text += strlen(text) + 1)
            cache_add_text(out, text);
    }
}

static bool parse_buckets(struct sums *s, struct cache_reader *reader)
{
    uint64_t rows = 0, sum = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        struct sums_bucket *b = &s->buckets[i];
        if (!cache_read_bytes(reader, &b->sum, sizeof b->sum) || !cache_read_bytes(reader, &b->rows, sizeof b->rows))
            return false;
        rows += b->rows;
        sum += b->sum;
    }
    return rows == s->rows && sum == s->sum;
}

static bool parse_sample(struct sums *s, struct cache_reader *reader, uint64_t sampled)
{
    bool ok = true;
    for (uint64_t i = 0; ok && i < sampled; i++) {
        const char *text;
        uint64_t hash;
        size_t length;
        ok = cache_read_bytes(reader, &hash, sizeof hash) && begin_sample(s, hash);
        for (size_t k = 0; ok && k < s->key_count; k++)
            if ((ok = cache_read_text(reader, &text, &length)))
                str_add_bytes(&s->keys, text, length + 1);
    }
    return ok;
}

bool sums_parse(struct sums *s, const char *bytes, size_t length, size_t key_count)
{
    struct cache_reader reader = {bytes, bytes + length};
    uint64_t numbers[4];
    *s = (struct sums){.key_count = key_count};
    if (!cache_read_bytes(&reader, numbers, sizeof numbers) || numbers[2] < SUMS_BUCKETS_LEAST ||
        numbers[2] > SUMS_BUCKETS_MOST || (numbers[2] & (numbers[2] - 1)) != 0 || numbers[3] > SUMS_SAMPLE)
        return false;
    s->rows = numbers[0];
    s->sum = numbers[1];
    s->count = (uint32_t)numbers[2];
    s->buckets = xcalloc(s->count, sizeof *s->buckets);
    return parse_buckets(s, &reader) && parse_sample(s, &reader, numbers[3]) && reader.at == reader.end;
}

bool sums_find(struct sums *s, const char *dir, const char key[HASH_HEX], size_t key_count)
{
    struct str payload = {0};
    bool ok = cache_get(dir, key, &payload) && sums_parse(s, str_text(&payload), payload.length, key_count);
    if (!ok)
        sums_free(s);
    str_free(&payload);
    return ok;
}

void sums_keep(const struct sums *s, const char *dir, const char key[HASH_HEX])
{
    struct str payload = {0};
    sums_format(s, &payload);
    cache_put(dir, key, payload.text, payload.length);
    str_free(&payload);
}
