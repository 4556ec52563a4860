/*
 * What a listener seals its session tickets with (RFC 5077, section 4; RFC 8446, section 4.6.1):
 * keys made at random in this process, for this listener alone, written nowhere. OpenSSL's own
 * would stay as long as the context; whoever had one of them could open all that was said by
 * TLS 1.2 until then. So the key is changed while the context lives, the one before it still opens
 * tickets, and no other is kept. A lock is held while a key is looked up: once a handshake, by
 * workers and by who changes the keys.
 */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "certs/tls_error.h"
#include "certs/tls_private.h"

#define NAME_SIZE 16 /* RFC 5077, section 4 */
#define KEY_SIZE  32 /* of AES-256-CBC, and of HMAC-SHA-256 */

struct ticket_key {
    unsigned char name[NAME_SIZE];
    unsigned char cipher[KEY_SIZE];
    unsigned char mac[KEY_SIZE];
};

struct tls_tickets {
    pthread_mutex_t lock;
    struct ticket_key keys[2]; /* the one that seals first, then the one before it */
    size_t count;              /* of them; 0: no tickets, for want of randomness */
};

static bool make_key(struct ticket_key *key)
{
    return RAND_bytes(key->name, NAME_SIZE) == 1 && RAND_priv_bytes(key->cipher, KEY_SIZE) == 1 &&
           RAND_priv_bytes(key->mac, KEY_SIZE) == 1;
}

/* The key that seals (NAME is to be set), or that sealed the ticket with NAME. False: there is
 * none. *IS_LAST: a ticket ought to be sealed anew. */
static bool find_key(struct tls_tickets *tickets, unsigned char *name, bool seals,
                     struct ticket_key *key, bool *is_last)
{
    size_t i = 0;
    pthread_mutex_lock(&tickets->lock);
    while (!seals && i < tickets->count && memcmp(tickets->keys[i].name, name, NAME_SIZE) != 0)
        i++;
    const bool found = i < tickets->count;
    if (found)
        *key = tickets->keys[i];
    pthread_mutex_unlock(&tickets->lock);
    *is_last = i > 0;
    if (found && seals)
        memcpy(name, key->name, NAME_SIZE);
    return found;
}

static bool set_mac(EVP_MAC_CTX *mac, struct ticket_key *key)
{
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac, KEY_SIZE),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end()};
    return EVP_MAC_CTX_set_params(mac, parameters) == 1;
}

static bool set_cipher(EVP_CIPHER_CTX *cipher, const struct ticket_key *key, unsigned char *vector,
                       bool seals)
{
    if (seals && RAND_bytes(vector, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1)
        return false;
    return EVP_CipherInit_ex2(cipher, EVP_aes_256_cbc(), key->cipher, vector, seals, NULL) == 1;
}

/* As SSL_CTX_set_tlsext_ticket_key_evp_cb(3) asks: 0 no ticket, 1 go on, 2 go on and give a new
 * one. */
static int use_key(SSL *ssl, unsigned char *name, unsigned char *vector, EVP_CIPHER_CTX *cipher,
                   EVP_MAC_CTX *mac, int seals)
{
    struct tls_tickets *tickets = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    struct ticket_key key;
    bool is_last;
    if (!find_key(tickets, name, seals != 0, &key, &is_last))
        return 0;
    const bool is_set = set_mac(mac, &key) && set_cipher(cipher, &key, vector, seals != 0);
    OPENSSL_cleanse(&key, sizeof(key));
    if (!is_set)
        return -1;
    return is_last ? 2 : 1;
}

static void rotate(struct tls_tickets *tickets)
{
    struct ticket_key key;
    const bool made = make_key(&key);
    pthread_mutex_lock(&tickets->lock);
    tickets->keys[1] = tickets->keys[0];
    tickets->keys[0] = key;
    tickets->count = tickets->count == 0 ? 1 : 2;
    if (!made) {
        OPENSSL_cleanse(tickets->keys, sizeof(tickets->keys));
        tickets->count = 0;
    }
    pthread_mutex_unlock(&tickets->lock);
    OPENSSL_cleanse(&key, sizeof(key));
}

bool tls_tickets_start(struct tls_context *context, struct error *error)
{
    struct tls_tickets *tickets = calloc(1, sizeof(*tickets));
    if (tickets == NULL || pthread_mutex_init(&tickets->lock, NULL) != 0) {
        free(tickets);
        return tls_error_set("session tickets could not be set up", error);
    }
    rotate(tickets);
    context->tickets = tickets;
    SSL_CTX_set_app_data(context->ssl_context, tickets);
    SSL_CTX_set_timeout(context->ssl_context, TLS_TICKET_SECONDS);
    return SSL_CTX_set_tlsext_ticket_key_evp_cb(context->ssl_context, use_key) == 1 ||
           tls_error_set("session tickets could not be set up", error);
}

void tls_tickets_free(struct tls_tickets *tickets)
{
    if (tickets == NULL)
        return;
    OPENSSL_cleanse(tickets->keys, sizeof(tickets->keys));
    pthread_mutex_destroy(&tickets->lock);
    free(tickets);
}

void tls_context_rotate_tickets(struct tls_context *context)
{
    if (context->tickets != NULL)
        rotate(context->tickets);
}
