import BPFInstructions
import BPFRuntime

/// What a refusal means in plain words, and what can be done about it.
struct Advice {
  let why: String
  let hint: String

  init(_ refusal: Refusal, _ program: VerifierProgram, _ state: PathState?) {
    let message = refusal.message
    for (part, why, hint) in Self.table where message.contains(part) {
      (self.why, self.hint) = (why, Self.filled(hint, refusal, program, state))
      return
    }
    why = "The verifier cannot prove that this is safe."
    hint = ""
  }

  /// Puts what is known of the access into a hint.
  private static func filled(
    _ hint: String, _ refusal: Refusal, _ program: VerifierProgram, _ state: PathState?
  ) -> String {
    guard hint.contains("{"), let number = refusal.register, let slot = refusal.instruction,
      let value = state?.frame.registers[min(number, 10)]
    else { return hint }
    let instruction = program.instructions[slot]
    var size = 1
    if let kind = try? Operation(instruction, at: slot).kind {
      switch kind {
      case .load(let width, _), .store(let width, _): size = width.byteCount
      default: break
      }
    }
    let end = Int(value.offset) + Int(instruction.offset) + size
    var text = ""
    for part in hint.split(separator: "{", omittingEmptySubsequences: false) {
      let pieces = part.split(separator: "}", maxSplits: 1, omittingEmptySubsequences: false)
      guard pieces.count == 2 else {
        text += part
        continue
      }
      switch pieces[0] {
      case "end": text += String(end)
      case "register": text += "r\(number)"
      default: break
      }
      text += pieces[1]
    }
    return text
  }

  // The first row whose part occurs in the message counts.
  private static let table: [(part: String, why: String, hint: String)] = [
    (
      "invalid access to packet",
      "The access reaches past what was compared with data_end on this path.",
      "if (data + {end} > data_end) return 0;  before the access, with `data` the same pointer"
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
      "if (!value) return 0;  right after the lookup"
    ),
    (
      "invalid access to map value", "The access reaches past the end of the map's value.",
      "if (index >= SIZE) return 0;  or  index &= SIZE - 1;  before the access"
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
      "initialise the variable where it is declared, or keep it in r6 to r9 across the call"
    ),
    (
      "invalid mem access 'scalar'",
      "The register holds a number here, not an address that the verifier knows.",
      "load the pointer again: helpers that change the packet make packet pointers stale"
    ),
    (
      "dereference of modified ctx", "The context is accessed through a changed pointer.",
      "keep the context pointer as it is and use its fields directly"
    ),
    (
      "invalid bpf_context access", "This type of program has no such field, or not in this size.",
      "read the whole field with its own type"
    ),
    (
      "infinite loop", "The loop comes back with nothing changed, so it may never end.",
      "for (int i = 0; i < LIMIT; i++)  with a constant limit"
    ),
    (
      "too large. Processed", "There are too many paths to follow.",
      "split the program with tail calls, or move the loop's body to a global function"
    ),
    (
      "reference leak", "A handle was not given back on this path.",
      "release it before leaving: bpf_ringbuf_discard(), bpf_sk_release()"
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
      "cannot use helper", "Programs of this type may not call this helper.",
      "use a helper that is allowed, or another type of program"
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
      "cannot pass map_type", "This kind of map does not work with this helper.",
      "use a map of a kind that the helper takes"
    ),
    (
      "write into map forbidden", "Programs may only read this map.",
      "declare the variable without const, or drop BPF_F_RDONLY_PROG"
    ),
    (
      "should have been in", "Programs of this type may return a few values only.",
      "return 0 or 1"
    ),
  ]
}
