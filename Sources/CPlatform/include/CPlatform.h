// Thin shims over system headers that Swift cannot import. Nothing here decides anything.
#ifndef CPLATFORM_H
#define CPLATFORM_H

#include <stdint.h>

#endif
