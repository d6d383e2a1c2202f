// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hss/vault.h"

#include <errno.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/writer.h"

enum { FORMAT = 1, NONCE = 12, TAG = 16, KEY_TEXT = 2 * VAULT_KEY };

struct vault {
    EVP_CIPHER *gcm;
    EVP_CIPHER_CTX *seal, *open;
    EVP_MD *sha;
    EVP_MD_CTX *md;
    uint8_t seed[VAULT_SEED];
    uint64_t counter;
};

void vault_free(struct vault *v)
{
    if (!v)
        return;
    EVP_CIPHER_CTX_free(v->seal);
    EVP_CIPHER_CTX_free(v->open);
    EVP_CIPHER_free(v->gcm);
    EVP_MD_CTX_free(v->md);
    EVP_MD_free(v->sha);
    mem_free(v);
}

int vault_new(const uint8_t key[VAULT_KEY], const uint8_t seed[VAULT_SEED],
              struct vault **ret_vault)
{
    struct vault *v = mem_zalloc(sizeof(*v));
    if (!v)
        return ERR_NOMEM;
    memcpy(v->seed, seed, VAULT_SEED);
    v->gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    v->sha = EVP_MD_fetch(NULL, "SHA256", NULL);
    v->seal = EVP_CIPHER_CTX_new();
    v->open = EVP_CIPHER_CTX_new();
    v->md = EVP_MD_CTX_new();
    if (!v->gcm || !v->sha || !v->seal || !v->open || !v->md ||
        EVP_EncryptInit_ex2(v->seal, v->gcm, key, NULL, NULL) != 1 ||
        EVP_DecryptInit_ex2(v->open, v->gcm, key, NULL, NULL) != 1) {
        vault_free(v);
        return ERR_NOMEM;
    }
    *ret_vault = v;
    return 0;
}

// 96 bits of SHA-256 over the process's seed and a counter: never twice in a process, and by chance
// only between processes.
static int next_nonce(struct vault *v, uint8_t nonce[NONCE])
{
    uint8_t md[EVP_MAX_MD_SIZE];
    v->counter++;
    if (EVP_DigestInit_ex2(v->md, v->sha, NULL) != 1 ||
        EVP_DigestUpdate(v->md, v->seed, VAULT_SEED) != 1 ||
        EVP_DigestUpdate(v->md, &v->counter, sizeof(v->counter)) != 1 ||
        EVP_DigestFinal_ex(v->md, md, NULL) != 1)
        return ERR_NOMEM;
    memcpy(nonce, md, NONCE);
    return 0;
}

int vault_seal(struct vault *v, struct str owner, struct str plain, uint8_t *ret_sealed)
{
    if (plain.n > VAULT_MAX)
        return ERR_INVAL;
    uint8_t *nonce = ret_sealed + 1, *text = nonce + NONCE;
    int err = next_nonce(v, nonce), n = 0;
    if (err)
        return err;
    ret_sealed[0] = FORMAT;
    if (EVP_EncryptInit_ex2(v->seal, NULL, NULL, nonce, NULL) != 1 ||
        EVP_EncryptUpdate(v->seal, NULL, &n, (const uint8_t *)owner.p, (int)owner.n) != 1 ||
        EVP_EncryptUpdate(v->seal, text, &n, (const uint8_t *)plain.p, (int)plain.n) != 1 ||
        EVP_EncryptFinal_ex(v->seal, text + plain.n, &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(v->seal, EVP_CTRL_AEAD_GET_TAG, TAG, text + plain.n) != 1)
        return ERR_NOMEM;
    return 0;
}

int vault_open(struct vault *v, struct str owner, struct str sealed, uint8_t ret_plain[VAULT_MAX],
               size_t *ret_n)
{
    if (sealed.n < VAULT_OVERHEAD || sealed.n > VAULT_OVERHEAD + VAULT_MAX || sealed.p[0] != FORMAT)
        return ERR_AUTH;
    const uint8_t *nonce = (const uint8_t *)sealed.p + 1, *text = nonce + NONCE;
    size_t plain_n = sealed.n - VAULT_OVERHEAD;
    uint8_t tag[TAG];
    memcpy(tag, text + plain_n, TAG);
    int n = 0;
    if (EVP_DecryptInit_ex2(v->open, NULL, NULL, nonce, NULL) != 1 ||
        EVP_DecryptUpdate(v->open, NULL, &n, (const uint8_t *)owner.p, (int)owner.n) != 1 ||
        EVP_DecryptUpdate(v->open, ret_plain, &n, text, (int)plain_n) != 1 ||
        EVP_CIPHER_CTX_ctrl(v->open, EVP_CTRL_AEAD_SET_TAG, TAG, tag) != 1 ||
        EVP_DecryptFinal_ex(v->open, ret_plain + plain_n, &n) != 1)
        return ERR_AUTH;
    *ret_n = plain_n;
    return 0;
}

static int read_private(int fd, char text[KEY_TEXT + 2], size_t *ret_n)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return ERR_IO;
    if (!S_ISREG(st.st_mode))
        return ERR_INVAL;
    if (st.st_mode & 077)
        return ERR_DENIED;
    ssize_t n = read(fd, text, KEY_TEXT + 2);
    if (n < 0)
        return ERR_IO;
    *ret_n = (size_t)n;
    return 0;
}

int vault_key_read(const char *path, uint8_t ret_key[VAULT_KEY])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? ERR_NOTFOUND : errno == EACCES ? ERR_DENIED : ERR_IO;
    char text[KEY_TEXT + 2];
    size_t n = 0;
    int err = read_private(fd, text, &n);
    close(fd);
    if (!err)
        err = str_unhex(str_trim(str_make(text, n)), ret_key, VAULT_KEY);
    OPENSSL_cleanse(text, sizeof(text));
    return err;
}

const char *vault_key_trouble(int err)
{
    return err == ERR_DENIED     ? "others may read it (chmod 600), or this user may not"
           : err == ERR_INVAL    ? "it is no regular file"
           : err == ERR_BAD      ? "it must hold 64 hexadecimal digits"
           : err == ERR_NOTFOUND ? "there is none"
                                 : err_text(err);
}

static bool write_new(int fd, const char text[KEY_TEXT + 1], size_t n)
{
    bool ok = write(fd, text, n) == (ssize_t)n && fsync(fd) == 0;
    return close(fd) == 0 && ok;
}

// Under a name of its own first, so that another HSS finds all of it or nothing.
int vault_key_create(const char *path, const uint8_t key[VAULT_KEY])
{
    char text[KEY_TEXT + 1], name[PATH_MAX];
    struct writer w = writer_init(text, sizeof(text));
    writer_hex(&w, key, VAULT_KEY);
    writer_chr(&w, '\n');
    if ((size_t)snprintf(name, sizeof name, "%s.XXXXXX", path) >= sizeof name)
        return ERR_TOOBIG;
    int fd = mkostemp(name, O_CLOEXEC);
    if (fd < 0)
        return ERR_IO;
    int err = write_new(fd, text, w.n) ? 0 : ERR_IO;
    if (!err && link(name, path) != 0)
        err = errno == EEXIST ? ERR_EXISTS : ERR_IO;
    unlink(name);
    OPENSSL_cleanse(text, sizeof(text));
    return err;
}
