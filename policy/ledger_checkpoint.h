/*
 * A checkpoint: the ledger's head, signed, to be kept somewhere else. Whoever has it
 * can see later that the ledger still holds that entry, unchanged, and so every one
 * before it: the chain itself cannot show that its end was cut off.
 *
 *   {"checkpoint":"sallyport-ledger-1","n":7,"hash":"HEX","time":"…","signature":"HEX"}
 *
 * A line of its own; the signature is Ed25519 (certs/signature.h) over the bytes before
 * `,"signature":`.
 */
#ifndef SALLYPORT_POLICY_LEDGER_CHECKPOINT_H
#define SALLYPORT_POLICY_LEDGER_CHECKPOINT_H

#include "policy/ledger.h"

#define CHECKPOINT_TEXT_MAXIMUM 1024

struct ledger_checkpoint {
    uint64_t n;
    char hash[LEDGER_HASH_SIZE];
    char time[32];
};

/* Adds the line of N and HASH, signed with the private key in PEM at the present time, to TEXT. */
bool ledger_checkpoint_write(uint64_t n, const char *hash, struct span pem, struct text *text,
                             struct error *error);

/*
 * Reads LINE (its end included, nothing behind it) and verifies it with the public key in PEM.
 * False: ERROR says why, its column counts bytes of the line; the file is the caller's to fill.
 */
bool ledger_checkpoint_read(struct span line, struct span pem, struct ledger_checkpoint *checkpoint,
                            struct error *error);

#endif
