/*
 * TLS beyond the listeners': whose tunnels are looked into, and certificates that the
 * proxy shows to hosts in an app's name.
 */
#include "conf/configuration_reader.h"

#define AT(field)            .offset = offsetof(struct client_certificate, field)
#define AT_INSPECTION(field) .offset = offsetof(struct inspection, field)

/* clang-format off: one line a key */

const struct configuration_key configuration_inspection_keys[] = {
    {.name = "apps", .read = configuration_read_apps, AT_INSPECTION(apps)},
    {.name = "except", .read = configuration_read_hosts, AT_INSPECTION(except)},
    {.name = "ca", .read = configuration_read_path, AT_INSPECTION(ca)},
    {.name = "key", .read = configuration_read_path, AT_INSPECTION(key)},
    {0},
};

const struct configuration_key configuration_client_certificate_keys[] = {
    {.name = "apps", .read = configuration_read_apps, AT(apps)},
    {.name = "hosts", .read = configuration_read_hosts, AT(hosts)},
    {.name = "certificate", .read = configuration_read_path, AT(certificate)},
    {.name = "key", .read = configuration_read_path, AT(key)},
    {0},
};

/* clang-format on */

static bool read_inspection(struct configuration_reader *reader,
                            const struct configuration_key *key, const struct yaml_node *node,
                            struct inspection *item)
{
    if (!configuration_read_mapping(reader, key->keys, node, item))
        return false;
    return (item->apps.count > 0 && item->ca != NULL && item->key != NULL) ||
           configuration_refuse(reader, node,
                                "inspection is of some apps, by an authority; write {apps: "
                                "[APP/ENVIRONMENT], ca: FILE, key: FILE, except: [HOST]}");
}

bool configuration_read_inspections(struct configuration_reader *reader,
                                    const struct configuration_key *key,
                                    const struct yaml_node *value, void *field)
{
    struct configuration *configuration = field;
    configuration->inspections =
        configuration_allocate_list(reader, key, value, sizeof(*configuration->inspections));
    if (configuration->inspections == NULL)
        return false;
    configuration->inspection_count = value->count;
    for (size_t i = 0; i < value->count; i++) {
        if (!read_inspection(reader, key, value->items[i], &configuration->inspections[i]))
            return false;
    }
    return true;
}

static bool read_client_certificate(struct configuration_reader *reader,
                                    const struct configuration_key *key,
                                    const struct yaml_node *node, struct client_certificate *item)
{
    if (!configuration_read_mapping(reader, key->keys, node, item))
        return false;
    return (item->apps.count > 0 && item->hosts.count > 0 && item->certificate != NULL &&
            item->key != NULL) ||
           configuration_refuse(reader, node,
                                "a client certificate is for some apps and hosts; write {apps: "
                                "[APP/ENVIRONMENT], hosts: [HOST], certificate: FILE, key: FILE}");
}

bool configuration_read_client_certificates(struct configuration_reader *reader,
                                            const struct configuration_key *key,
                                            const struct yaml_node *value, void *field)
{
    struct configuration *configuration = field;
    configuration->client_certificates = configuration_allocate_list(
        reader, key, value, sizeof(*configuration->client_certificates));
    if (configuration->client_certificates == NULL)
        return false;
    configuration->client_certificate_count = value->count;
    for (size_t i = 0; i < value->count; i++) {
        if (!read_client_certificate(reader, key, value->items[i],
                                     &configuration->client_certificates[i]))
            return false;
    }
    return true;
}
