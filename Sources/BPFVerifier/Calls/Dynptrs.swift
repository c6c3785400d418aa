import BPFInstructions
import BPFRuntime

/// A dynptr in a frame's stack: two slots.
struct DynptrPlace: Hashable {
  var frame: Int
  /// The slot at the lower address; the other one is before it.
  var slot: Int
  var kind: DynptrKind
  var use: HelperSignature.DynptrUse

  /// A dynptr that belongs to a helper stands nowhere.
  var isInStack: Bool { slot >= 0 }
}

// Dynptrs: sixteen bytes of stack that only helpers understand.
extension Explorer {
  /// ``RegisterState/detail`` of the slot at the lower address has this bit.
  private static let firstSlot: UInt8 = 0x80

  mutating func checkDynptr(
    _ register: Register, _ value: RegisterState, _ use: HelperSignature.DynptrUse,
    _ facts: inout CallFacts
  ) throws(Refusal) {
    let number = Int(register.rawValue)
    try expect(register, value, [.stack, .dynptr], "fp, dynptr_ptr")
    if case .made(let kind) = use {
      facts.dynptr = try checkRoom(number, value, kind)
      return
    }
    if value.kind == .dynptr {
      try checkUnmodified(register, value)
      if use == .released { throw .invalid("cannot release unowned const bpf_dynptr") }
      if use == .changed {
        throw .invalid("cannot pass pointer to const bpf_dynptr, the helper mutates it")
      }
      facts.dynptr = DynptrPlace(
        frame: 0, slot: -1, kind: DynptrKind(rawValue: value.detail) ?? .sample, use: use)
      return
    }
    let found: (index: Int, value: RegisterState)?
    do throws(Refusal) {
      found = try stored(number, value)
    } catch {
      throw .invalid(
        "\(error.message)\nExpected an initialized dynptr as arg #\(number - 1)",
        register: number)
    }
    if use == .released, found?.value.reference ?? 0 == 0 {
      throw .invalid("arg \(number) is an unacquired reference", register: number)
    }
    guard let found, let kind = DynptrKind(rawValue: found.value.detail & ~Self.firstSlot) else {
      throw .invalid("Expected an initialized dynptr as arg #\(number - 1)", register: number)
    }
    noteStackRead(Int(value.frame), -8 * (found.index + 1), -8 * found.index + 7)
    facts.dynptr = DynptrPlace(
      frame: Int(value.frame), slot: found.index, kind: kind, use: use)
  }

  /// The slot at the lower address of a dynptr, where there can be one.
  private func slotIndex(_ number: Int, _ value: RegisterState) throws(Refusal) -> Int? {
    guard let offset = value.fixedOffset else {
      throw .invalid("dynptr has to be at a constant offset", register: number)
    }
    guard offset % 8 == 0, offset <= -16 else {
      throw .invalid("cannot pass in dynptr at an offset=\(offset)", register: number)
    }
    let index = Int(-offset / 8) - 1
    return index < Limits.frameByteCount / 8 ? index : nil
  }

  private func stored(
    _ number: Int, _ value: RegisterState
  ) throws(Refusal) -> (index: Int, value: RegisterState)? {
    guard let index = try slotIndex(number, value) else { return nil }
    let frame = Int(value.frame)
    let lower = stackSlot(frame, index)
    guard lower[byte: 0] == StackByte.dynptr, lower.value.detail & Self.firstSlot != 0 else {
      return nil
    }
    return (index, lower.value)
  }

  /// Room for a new dynptr; what was there is gone.
  private mutating func checkRoom(
    _ number: Int, _ value: RegisterState, _ kind: DynptrKind
  ) throws(Refusal) -> DynptrPlace {
    guard value.kind == .stack else {
      throw .invalid("Dynptr has to be an uninitialized dynptr", register: number)
    }
    let index: Int?
    do throws(Refusal) {
      index = try slotIndex(number, value)
    } catch {
      throw .invalid(
        "\(error.message)\nDynptr has to be an uninitialized dynptr", register: number)
    }
    let register = Register(rawValue: UInt8(number))
    _ = try stackRange(register, value, offset: 0, size: 8, isWrite: true)
    let range = try stackRange(register, value, offset: 8, size: 8, isWrite: true)
    guard let index else {
      throw .invalid("cannot pass in dynptr at an offset=\(value.fixedOffset ?? 0)")
    }
    noteDepth(Int(value.frame), range.lowerBound - 8)
    try destroyDynptrs(Int(value.frame), index - 1...index)
    return DynptrPlace(frame: Int(value.frame), slot: index, kind: kind, use: .made(kind))
  }

  /// What a call does to its dynptr, once all arguments are known to fit.
  mutating func applyDynptr(_ signature: HelperSignature, _ facts: CallFacts) throws(Refusal) {
    guard let place = facts.dynptr, place.isInStack else { return }
    switch place.use {
    case .made(let kind):
      var value = RegisterState.pointer(.dynptr)
      value.id = newID()
      value.detail = kind.rawValue
      if kind == .ringBuffer { value.reference = acquire(value.id) }
      for index in [place.slot, place.slot - 1] {
        var slot = StackSlot.filled(StackByte.dynptr)
        slot.value = value
        if index == place.slot { slot.value.detail |= Self.firstSlot }
        setStackSlot(place.frame, index, slot)
      }
      state.hasDynptrs = true
    case .released:
      let value = stackSlot(place.frame, place.slot).value
      setStackSlot(place.frame, place.slot, StackSlot())
      setStackSlot(place.frame, place.slot - 1, StackSlot())
      forgetParts(of: value.id)
      try giveBack(value.reference, signature)
    case .used, .changed: break
    }
  }

  /// Makes memory a part of a dynptr: it goes when the dynptr goes.
  mutating func bind(_ value: inout RegisterState, to place: DynptrPlace?) throws(Refusal) {
    guard let place, place.isInStack else { return }
    let dynptr = stackSlot(place.frame, place.slot).value
    value.map = Int32(truncatingIfNeeded: dynptr.id)
    value.reference = dynptr.reference
  }

  private mutating func forgetParts(of id: UInt32) {
    let owner = Int32(truncatingIfNeeded: id)
    state.change(
      where: { $0.map == owner && ($0.kind == .memory || $0.kind == .memoryOrNull) },
      by: { $0 = .unknown })
  }

  /// Slots are about to be written: dynptrs that reach into them are none any more.
  mutating func destroyDynptrs(_ frame: Int, _ slots: ClosedRange<Int>) throws(Refusal) {
    guard state.hasDynptrs else { return }
    for index in slots where index >= 0 {
      let slot = stackSlot(frame, index)
      guard slot[byte: 0] == StackByte.dynptr else { continue }
      guard slot.value.reference == 0 else {
        throw .invalid("cannot overwrite referenced dynptr")
      }
      let other = slot.value.detail & Self.firstSlot != 0 ? index - 1 : index + 1
      noteStackRead(frame, -8 * (max(index, other) + 1), -8 * min(index, other) - 1)
      setStackSlot(frame, index, StackSlot())
      setStackSlot(frame, other, StackSlot())
      forgetParts(of: slot.value.id)
    }
  }

  /// Helpers neither read nor write dynptrs as if they were bytes.
  func refuseDynptrs(
    _ frame: Int, _ first: Int, _ end: Int, _ register: Register, writes: Bool
  ) throws(Refusal) {
    guard state.hasDynptrs, first < end else { return }
    for offset in first..<end {
      let (index, byte) = Self.place(offset)
      guard stackSlot(frame, index)[byte: byte] == StackByte.dynptr else { continue }
      throw .access(
        writes
          ? "potential write to dynptr at off=\(offset) disallowed"
          : "invalid read from stack R\(register.rawValue) off \(first)+\(offset - first) "
            + "size \(end - first)", register: Int(register.rawValue))
    }
  }
}
