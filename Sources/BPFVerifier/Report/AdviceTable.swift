extension Advice {
  // The first row whose part occurs in the message counts.
  static let table: [(part: String, why: String, hint: String)] = [
    (
      "invalid access to packet",
      "The access reaches past what was compared with data_end on this path.",
      "if ({end} > data_end) return 0;  before the access {here}, with the same `data`"
    ),
    (
      "sock_or_null'", "The socket may be none and was not tested on this path.",
      "if (!sk) return 0;  before its fields are read"
    ),
    (
      "sock_common_or_null'", "The socket may be none and was not tested on this path.",
      "if (!sk) return 0;  before its fields are read"
    ),
    (
      "invalid sock access", "This kind of socket has no such field, or not in this size.",
      "read the whole field of struct bpf_sock with its own type"
    ),
    (
      "invalid sock_common access", "Only full sockets have this field.",
      "sk = bpf_sk_fullsock(sk); if (!sk) return 0;  before the access"
    ),
    (
      "needs kernel BTF", "The running kernel's types would be needed to check this.",
      "bpf_probe_read_kernel(&copy, sizeof(copy), pointer);"
    ),
    (
      "fields need kernel BTF", "The running kernel's types would be needed to check this.",
      "bpf_probe_read_kernel(&copy, sizeof(copy), pointer);"
    ),
    (
      "cannot be accessed directly by load/store", "Locks and timers belong to their helpers.",
      "bpf_spin_lock(&value->lock);  and its like, with the fields beside it for data"
    ),
    (
      "has to have BTF", "Where the lock or timer is, the map's type has to say.",
      "__type(value, struct value);  in a map of section .maps, compiled with -g"
    ),
    (
      "function calls are not allowed while holding a lock", "Nothing may be called under a lock.",
      "bpf_spin_unlock(&value->lock);  before the call"
    ),
    (
      "bpf_spin_lock-ed region", "The lock is still held here.",
      "bpf_spin_unlock(&value->lock);  on every path"
    ),
    (
      "initialized dynptr", "There is no dynptr at this place of the stack.",
      "bpf_ringbuf_reserve_dynptr(&ring, size, 0, &dynptr);  before it is used"
    ),
    (
      "cannot overwrite referenced dynptr", "The reservation would be lost.",
      "bpf_ringbuf_discard_dynptr(&dynptr, 0);  before the variable is used again"
    ),
    (
      "unacquired reference", "There is nothing here to give back.",
      "submit or discard only what was reserved, once"
    ),
    (
      "must be referenced", "The handle is not one that has to be given back.",
      "release only what a lookup or reservation gave"
    ),
    (
      "missing btf func_info", "Functions that helpers call need type information.",
      "compile with -g"
    ),
    (
      "might sleep", "The helper may wait, and this program must not.",
      "SEC(\"syscall\")  or a section name with .s, such as SEC(\"uprobe.s\")"
    ),
    (
      "Sleepable programs can only use", "This map cannot be used by programs that may sleep.",
      "use an array or a hash"
    ),
    (
      "cannot write into packet", "Programs of this type may only read the packet.",
      "bpf_skb_load_bytes(skb, offset, &copy, sizeof(copy));  and change the copy"
    ),
    (
      "helper access to the packet", "This helper does not take memory in the packet.",
      "__builtin_memcpy(&copy, data, sizeof(copy));  and pass &copy"
    ),
    (
      "map_value_or_null",
      "The lookup's result may be null and was not tested on this path.",
      "if (!value) return 0;  after the lookup, before the access {here}"
    ),
    (
      "invalid access to map value", "The access reaches past the end of the map's value.",
      "{bound}  before the access {here}"
    ),
    (
      "unbounded memory access", "Nothing limits how far this address can reach.",
      "if (index >= SIZE) return 0;  before the access"
    ),
    (
      "min value is negative", "The number may be negative.",
      "make the variable unsigned, or test  if (index < 0) return 0;"
    ),
    (
      "!read_ok",
      "The register holds nothing on this path: it was never set, or a call clobbered it.",
      "int value = 0;  where the variable is declared; over calls, r6 to r9 keep values"
    ),
    (
      "invalid mem access 'scalar'",
      "The register holds a number here, not an address that the verifier knows.",
      "data = (void *)(long)ctx->data;  again after the packet changed, and compare"
    ),
    (
      "dereference of modified ctx", "The context is accessed through a changed pointer.",
      "keep the context pointer as it is and use its fields directly"
    ),
    (
      "invalid bpf_context access", "{field}", "{copy}"
    ),
    (
      "infinite loop", "The loop comes back with nothing changed, so it may never end.",
      "for (int i = 0; i < 64; i++)  or another constant limit, with the old condition as a break"
    ),
    (
      "too large. Processed", "There are too many paths to follow.",
      "split the program with tail calls, or move the loop's body to a global function"
    ),
    (
      "reference leak", "{source} is not given back on this path.",
      "{release}  before the program is left {here}"
    ),
    (
      "tail_call is not allowed in subprogs without BTF",
      "A subprogram with a tail call needs type information, to know what it returns.",
      "compile with -g"
    ),
    (
      "tail_call is only allowed in functions",
      "A tail call's target returns to this function's caller with a number.",
      "make the function return int"
    ),
    (
      "previous frames is", "The frames below a tail call stay live while its targets run.",
      "move large variables out of the callers, or the tail call into the main program"
    ),
    (
      "combined stack size", "The frames of this chain of calls take more than 512 bytes.",
      "move large variables into a per-CPU array map"
    ),
    (
      "stack R", "The address is outside the frame's 512 bytes of stack.",
      "move large variables into a per-CPU array map"
    ),
    (
      "misaligned", "Accesses to the stack have to be aligned to their size.",
      "align the variable with __attribute__((aligned(8)))"
    ),
    (
      "cannot use helper", "Programs of this type may not call this helper: {types} may.",
      "SEC(\"tc\")  or the like for a program of such a type, or another helper"
    ),
    (
      "GPL-restricted", "The helper is for programs under a GPL-compatible licence only.",
      "char _license[] SEC(\"license\") = \"GPL\";"
    ),
    (
      "unreachable insn", "No path leads to this instruction.", "remove the dead code"
    ),
    (
      "back-edge", "The program jumps backwards.", "unroll the loop"
    ),
    (
      "pointer arithmetic", "This operation makes no address that can be trusted.",
      "only add and subtract bounded numbers"
    ),
    (
      "pointer prohibited", "This operation makes no address that can be trusted.",
      "only add and subtract bounded numbers"
    ),
    (
      "frame pointer is read only", "r10 cannot be changed.", "copy it to another register first"
    ),
    ("div by zero", "The divisor is the constant 0.", "divide by something else"),
    (
      "expected prog array map", "A tail call's targets are in a map of programs.",
      "__uint(type, BPF_MAP_TYPE_PROG_ARRAY);  in the map's definition"
    ),
    (
      "cannot pass map_type", "This kind of map does not work with this helper.",
      "use a map of a kind that the helper takes"
    ),
    (
      "write into map forbidden", "Programs may only read this map.",
      "declare the variable without const, or drop BPF_F_RDONLY_PROG"
    ),
    (
      "should have been in", "Programs of this type may return a few values only.",
      "return {values};"
    ),
  ]
}
