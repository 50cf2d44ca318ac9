#include "test.h"
int test_line(struct test *t){(void)t;return 1;}
