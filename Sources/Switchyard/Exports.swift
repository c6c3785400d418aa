// One import gives an embedder everything: instructions, objects, the verifier, the runtime, the
// compiler and the hooks.
@_exported public import BPFCompiler
@_exported public import BPFHooks
@_exported public import BPFInstructions
@_exported public import BPFObject
@_exported public import BPFRuntime
@_exported public import BPFVerifier
