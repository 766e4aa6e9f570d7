/* Linked into every instrumented program: where its profile goes, also when a test has cleared its environment.
 * The variable is taken back at once, so that no program sees another environment than without it. */
#include <stdlib.h>

static int ours;

__attribute__((constructor(101))) static void before(void) {
    if (!getenv("LLVM_PROFILE_FILE")) {
        ours = 1;
        setenv("LLVM_PROFILE_FILE", PATTERN, 1);
    }
}

__attribute__((constructor)) static void after(void) {
    if (ours) unsetenv("LLVM_PROFILE_FILE");
}
