// UNSAFE. Helpers that call a subprogram of the program any number of times.
//
// Relies on the invariants of SubprogramCaller; maps were tested against the signature. Keys are
// passed in the caller's scratch memory, so that elements may go away while the subprogram looks.

extension Helper {
  /// What every type of program may call.
  static let callbacks: [Helper] = [
    loop, forEachElement, timerInit, timerSetCallback, timerStart, timerCancel,
  ]

  /// The most iterations that one call of ``loop`` makes (`BPF_MAX_LOOPS`).
  static let loopLimit: UInt64 = 8_388_608

  /// `bpf_loop`: calls a subprogram with 0, 1, 2 and so on until it returns something other than 0;
  /// returns how often it did. EINVAL for flags, E2BIG for more than 8388608 iterations.
  static let loop = Helper(
    number: 181, name: "loop", arguments: [.anything, .function, .anything, .anything]
  ) { count, function, data, flags, _, cpu in
    guard flags == 0 else { return LinuxError.invalid.helperResult }
    // In place of most calls, all without flags, Linux has a loop. It compares all 64 bits, and
    // returns the error in 32.
    guard count <= loopLimit else { return LinuxError.tooBig.helperResult & 0xffff_ffff }
    let caller = SubprogramCaller(RunningCPU(address: cpu), function)
    var index: UInt64 = 0
    while index < count {
      guard let result = caller.call(index, data) else { return 0 }
      index &+= 1
      if result != 0 { break }
    }
    return index
  }

  /// `bpf_for_each_map_elem`: calls a subprogram with the map, a key, its value and a pointer of
  /// the program's for every element until it returns something other than 0; returns how often.
  ///
  /// EINVAL for flags and for kinds of maps that cannot be walked, where Linux refuses the program.
  /// Elements that go away meanwhile are left out, those that come may be.
  static let forEachElement = Helper(
    number: 164, name: "for_each_map_elem",
    arguments: [.map, .function, .anything, .anything]
  ) { map, function, data, flags, _, cpu in
    let cpu = RunningCPU(address: cpu)
    return MapHeader.withMap(at: map) { walked in
      guard flags == 0, walked.definition.type.isWalkable else {
        return LinuxError.invalid.helperResult
      }
      let caller = SubprogramCaller(cpu, function, usesScratch: true)
      guard walked.keySize <= Limits.frameByteCount,
        let key = unsafe GuestMemory.pointer(caller.scratch)
      else { return LinuxError.invalid.helperResult }
      var count: UInt64 = 0
      for copy in walked.keys() {
        for (offset, byte) in copy.enumerated() {
          GuestMemory.store(caller.scratch &+ UInt64(offset), UInt64(byte), as: UInt8.self)
        }
        guard let value = unsafe walked.element(forKey: key, cpuIndex: cpu.index) else { continue }
        let address = UInt64(UInt(bitPattern: value))
        count &+= 1
        guard let result = caller.call(map, caller.scratch, address, data) else { return 0 }
        if result != 0 { break }
      }
      return count
    }
  }
}

extension MapType {
  /// Whether `bpf_for_each_map_elem` walks it.
  fileprivate var isWalkable: Bool {
    [.array, .perCPUArray, .hash, .perCPUHash, .lruHash, .lruPerCPUHash].contains(self)
  }
}
