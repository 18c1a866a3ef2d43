/* A passphrase becomes a key, the key is used, and both go: with OpenSSL, whose own memory is made to be cleared,
 * too.
 *
 *     hooks_secrets [malloc] [openssl-malloc] [stdio]  <passphrase
 *
 * It stops after each step, says which on stdout, and goes on at the next line of stdin; test_secrets.py takes a
 * core file at each stop and looks for passphrase and key. The words make it do one thing as programs usually do:
 * keep them in malloc's memory, leave OpenSSL its own, read the passphrase by fgets. Then the core files hold them.
 */
#include "hooks.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>
#include <unistd.h>

enum { PASSPHRASE_MAX = 128, KEY_BYTES = 32, ROUNDS = 10000 };

/* --- OpenSSL's memory: must-zero, for it holds pointers and copies of the key alike. It gives back an address
 * alone, so that the size stands in front. --- */

static const size_t front = 16;

static void *openssl_allocate(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    if (size > PTRDIFF_MAX - front)
        return NULL;
    ca_mustzero_result result = ca_allocate_mustzero(ca_default_authority(), (ca_layout){front + size, 16});
    if (!ca_is_ok(result))
        return NULL;
    *(size_t *)result.ptr = front + size;
    return (char *)result.ptr + front;
}

static void openssl_give_back(void *address, const char *file, int line)
{
    (void)file, (void)line;
    if (address != NULL) {
        size_t *start = (size_t *)((char *)address - front);
        ca_deallocate_zeroed((ca_mustzero){start, *start});
    }
}

static void *openssl_resize(void *address, size_t size, const char *file, int line)
{
    void *moved = openssl_allocate(size, file, line);
    if (moved != NULL && address != NULL) {
        size_t old = *(size_t *)((char *)address - front) - front;
        memcpy(moved, address, old < size ? old : size);
        openssl_give_back(address, file, line);
    }
    return moved;
}

/* --- the buffers of the program's own --- */

static bool by_malloc;

static ca_secret take(size_t size)
{
    if (by_malloc)
        return (ca_secret){calloc(1, size), size};
    return ca_unwrap(ca_allocate_secret(ca_default_authority(), (ca_layout){size, 16}));
}

static void give_back(ca_secret block)
{
    if (by_malloc)
        free(block.ptr);
    else
        ca_deallocate_zeroed(block);
}

/* Says where it is, and waits for a line; by system calls, which keep no copy. */
static void stop(const char *stage)
{
    char one;
    MUST(write(1, stage, strlen(stage)) > 0 && write(1, "\n", 1) == 1);
    while (read(0, &one, 1) == 1 && one != '\n')
        ;
}

static size_t read_passphrase(char *into, bool by_stdio)
{
    size_t length = 0;
    if (by_stdio) {
        MUST(fgets(into, PASSPHRASE_MAX, stdin) != NULL);
        return strcspn(into, "\n");
    }
    while (length < PASSPHRASE_MAX && read(0, into + length, 1) == 1 && into[length] != '\n')
        length++;
    return length;
}

int main(int argc, char **argv)
{
    bool by_stdio = false, own_openssl = true;
    for (int i = 1; i < argc; i++) {
        by_malloc |= strcmp(argv[i], "malloc") == 0;
        by_stdio |= strcmp(argv[i], "stdio") == 0;
        own_openssl &= strcmp(argv[i], "openssl-malloc") != 0;
    }
    if (own_openssl)
        MUST(CRYPTO_set_mem_functions(openssl_allocate, openssl_resize, openssl_give_back));

    ca_secret passphrase = take(PASSPHRASE_MAX);
    size_t length = read_passphrase(passphrase.ptr, by_stdio);
    stop("passphrase");

    ca_secret key = take(KEY_BYTES);
    MUST(PKCS5_PBKDF2_HMAC(passphrase.ptr, (int)length, (const unsigned char *)"salt", 4, ROUNDS, EVP_sha256(),
                           KEY_BYTES, key.ptr));
    give_back(passphrase);
    stop("key");

    static const unsigned char nonce[12];
    static unsigned char text[] = "attack at dawn", sealed[sizeof text], tag[16];
    int sealed_bytes = 0, last_bytes = 0;
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    MUST(cipher != NULL && EVP_EncryptInit_ex(cipher, EVP_aes_256_gcm(), NULL, key.ptr, nonce));
    give_back(key);
    stop("in use"); /* OpenSSL has a copy: the first two rounds of an AES key are the key */

    MUST(EVP_EncryptUpdate(cipher, sealed, &sealed_bytes, text, sizeof text));
    MUST(EVP_EncryptFinal_ex(cipher, sealed + sealed_bytes, &last_bytes));
    MUST(EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, sizeof tag, tag));
    stop("used");
    EVP_CIPHER_CTX_free(cipher);
    stop("gone");
    return 0;
}
