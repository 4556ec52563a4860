/*
 * What an admin can change of an installation: a verb each. An edit changes the
 * installation in memory, or says why it cannot be; whether the proxy would take the
 * result is installation_file_judge's to say.
 */
#ifndef SALLYPORT_POLICY_INSTALLATION_EDIT_H
#define SALLYPORT_POLICY_INSTALLATION_EDIT_H

#include "policy/installation_file.h"

#define EDIT_DOMAINS_MAXIMUM 100 /* in one command */

/* The options that only some verbs take, in the order of their names in the table of verbs. */
enum installation_setting {
    SETTING_VERSION,
    SETTING_REGION,
    SETTING_DOMAIN,
    SETTING_TYPE,
    SETTING_DESCRIPTION,
    SETTING_ENDPOINT,
    SETTING_REMOVE,
    SETTINGS
};

/* What was asked for, beside the verb. */
struct installation_wish {
    uint32_t given;           /* 1 << enum installation_setting, each option that was given */
    const char *arguments[2]; /* behind the verb; NULL: not given */
    size_t argument_count;
    uint32_t major;     /* --version; 0: not given */
    const char *region; /* NULL: not given; so the next two */
    const char *endpoint;
    const char *description;
    const char *domains[EDIT_DOMAINS_MAXIMUM];
    size_t domain_count;
    uint32_t lists; /* of --type: 1 << enum manifest_list */
    bool remove;
};

struct installation_edit {
    const struct installation_wish *wish;
    struct installation_file *file;
    struct installation *installation;
    const char *ledger; /* its path */
    char told[400];     /* what was done, for people and for the ledger: "region EU" */
    bool unchanged;     /* it was so already */
    bool versioned;     /* the entry names the approved version */
};

struct installation_verb {
    const char *name;     /* "set-region" */
    const char *event;    /* of its ledger entry; NULL: writes nothing */
    const char *argument; /* what stands behind the verb, for people; NULL: nothing */
    size_t arguments;     /* how many do, at least */
    uint32_t settings;    /* which it takes: 1 << enum installation_setting */
    bool adds;            /* the installation is new */
    bool reasoned;        /* --by and --why have to be given */
    bool (*edit)(struct installation_edit *edit, struct error *error);
};

/* The two verbs that have a file of their own. */
bool installation_edit_egress(struct installation_edit *edit, struct error *error);
bool installation_edit_remote(struct installation_edit *edit, struct error *error);

/* NULL: there is none of the name. */
const struct installation_verb *installation_verb_find(const char *name);

/* The verb that NAME, which is none, may be meant to be; NULL: none is near. */
const char *installation_verb_nearest(const char *name);

/* The name of an option that was given and that VERB does not take; NULL: it takes them all. */
const char *installation_verb_refuses(const struct installation_verb *verb, uint32_t given);

/* The type that NAME stands for ("FETCH_BACKEND_SIDE"). False: none. */
bool installation_type_find(struct span name, enum manifest_list *list);

/*
 * The major version that was approved before the one that is now, by what the ledger at PATH says
 * of the installation; 0: none is known. False: ERROR says what of the ledger cannot be read.
 */
bool installation_approved_before(const char *path, const struct installation_request *request,
                                  uint32_t *major, struct error *error);

#endif
