/* known - the files line by line. libssh matches names (patterns, hashes) and reads keys; markers and lists of files
 * are ours, since it skips the former and knows one file only. */
#include "tunnel/known.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/str.h"

enum { FILE_MAX_BYTES = 16 * 1024 * 1024, SALT = 20 };

static void add(struct known *known, const struct known_entry *entry)
{
    known->entries = xrealloc(known->entries, (known->count + 1) * sizeof *known->entries);
    known->entries[known->count++] = *entry;
}

/* Skips the marker; false: one that nobody knows. */
static bool take_mark(const char **line, enum known_mark *mark)
{
    static const struct { const char *word; enum known_mark mark; } marks[] = {
        {"@revoked", KNOWN_REVOKED}, {"@cert-authority", KNOWN_AUTHORITY}};
    *mark = KNOWN_PLAIN;
    if (**line != '@')
        return true;
    size_t length = strcspn(*line, " \t");
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (strlen(marks[i].word) == length && strncmp(*line, marks[i].word, length) == 0) {
            *mark = marks[i].mark;
            *line += length + strspn(*line + length, " \t");
            return true;
        }
    return false;
}

/* One name of ours against one line, as libssh does it, for which a "!" counts for nothing. */
static bool parse(const char *name, const char *line, ssh_key *key)
{
    struct ssh_knownhosts_entry *entry = NULL;
    bool match = ssh_known_hosts_parse_line(name, line, &entry) == SSH_OK && entry && entry->publickey;
    *key = match ? ssh_key_dup(entry->publickey) : NULL;
    SSH_KNOWNHOSTS_ENTRY_FREE(entry);
    return *key != NULL;
}

/* "!pattern" among the line's names takes a server out, wherever it stands. */
static bool is_excluded(const char *name, const char *line)
{
    size_t names = strcspn(line, " \t");
    bool excluded = false;
    for (const char *at = line; !excluded && at < line + names; at += strcspn(at, ", \t") + 1) {
        if (*at != '!')
            continue;
        struct str alone = {0};
        ssh_key key = NULL;
        str_add_bytes(&alone, at + 1, strcspn(at + 1, ", \t"));
        str_add(&alone, line + names);
        excluded = parse(name, str_text(&alone), &key);
        ssh_key_free(key);
        str_free(&alone);
    }
    return excluded;
}

static void read_line(struct known *known, const struct resolved *config, const char *file, unsigned number,
                      const char *line)
{
    struct known_entry entry = {.file = file, .line = number};
    line += strspn(line, " \t");
    if (!*line || *line == '#' || !take_mark(&line, &entry.mark))
        return;
    bool has_port = !config->key_alias && config->known_name[0] == '[';
    if (is_excluded(config->known_name, line) || (has_port && is_excluded(config->host, line)))
        return;
    if (!parse(config->known_name, line, &entry.key)) {
        entry.portless = true;
        if (!has_port || !parse(config->host, line, &entry.key))
            return;
    }
    add(known, &entry);
}

static bool read_file(struct known *known, const struct resolved *config, const char *file, struct err *err)
{
    struct stat st;
    char *bytes;
    size_t length;
    if (stat(file, &st) != 0 && (errno == ENOENT || errno == ENOTDIR))
        return true;
    if (S_ISCHR(st.st_mode))         /* /dev/null, as some have it */
        return true;
    if (!file_read(file, FILE_MAX_BYTES, &bytes, &length, err))
        return err_hint(err, "host keys cannot be checked without it");
    char *rest = bytes;
    unsigned number = 0;
    for (char *line; (line = strsep(&rest, "\n"));) {
        line[strcspn(line, "\r")] = '\0';
        read_line(known, config, file, ++number, line);
    }
    free(bytes);
    return true;
}

bool known_read(struct known *known, const struct resolved *config, struct err *err)
{
    *known = (struct known){0};
    const struct resolve_list *const lists[] = {&config->user_known_hosts, &config->global_known_hosts};
    for (size_t l = 0; l < sizeof lists / sizeof *lists; l++)
        for (size_t i = 0; i < lists[l]->count; i++)
            if (!read_file(known, config, lists[l]->items[i], err))
                return false;
    return true;
}

void known_free(struct known *known)
{
    for (size_t i = 0; i < known->count; i++)
        ssh_key_free(known->entries[i].key);
    free(known->entries);
    *known = (struct known){0};
}

static bool is_key_of_line(const char *line, ssh_key key)
{
    char type[64], base64[8192];
    ssh_key listed = NULL;
    if (sscanf(line, "%63s %8191s", type, base64) != 2)
        return false;
    bool same = ssh_pki_import_pubkey_base64(base64, ssh_key_type_from_name(type), &listed) == SSH_OK &&
                ssh_key_cmp(listed, key, SSH_KEY_CMP_PUBLIC) == 0;
    ssh_key_free(listed);
    return same;
}

bool known_not_revoked(const struct resolved *config, ssh_key key, struct err *err)
{
    char *bytes;
    size_t length;
    if (!config->revoked_keys)
        return true;
    if (!file_read(config->revoked_keys, FILE_MAX_BYTES, &bytes, &length, err)) {
        err->class = ERR_NEVER_READY;
        return err_hint(err, "RevokedHostKeys names it; OpenSSH refuses every host key too while it cannot be read");
    }
    bool ok = true;
    if (length >= 6 && memcmp(bytes, "SSHKRL", 6) == 0) {
        ok = err_set(err, ERR_NEVER_READY, "RevokedHostKeys is a binary list, which cannot be read here");
        err_why(err, "%s", config->revoked_keys);
        err_hint(err, "give it as a text file of public keys, or use a ProxyCommand");
    }
    unsigned number = 0;
    char *rest = bytes;
    for (char *line; ok && (line = strsep(&rest, "\n"));) {
        number++;
        if (is_key_of_line(line, key)) {
            ok = err_set(err, ERR_NEVER_READY, "the SSH server's key is revoked");
            err_at(err, config->revoked_keys, number, 0);
        }
    }
    free(bytes);
    return ok;
}

static void add_hashed(struct str *line, const char *name)
{
    unsigned char salt[SALT], mac[HASH_SHA1];
    char text[64];
    randombytes_buf(salt, sizeof salt);
    hash_hmac_sha1(salt, sizeof salt, name, strlen(name), mac);
    str_printf(line, "|1|%s|", sodium_bin2base64(text, sizeof text, salt, sizeof salt, sodium_base64_VARIANT_ORIGINAL));
    str_add(line, sodium_bin2base64(text, sizeof text, mac, sizeof mac, sodium_base64_VARIANT_ORIGINAL));
}

static bool append(const char *path, const struct str *line, struct err *err)
{
    char *dir = file_dirname(path), last = '\n';
    bool ok = file_make_dirs(dir, 0700, err);
    free(dir);
    if (!ok)
        return false;
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    off_t end = fd >= 0 ? lseek(fd, 0, SEEK_END) : -1;
    if (end > 0 && pread(fd, &last, 1, end - 1) != 1)
        last = '\n';
    struct str whole = {0};
    str_add(&whole, last == '\n' ? "" : "\n");
    str_add(&whole, str_text(line));
    ok = fd >= 0 && write(fd, whole.text, whole.length) == (ssize_t)whole.length && fsync(fd) == 0;
    if (!ok)
        err_errno(err, ERR_GENERAL, errno, "cannot write %s", path);
    str_free(&whole);
    if (fd >= 0)
        close(fd);
    return ok;
}

bool known_store(const struct resolved *config, ssh_key key, struct err *err)
{
    struct stat st;
    char *base64 = NULL;
    const char *path = config->user_known_hosts.count ? config->user_known_hosts.items[0] : NULL;
    if (!path || (stat(path, &st) == 0 && S_ISCHR(st.st_mode)))
        return err_set(err, ERR_GENERAL, "UserKnownHostsFile names no file to keep it in");
    if (ssh_pki_export_pubkey_base64(key, &base64) != SSH_OK)
        return err_set(err, ERR_GENERAL, "the key cannot be written down");
    struct str line = {0};
    if (config->hash_known_hosts)
        add_hashed(&line, config->known_name);
    else
        str_add(&line, config->known_name);
    str_printf(&line, " %s %s\n", ssh_key_type_to_char(ssh_key_type(key)), base64);
    ssh_string_free_char(base64);
    bool ok = append(path, &line, err);
    str_free(&line);
    return ok;
}
