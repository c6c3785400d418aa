// One import gives an embedder everything: instructions, objects, the runtime and the hooks.
@_exported public import BPFHooks
@_exported public import BPFInstructions
@_exported public import BPFObject
@_exported public import BPFRuntime
