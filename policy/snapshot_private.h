/* What a snapshot asks of its policies and nobody else does. */
#ifndef SALLYPORT_POLICY_SNAPSHOT_PRIVATE_H
#define SALLYPORT_POLICY_SNAPSHOT_PRIVATE_H

#include "policy/snapshot.h"

/* 64 bits that follow from the policy's content alone, the same in every process. */
uint64_t app_policy_fingerprint(const struct app_policy *policy);

/* The trie, to be shared by what belongs to the policy. */
struct trie *app_policy_own_trie(struct app_policy *policy);

/* Bytes that it holds beside its trie. */
size_t app_policy_own_size(const struct app_policy *policy);

#endif
