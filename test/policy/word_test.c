/* Promises of policy/word: which of a word's bytes are the one looked for, and no other. */
#include "policy/word.h"

#include "test/suite.h"

/* A word of OTHER, with BYTE where PLACES has a bit. */
static uint64_t word_of(uint8_t byte, uint8_t other, unsigned places)
{
    char text[8];
    for (unsigned i = 0; i < 8; i++)
        text[i] = (char)((places >> i & 1) != 0 ? byte : other);
    return word_load(text);
}

/* The uppermost bits of the bytes where PLACES has a bit. */
static uint64_t bits_of(unsigned places)
{
    uint64_t bits = 0;
    for (unsigned i = 0; i < 8; i++)
        bits |= (uint64_t)(places >> i & 1) << (8 * i + 7);
    return bits;
}

/* The byte is the loop's number, and each other one stands beside it. */
START_TEST(names_the_places_of_a_byte_and_no_other)
{
    static const unsigned places[] = {0, 1, 0x80, 0x10, 0x55, 0xAA, 0x7F, 0xFF};
    const uint8_t byte = (uint8_t)_i;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        for (unsigned other = 0; other < 256; other++)
            if (other != byte)
                ck_assert_uint_eq(word_places(word_of(byte, (uint8_t)other, places[i]), byte),
                                  bits_of(places[i]));
}
END_TEST

START_TEST(tells_the_first_place)
{
    ck_assert_uint_eq(word_first(word_places(word_load("example."), '.')), 7);
    ck_assert_uint_eq(word_first(word_places(word_load("a.b.c.de"), '.')), 1);
    ck_assert_uint_eq(word_first(word_places(word_load(".b.c.de."), '.')), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("word");
    TCase *tests = tcase_create("word");
    tcase_add_loop_test(tests, names_the_places_of_a_byte_and_no_other, 0, 256);
    tcase_add_test(tests, tells_the_first_place);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
