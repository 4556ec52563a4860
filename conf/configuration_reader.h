/*
 * Private to conf/: how a mapping of the configuration file becomes fields of
 * a struct. A table says it all: one line a key, naming the function that reads
 * its value and the field that the value goes to. So a new key is a new line,
 * an unknown key can be told from all that are known, and a test can ask that
 * each of them is documented.
 */
#ifndef SALLYPORT_CONF_CONFIGURATION_READER_H
#define SALLYPORT_CONF_CONFIGURATION_READER_H

#include "conf/configuration.h"
#include "policy/arena.h"
#include "policy/yaml_node.h"

struct configuration_reader {
    struct arena *arena;
    const char *file;
    struct error *error;
};

struct configuration_key;

/* Fills FIELD from VALUE as KEY says. False: the reader's error has the place. */
typedef bool configuration_read_value(struct configuration_reader *reader,
                                      const struct configuration_key *key,
                                      const struct yaml_node *value, void *field);

struct configuration_key {
    const char *name; /* NULL ends a table */
    configuration_read_value *read;
    size_t offset; /* of the field in the struct that the mapping fills */
    uint32_t minimum;
    uint32_t maximum;                     /* whole numbers: the number; seconds: seconds */
    const char *const *words;             /* of a choice, in the enum's order; NULL ends */
    const struct configuration_key *keys; /* of a mapping in a mapping */
};

/* The keys at the file's top; the others hang below. */
extern const struct configuration_key configuration_keys[];

/* ---- configuration_walk.c: mappings ---- */

/* Reads each entry of MAPPING into the struct at TARGET. Nothing (null) is an empty mapping. */
bool configuration_read_mapping(struct configuration_reader *reader,
                                const struct configuration_key *keys,
                                const struct yaml_node *mapping, void *target);

/* A mapping in a mapping that fills the same struct: FIELD is the struct itself. */
configuration_read_value configuration_read_keys;

/* Fills the reader's error and returns false. */
bool configuration_refuse(struct configuration_reader *reader, const struct yaml_node *node,
                          const char *format, ...) PRINTF_LIKE(3, 4);

/* ---- configuration_values.c: single values ---- */

configuration_read_value configuration_read_boolean; /* bool */
configuration_read_value configuration_read_choice;  /* an enum: the index into words */
configuration_read_value configuration_read_count;   /* uint32_t, minimum..maximum */
configuration_read_value configuration_read_seconds; /* uint32_t milliseconds, > 0..maximum s */
configuration_read_value configuration_read_name;    /* const char *: policy_name_valid */
configuration_read_value configuration_read_path;    /* const char *: made relative to the file */
configuration_read_value configuration_read_path_or_none; /* the same, or "" */
configuration_read_value configuration_read_user;         /* const char *: an account, or "" */
configuration_read_value configuration_read_output;       /* a path, or "-" as it is */
configuration_read_value configuration_read_later; /* refuses: this version does not have it yet */

/* PATH as seen from where the configuration file lies; NULL: memory is out. */
const char *configuration_join_path(struct configuration_reader *reader, struct span path);

/* ---- configuration_network.c ---- */

struct endpoint {
    const char *unix_path; /* NULL: ip and port */
    struct ip ip;
    uint16_t port;
};

/* "127.0.0.1:3128", "[::1]:3128", "unix:PATH". */
bool configuration_parse_endpoint(struct configuration_reader *reader, const struct yaml_node *node,
                                  struct endpoint *endpoint);

/* Room for each item of LIST, and for one more so that an empty list has some too; NULL: refused.
 */
void *configuration_allocate_list(struct configuration_reader *reader,
                                  const struct configuration_key *key, const struct yaml_node *list,
                                  size_t size);

/* A list of ranges into *ranges and *count. */
bool configuration_parse_ranges(struct configuration_reader *reader,
                                const struct configuration_key *key, const struct yaml_node *list,
                                struct ip_range **ranges, size_t *count);

configuration_read_value configuration_read_ranges;    /* struct configuration */
configuration_read_value configuration_read_resolvers; /* struct configuration */
configuration_read_value configuration_read_admin;     /* struct configuration */

/* ---- configuration_listeners.c ---- */

configuration_read_value configuration_read_listeners; /* struct configuration */

/* The keys of one listener, for the test that asks whether they are documented. */
extern const struct configuration_key configuration_listener_keys[];

/* ---- configuration_lists.c ---- */

configuration_read_value configuration_read_apps;  /* struct app_list */
configuration_read_value configuration_read_hosts; /* struct host_list */

/* ---- configuration_tls.c ---- */

configuration_read_value configuration_read_inspections;         /* struct configuration */
configuration_read_value configuration_read_client_certificates; /* struct configuration */

extern const struct configuration_key configuration_inspection_keys[];
extern const struct configuration_key configuration_client_certificate_keys[];

/* ---- configuration_identity.c ---- */

configuration_read_value configuration_read_identity; /* struct listener_configuration */

extern const struct configuration_key configuration_identity_keys[];

/* What LISTENER, read from NODE, could never know its clients by. */
bool configuration_check_identity(struct configuration_reader *reader,
                                  const struct listener_configuration *listener,
                                  const struct yaml_node *node);

/* ---- configuration_limits.c ---- */

configuration_read_value configuration_read_limits; /* struct configuration */

extern const struct configuration_key configuration_limit_keys[];

/* ---- configuration_check.c ---- */

/* What no key can say alone: required keys, addresses used twice, keys that contradict. */
bool configuration_check(struct configuration_reader *reader,
                         const struct configuration *configuration, const struct yaml_node *root);

#endif
