/*
 * Values for ${NAME} in manifests: from --set NAME=VALUE and variables.yml,
 * then the manifest's own defaults (environment.variables).
 */
#ifndef SALLYPORT_POLICY_VARIABLES_H
#define SALLYPORT_POLICY_VARIABLES_H

#include "policy/arena.h"
#include "policy/error.h"
#include "policy/yaml_node.h"

#define VARIABLES_MAXIMUM 1000 /* in one set */

struct variable {
    struct span name;
    struct span value;
    struct variable *next;
};

/* Zero-initialised is empty. Names and values live in the arena given to the setters. */
struct variables {
    struct variable *first;
};

/* ^[a-zA-Z_][a-zA-Z0-9_]*$ */
bool variable_name_valid(struct span name);

/* Sets or replaces. False: NAME is not valid, there are too many, or memory is out. */
bool variables_set(struct variables *variables, struct arena *arena, struct span name,
                   struct span value, struct error *error);

/* "NAME=VALUE", as --set gives it. */
bool variables_set_pair(struct variables *variables, struct arena *arena, struct span pair,
                        struct error *error);

/* Reads a variables.yml: a mapping NAME: scalar. Errors carry the place. */
bool variables_read(struct variables *variables, struct arena *arena,
                    const struct yaml_document *document, struct error *error);

/* False: NAME is not set. */
bool variables_find(const struct variables *variables, struct span name, struct span *value);

#endif
