/* A directory of files for a test, and what a test puts there. */
#ifndef SALLYPORT_TEST_POLICY_TREE_H
#define SALLYPORT_TEST_POLICY_TREE_H

#define TREE_ROOT_SIZE 64

/* Makes an empty directory; ROOT is its path. The test fails where it cannot. */
void tree_begin(char root[TREE_ROOT_SIZE]);

/* Writes CONTENT to ROOT/NAME, and makes the directories above it. */
void tree_write(const char *root, const char *name, const char *content);

/* Removes ROOT with all that is below. */
void tree_end(const char *root);

#endif
