// Advice on what is met less often: the shape of code, arguments of helpers, strict programs.
extension Advice {
  static let rarer: [(part: String, why: String, hint: String)] = [
    (
      "known constant'", "This size has to be known when the program is verified.",
      "sizeof(*event)  or another constant"
    ),
    (
      "'map_ptr'", "A map itself is the kernel's: only its values can be touched.",
      "value = bpf_map_lookup_elem(&map, &key);"
    ),
    (
      "unbounded min value is not allowed",
      "The number that moves the address may be anything, also negative.",
      "if (index >= SIZE) return 0;  with an unsigned index, before the address is computed {here}"
    ),
    (
      "makes map_value pointer be out of bounds", "The number leads far outside of the value.",
      "if (index >= SIZE) return 0;  with an unsigned index, before the address is computed {here}"
    ),
    (
      "math between", "The number leads far outside of what the address points into.",
      "if (index >= SIZE) return 0;  with an unsigned index, before the address is computed {here}"
    ),
    (
      "pointer be out of bounds", "The number leads far outside of what the address points into.",
      "if (index >= SIZE) return 0;  with an unsigned index, before the address is computed {here}"
    ),
    (
      "BPF_ATOMIC", "Atomic instructions work on the stack and on values of maps only.",
      "__sync_fetch_and_add(value, 1);  on what a lookup found"
    ),
    (
      "not a scalar value", "The function has to return a number, not an address.",
      "return 0;"
    ),
    (
      "is not a known value", "The program has to return a number, not an address.",
      "return 0;"
    ),
    (
      "'pkt_end'", "The packet's end can be compared with, not read: nothing lies there.",
      "use data, after  if (data + SIZE > data_end) return 0;"
    ),
    (
      "jump out of range", "A jump leads outside of the function.",
      "in assembly, put the target's label into the same function"
    ),
    (
      "jump into the middle", "A jump leads into the second half of a wide immediate.",
      "in assembly, put the label before the instruction"
    ),
    (
      "last insn is not an exit", "Control would run past the last instruction.",
      "return 0;  at the end of the function (exit in assembly)"
    ),
    (
      "invalid destination", "A call leads to no function.",
      "link the file that has the function, or compile it in the same file"
    ),
    (
      "reserved fields", "A field that has to be zero is not.",
      "compile again with a current clang; in assembly, set unused fields to 0"
    ),
    (
      "unknown opcode", "There is no such instruction.",
      "clang -target bpf -mcpu=v3  or the version that the target knows"
    ),
    (
      "invalid atomic", "There is no such atomic instruction.",
      "clang -target bpf -mcpu=v3"
    ),
    (
      "bpf_ld_imm64 insn", "The wide immediate is none that Linux knows.",
      "compile again with a current clang"
    ),
    (
      "BPF_LD_IMM64", "The wide immediate is none that Linux knows.",
      "compile again with a current clang"
    ),
    (
      " is invalid", "There is no such register.",
      "use r0 to r9"
    ),
    (
      "invalid shift", "The number is shifted by as many bits as it has, or more.",
      "value << (count & 31)  for 32 bits, & 63 for 64"
    ),
    (
      "invalid func unknown", "There is no helper with this number.",
      "take the number from enum bpf_func_id in linux/bpf.h"
    ),
    (
      "is not pointing to valid bpf_map", "The number names no map.",
      "declare the map in section .maps and name it in the code"
    ),
    (
      "maximum number of maps", "The program names more maps than Linux takes.",
      "put several values into one map"
    ),
    (
      "number of maps per program", "The program names more than 64 maps.",
      "put several values into one map"
    ),
    (
      "too complex", "Too many branches wait to be followed.",
      "make the loop's limit smaller, or move its body to a global function"
    ),
    (
      "stack of", "Functions call each other too deep: there are 8 frames.",
      "static __always_inline  for some of them, so that they take no frame"
    ),
    (
      "frames is too deep", "Functions call each other too deep: there are 8 frames.",
      "static __always_inline  for some of them, so that they take no frame"
    ),
    (
      "tail_calls are not allowed when call stack",
      "The frames below a tail call stay live while its targets run.",
      "move large variables out of the callers, or the tail call into the main program"
    ),
    (
      "same insn cannot be used",
      "The instruction reaches the context on one path and other memory on another.",
      "read the field into a variable before the paths meet"
    ),
    (
      "pointer comparison prohibited",
      "Strict programs may not find out about addresses by comparing them.",
      "compare numbers; addresses only with NULL, and in the packet with data_end"
    ),
    (
      "leaks addr", "The address would get out of the program, which strict ones must not.",
      "store the number that you mean, not the pointer to it"
    ),
    (
      "leaking pointer", "The address would get out of the program, which strict ones must not.",
      "store the number that you mean, not the pointer to it"
    ),
    (
      "partial copy of pointer",
      "Part of an address would be a number, which strict programs must not have.",
      "keep the pointer in a variable of a pointer type"
    ),
    (
      "sign-extension part of pointer",
      "Part of an address would be a number, which strict programs must not have.",
      "keep the pointer in a variable of a pointer type"
    ),
    (
      "attempt to corrupt spilled pointer",
      "Part of an address on the stack is overwritten, which strict programs must not.",
      "use another variable"
    ),
    (
      "prohibited for !root", "Strict programs access the stack at places that are known.",
      "unroll the loop, or keep the array in a map's value"
    ),
    (
      "invalid read from stack", "These bytes of the stack hold nothing yet that may be read.",
      "__builtin_memset(&variable, 0, sizeof(variable));  before the use {here}"
    ),
    (
      "tcp_sock access", "This kind of socket has no such field, or not in this size.",
      "read the whole field of struct bpf_tcp_sock with its own type"
    ),
    (
      "xdp_sock access", "This kind of socket has no such field, or not in this size.",
      "read the whole field of struct bpf_xdp_sock with its own type"
    ),
    (
      "cannot write into sock", "Fields of sockets can only be read.",
      "bpf_setsockopt()  where the program's type has it"
    ),
    (
      "flow keys", "The keys of a flow have 56 bytes.",
      "use the fields of struct bpf_flow_keys"
    ),
    (
      "tracepoint buffer", "The buffer is read at places that are known and not before its start.",
      "use constant offsets from the buffer's start"
    ),
    (
      "variable buffer offset",
      "The buffer is read at places that are known and not before its start.",
      "use constant offsets from the buffer's start"
    ),
    (
      "cannot use bpf_", "Locks and timers in a map's values are not for this type of program.",
      "use a map without them, or __sync_fetch_and_add()"
    ),
    (
      "change key", "A map's key cannot be changed in place.",
      "delete the element and insert one with the new key"
    ),
    (
      "map key", "The access reaches past the end of the map's key.",
      "access less, or give the map a larger key"
    ),
    (
      "invalid access to memory", "The access reaches past the end of this memory.",
      "reserve or pass more bytes, or access less {here}"
    ),
    (
      "rdonly_mem", "This memory can only be read.",
      "copy it to a variable and change the copy"
    ),
    (
      "no direct value access", "Only arrays have values at known addresses.",
      "bpf_map_lookup_elem(&map, &key);"
    ),
    (
      "read from map forbidden", "Programs may only write this map.",
      "drop BPF_F_WRONLY_PROG"
    ),
    (
      "timer pointer in", "The timer is in another map than the one that is named.",
      "bpf_timer_init(&value->timer, &map, CLOCK_MONOTONIC);  with the map that the value is from"
    ),
    (
      "doesn't point to", "Locks and timers are only where the value's type says.",
      "bpf_spin_lock(&value->lock);  with the field itself"
    ),
    (
      "at the constant offset", "Locks are only where the value's type says.",
      "bpf_spin_lock(&value->lock);  with the field itself"
    ),
    (
      "without taking a lock", "No lock is held here.",
      "bpf_spin_lock(&value->lock);  before"
    ),
    (
      "different lock", "Another value's lock is held.",
      "bpf_spin_unlock(&value->lock);  with the value that was locked"
    ),
    (
      "zero-sized", "The size may be zero, which the helper does not take.",
      "if (size == 0) return 0;  before the call {here}"
    ),
    (
      "expected=scalar", "A number is wanted here, not an address.",
      "pass the size, such as sizeof(variable)"
    ),
    (
      "is not a scalar", "A number is wanted here, not an address.",
      "pass the number that the function's type asks for"
    ),
    (
      "type=sock_or_null", "The socket may be none and was not tested on this path.",
      "if (!sk) return 0;  before the call {here}"
    ),
    (
      "_or_null expected", "What a call gave may be none and was not tested on this path.",
      "if (!pointer) return 0;  before the call {here}"
    ),
    (
      "mem_or_null'", "Memory that a call gave may be none and was not tested on this path.",
      "if (!pointer) return 0;  before the access {here}"
    ),
    (
      "expected=map_ptr", "A map is wanted here.",
      "pass &map, with the map's own variable"
    ),
    (
      "expected=ctx", "The program's context is wanted here.",
      "pass the argument of the program, ctx, unchanged"
    ),
    (
      "expected=ringbuf_mem", "What is given back was not reserved, or was given back before.",
      "event = bpf_ringbuf_reserve(&ring, sizeof(*event), 0);  and give back the same pointer, once"
    ),
    (
      "expected=sock", "A socket is wanted here, which is held and was not given back before.",
      "sk = bpf_sk_lookup_tcp(...); if (!sk) return 0;  before the call {here}"
    ),
    (
      "expected=map_value", "An address in a map's value is wanted here.",
      "value = bpf_map_lookup_elem(&map, &key); if (!value) return 0;  and pass a field of it"
    ),
    (
      "expected=fp, dynptr_ptr", "A dynptr lives on the stack.",
      "struct bpf_dynptr dynptr;  as a local variable, and pass &dynptr"
    ),
    (
      "expected=fp", "Memory is wanted here: on the stack, in a map's value or in the packet.",
      "pass the address of a local variable, such as &key"
    ),
    (
      "expected=ptr_", "A structure of the kernel is wanted here, as another helper hands it out.",
      "bpf_get_current_task_btf()  gives the running task"
    ),
    (
      "type=", "The helper takes something else here.",
      "pass what the helper's description in linux/bpf.h asks for"
    ),
    (
      "must have zero offset", "The pointer was moved since it was handed out.",
      "keep the pointer that the call gave, and give that back"
    ),
    (
      "callback function not allowed for map", "This kind of map has no elements to walk.",
      "use a hash or an array"
    ),
    (
      "callback function not static", "A function that helpers call has to be static.",
      "static  before the function"
    ),
    (
      "dynptr_ptr'", "A dynptr is read through its helpers.",
      "bpf_dynptr_read(&copy, sizeof(copy), &dynptr, 0, 0);"
    ),
    (
      "dynptr_ptr ptr", "A dynptr is used at its start.",
      "pass the pointer that the function got, unchanged"
    ),
    (
      "unowned const bpf_dynptr", "This dynptr belongs to the helper that called.",
      "leave it to the helper: return 0;"
    ),
    (
      "write to dynptr", "A dynptr on the stack would be overwritten.",
      "use another variable for the bytes"
    ),
    (
      "bpf_dynptr_from_mem", "A dynptr can be made of a map's value only.",
      "bpf_dynptr_from_mem(value, sizeof(*value), 0, &dynptr);"
    ),
    (
      "variable ctx access", "The context is read at a place that is not known.",
      "use the context's fields by name"
    ),
    (
      "negative offset", "The context is read before its start.",
      "use the context's fields by name"
    ),
    (
      "register spill", "An address is stored in parts.",
      "keep the pointer in a variable of a pointer type"
    ),
    (
      "register fill", "An address is read in parts from the stack.",
      "keep the pointer in a variable of a pointer type"
    ),
    (
      "into stack frame of the caller", "The address of a variable would outlive the variable.",
      "return numbers, or let the caller pass the memory"
    ),
    (
      "cannot return stack pointer", "The address of a variable would outlive the variable.",
      "return numbers, or let the caller pass the memory"
    ),
    (
      "subtract pointer from scalar", "An address cannot be taken away from a number.",
      "swap the two sides"
    ),
    (
      "expects pointer to ctx", "The global function takes the program's context here.",
      "pass ctx unchanged"
    ),
    (
      "expected to be non-NULL", "The global function takes memory here that is never null.",
      "if (!pointer) return 0;  before the call {here}"
    ),
    (
      "args. Buggy compiler", "A function takes at most five arguments.",
      "put the arguments into a structure and pass its address"
    ),
    (
      "doesn't return scalar", "A global function has to return a number.",
      "make it static, or return int"
    ),
    (
      "not allowed for this program type",
      "Packets are read this way in socket filters and traffic control only.",
      "data and data_end of the context"
    ),
    (
      "R6 != pointer to skb", "The legacy loads want the context in r6.",
      "r6 = r1  at the start of the program"
    ),
    (
      "non-zero flags", "The helper takes no flags.",
      "pass 0 for the flags"
    ),
  ]
}
