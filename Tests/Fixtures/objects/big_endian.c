// For the other byte order, which is refused.
#include "no_types.c"
