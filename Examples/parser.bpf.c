// SPDX-License-Identifier: Apache-2.0
//
// A packet parser in layers. Every layer is a program of its own: it reads its header, leaves
// what the next one needs in the state of this CPU, and tail-calls it. Layers of the link and
// tunnels are slots of `layers`, at constant indexes; what IP carries is looked up in
// `protocols` by the protocol number of the packet, a variable index. A call that misses falls
// through, and the packet passes: the parser drops only what is malformed.
//
// Tunnels lead back to the layers below, so packets nest until the 33 hops are used up.
//
// The headers hold a layer each, and make one object together, in the order in
// which a packet meets them.

#include "parser/link.h"
#include "parser/ip.h"
#include "parser/extensions.h"
#include "parser/tunnels.h"
#include "parser/transport.h"
#include "parser/icmp.h"

char LICENSE[] SEC("license") = "Apache-2.0";
