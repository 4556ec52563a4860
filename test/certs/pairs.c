#include "test/certs/pairs.h"

#include <check.h>
#include <stdio.h>

#include "certs/pem_file.h"
#include "test/policy/tree.h"

static char folder[TREE_ROOT_SIZE];

void pairs_begin(void)
{
    tree_begin(folder);
}

void pairs_end(void)
{
    tree_end(folder);
}

const char *pairs_path(const char *name)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *ending, BIO *content)
{
    char *bytes, file_name[64];
    const long length = BIO_get_mem_data(content, &bytes);
    snprintf(file_name, sizeof(file_name), "%s%s", name, ending);
    FILE *file = fopen(pairs_path(file_name), "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, (size_t)length, file), (size_t)length);
    ck_assert_int_eq(fclose(file), 0);
    BIO_free(content);
}

void pairs_make(const char *name, const struct certificate_profile *profile, const char *dns_name,
                time_t end)
{
    EVP_PKEY *key = certificate_key_new();
    const struct certificate_order order = {.profile = profile,
                                            .common_name = name,
                                            .names = &dns_name,
                                            .name_count = dns_name == NULL ? 0 : 1,
                                            .permitted_uri_host =
                                                dns_name == NULL ? "sallyport.internal" : NULL,
                                            .not_before = time(NULL) - 2 * PAIRS_HOUR,
                                            .not_after = end,
                                            .subject_key = key};
    X509 *certificate = certificate_new(&order);
    ck_assert_ptr_nonnull(certificate);
    write_file(name, ".pem", pem_file_of_certificates(certificate, NULL));
    write_file(name, ".key", pem_file_of_key(key));
    X509_free(certificate);
    EVP_PKEY_free(key);
}
