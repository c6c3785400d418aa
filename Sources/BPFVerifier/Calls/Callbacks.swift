import BPFInstructions
import BPFRuntime

// Callbacks: the helper calls the function any number of times, each time as at the call; a timer's
// later, on its own.
extension Explorer {
  mutating func forkCallback(
    _ signature: HelperSignature, _ known: CallFacts
  ) throws(Refusal) {
    guard let start = known.callback, let function = code.function(startingAt: start) else {
      throw .invalid("callback is no function")
    }
    if signature.number == 170 { return try forkTimer(start, function, known) }
    if signature.number == HelperTable.loop {
      // A loop of a known length is followed round by round.
      needsPrecisely(self[.r1])
      guard UInt64(state.frame.callbackDepth) < self[.r1].scalar.maximum else {
        state.frame.callbackDepth = 0
        return
      }
    }
    let rounds = state.frame.callbackDepth
    state.frame.callbackDepth = 0
    let here = state
    let hereWritten = written
    state.mayGotoDepth &+= 1
    state.frame.callbackDepth = rounds &+ 1
    try enter(function, purpose: .callback(helper: signature.number, maximum: 1))
    switch signature.number {
    case HelperTable.loop:
      self[.r1] = .unknown
      self[.r2] = known.callbackData
    case 180:
      self[.r1] = .pointer(.task)
      self[.r2] = .pointer(.memoryArea)
      self[.r3] = known.callbackData
    case 209:
      var sample = RegisterState.pointer(.dynptr)
      sample.detail = DynptrKind.sample.rawValue
      self[.r1] = sample
      self[.r2] = known.callbackData
    default:
      setElement(of: known.map ?? 0)
      self[.r4] = known.callbackData
    }
    try fork(to: start)
    state = here
    written = hereWritten
  }

  /// What callbacks get of a map: itself, a key and a value.
  private mutating func setElement(of map: Int) {
    let map = Int32(truncatingIfNeeded: map)
    self[.r1] = .pointer(.map, map: map)
    self[.r2] = .pointer(.mapKey, map: map)
    self[.r3] = .pointer(.mapValue, map: map)
    if program.maps[Int(map)].isNamed { state.frame.registers[3].id = newID() }
  }

  /// A timer's function runs with a stack of its own. Nothing that is known at the call is known
  /// there, so once for each map is enough.
  private mutating func forkTimer(
    _ start: Int, _ function: Int, _ known: CallFacts
  ) throws(Refusal) {
    let map = known.timerMap ?? 0
    guard laterCalls.insert(LaterCall(function: function, map: map)).inserted else { return }
    let here = (state, parent, written)
    state = PathState(frame: Frame(function: function, callSite: -1, depth: 0))
    state.frame.purpose = .later
    setElement(of: map)
    parent = SavedState.none
    written = StackMasks()
    written[0] = StackMasks.allWritten
    try fork(to: start)
    (state, parent, written) = here
  }

  mutating func leaveCallback(
    _ frame: Frame, _ result: RegisterState, _ helper: Int32, _ maximum: UInt64
  ) throws(Refusal) -> Flow {
    try checkCallbackResult(result, "At callback return", maximum)
    leave()
    slot = frame.callSite
    widen()
    return .to(frame.callSite)
  }

  mutating func checkCallbackResult(
    _ result: RegisterState, _ place: String, _ maximum: UInt64
  ) throws(Refusal) {
    guard result.isScalar else {
      guard place == "At callback return" || result.kind != .uninitialized else {
        throw .access("R0 !read_ok", register: 0)
      }
      throw place == "At callback return"
        ? .access("R0 not a scalar value", register: 0)
        : .invalid(
          "\(place) the register R0 is not a known value (\(result.typeName))", register: 0)
    }
    needsPrecisely(result)
    guard result.scalar.signedMinimum >= 0, result.scalar.maximum <= maximum else {
      throw .invalid(
        "\(place) the register R0 has \(result.scalar.rangeText) "
          + "should have been in [0, \(maximum)]",
        register: 0)
    }
  }
}

/// A function that runs on its own, on a value of a map.
struct LaterCall: Hashable {
  var function: Int
  var map: Int
}
