#include "test.h"
int test_summary(struct test *t){(void)t;return 1;}
