/*
 * From browser-side lists to directives: the sources of each are made, sorted
 * and written once. csp_source.c makes one source out of one declaration.
 */
#include "policy/csp.h"

#include <stdlib.h>

#include "policy/csp_source.h"

struct directive {
    const char *name;
    enum manifest_list list;
};

/* In the order of writing. */
static const struct directive directives[] = {
    {"connect-src", LIST_FETCH_CLIENT}, {"font-src", LIST_FONTS},  {"frame-src", LIST_FRAMES},
    {"img-src", LIST_IMAGES},           {"media-src", LIST_MEDIA}, {"script-src", LIST_SCRIPTS},
    {"style-src", LIST_STYLES},
};

struct sources {
    struct span *items;
    size_t count;
};

struct csp {
    const struct manifest *manifest;
    struct arena *arena;
    struct error *error;
};

static bool refuse_memory(struct csp *csp)
{
    error_set_at(csp->error, csp->manifest->file, (struct position){0, 0},
                 "too much to hold in memory");
    return false;
}

/* Keeps what WRITTEN holds. WROTE: it is a source; else the error is placed at AT. */
static bool take_source(struct csp *csp, struct sources *sources, bool wrote, struct position at,
                        const struct text *written)
{
    if (!wrote) {
        error_locate(csp->error, csp->manifest->file, at);
        return false;
    }
    struct span kept = arena_copy(csp->arena, text_span(written));
    if (kept.data == NULL || written->overflow)
        return refuse_memory(csp);
    sources->items[sources->count++] = kept;
    return true;
}

static bool add_remote(struct csp *csp, struct sources *sources, const struct manifest_entry *entry)
{
    const struct manifest_remote *remote = manifest_find_remote(csp->manifest, entry->text);
    for (size_t i = 0; remote != NULL && i < remote->url_count; i++) {
        char storage[CSP_SOURCE_SIZE];
        struct text source;
        text_init_fixed(&source, storage, sizeof(storage));
        bool wrote = csp_source_write_origin(&remote->urls[i].address, &source, csp->error);
        if (!take_source(csp, sources, wrote, remote->urls[i].at, &source))
            return false;
    }
    return true;
}

static bool add_entry(struct csp *csp, struct sources *sources, const struct manifest_entry *entry)
{
    char storage[CSP_SOURCE_SIZE];
    struct text source;
    if (entry->form == ENTRY_REMOTE)
        return add_remote(csp, sources, entry);
    text_init_fixed(&source, storage, sizeof(storage));
    bool wrote = entry->valid
                     ? csp_source_write_address(&entry->address, entry->text, &source, csp->error)
                     : csp_source_write_custom(entry->text, &source, csp->error);
    return take_source(csp, sources, wrote, entry->at, &source);
}

static bool add_options(struct csp *csp, struct sources *sources, const struct span *options,
                        const struct position *places, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char storage[CSP_SOURCE_SIZE];
        struct text source;
        text_init_fixed(&source, storage, sizeof(storage));
        bool wrote = csp_source_write_option(options[i], &source, csp->error);
        if (!take_source(csp, sources, wrote, places[i], &source))
            return false;
    }
    return true;
}

static size_t count_sources(const struct manifest *manifest, enum manifest_list list)
{
    return manifest->content_style_count + manifest->content_script_count +
           manifest_count_addresses(manifest, &manifest->lists[list]);
}

static bool collect_sources(struct csp *csp, enum manifest_list list, struct sources *sources)
{
    const struct manifest *manifest = csp->manifest;
    const struct manifest_entries *entries = &manifest->lists[list];
    sources->items =
        arena_allocate_array(csp->arena, count_sources(manifest, list) + 1, sizeof(struct span));
    if (sources->items == NULL)
        return refuse_memory(csp);
    for (size_t i = 0; i < entries->count; i++) {
        if (!add_entry(csp, sources, &entries->items[i]))
            return false;
    }
    if (list == LIST_STYLES)
        return add_options(csp, sources, manifest->content_styles, manifest->content_styles_at,
                           manifest->content_style_count);
    if (list == LIST_SCRIPTS)
        return add_options(csp, sources, manifest->content_scripts, manifest->content_scripts_at,
                           manifest->content_script_count);
    return true;
}

static int compare_sources(const void *left, const void *right)
{
    const struct span *a = left, *b = right;
    size_t shorter = a->length < b->length ? a->length : b->length;
    int order = memcmp(a->data, b->data, shorter);
    return order != 0 ? order : (a->length > b->length) - (a->length < b->length);
}

static void write_sources(const char *name, struct sources *sources, struct text *text)
{
    qsort(sources->items, sources->count, sizeof(*sources->items), compare_sources);
    text_add_format(text, "; %s 'self'", name);
    for (size_t i = 0; i < sources->count; i++) {
        if (i > 0 && span_equal(sources->items[i - 1], sources->items[i]))
            continue;
        text_add_char(text, ' ');
        text_add(text, sources->items[i]);
    }
}

bool csp_write(const struct manifest *manifest, struct arena *arena, struct text *text,
               struct error *error)
{
    struct csp csp = {.manifest = manifest, .arena = arena, .error = error};
    text_add_string(text, "default-src 'self'");
    for (size_t i = 0; i < sizeof(directives) / sizeof(directives[0]); i++) {
        struct sources sources = {NULL, 0};
        if (!collect_sources(&csp, directives[i].list, &sources))
            return false;
        if (sources.count > 0)
            write_sources(directives[i].name, &sources, text);
    }
    return text->overflow ? refuse_memory(&csp) : true;
}
