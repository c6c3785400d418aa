// UNSAFE. Helpers that reach maps through addresses out of a program's registers.
//
// Invariant: maps, keys and values were tested against the signature, by the verifier or by a
// checked run, so a map's address is that of a living header and a key has the map's key size.

extension Helper {
  /// `bpf_map_lookup_elem`: the address of a key's value, or 0; the running CPU's own one in
  /// per-CPU maps.
  public static let mapLookup = Helper(
    number: 1, name: "map_lookup_elem", arguments: [.map, .mapKey], result: .mapValueOrNull
  ) { map, key, _, _, _, cpu in
    if let lookup = unsafe MapHeader.withWords(at: map, { unsafe $0.lookup }) {
      return lookup(map, key, 0, 0, 0, cpu)
    }
    return MapHeader.withMap(at: map) { map in
      guard let key = unsafe GuestMemory.pointer(key) else { return 0 }
      return unsafe address(map.element(forKey: key, cpuIndex: RunningCPU(address: cpu).index))
    }
  }

  /// `bpf_map_update_elem`: writes a key's value; the running CPU's own one in per-CPU maps.
  public static let mapUpdate = Helper(
    number: 2, name: "map_update_elem", arguments: [.map, .mapKey, .mapValue, .anything]
  ) { map, key, value, flags, _, cpu in
    if let update = unsafe MapHeader.withWords(at: map, { unsafe $0.update }) {
      return update(map, key, value, flags, 0, cpu)
    }
    return MapHeader.withMap(at: map) { map in
      guard let key = unsafe GuestMemory.pointer(key),
        let value = unsafe GuestMemory.pointer(value)
      else { return LinuxError.invalid.helperResult }
      guard map.programsMayWrite else { return LinuxError.notPermitted.helperResult }
      let flags = UpdateFlags(rawValue: flags)
      let error = unsafe map.update(
        key: key, value: value, flags: flags, cpuIndex: RunningCPU(address: cpu).index)
      return error?.helperResult ?? 0
    }
  }

  /// `bpf_map_delete_elem`: removes an element.
  public static let mapDelete = Helper(
    number: 3, name: "map_delete_elem", arguments: [.map, .mapKey]
  ) { map, key, _, _, _, cpu in
    if let delete = unsafe MapHeader.withWords(at: map, { unsafe $0.delete }) {
      return delete(map, key, 0, 0, 0, cpu)
    }
    return MapHeader.withMap(at: map) { map in
      guard let key = unsafe GuestMemory.pointer(key) else {
        return LinuxError.invalid.helperResult
      }
      guard map.programsMayWrite else { return LinuxError.notPermitted.helperResult }
      return unsafe map.delete(key: key)?.helperResult ?? 0
    }
  }

  /// `bpf_map_lookup_percpu_elem`: the address of a CPU's value in a per-CPU map; 0 for a CPU
  /// that there cannot be.
  public static let mapLookupPerCPU = Helper(
    number: 195, name: "map_lookup_percpu_elem", arguments: [.map, .mapKey, .anything],
    result: .mapValueOrNull
  ) { map, key, index, _, _, cpu in
    MapHeader.withMap(at: map) { map in
      // The CPU is a 32-bit argument in Linux.
      let index = Int(UInt32(truncatingIfNeeded: index))
      let possible = RunningCPU(address: cpu).withOwner { $0.runtime.possibleCPUs }
      guard map.definition.type.isPerCPU, index < possible,
        let key = unsafe GuestMemory.pointer(key)
      else { return 0 }
      return unsafe address(map.element(forKey: key, cpuIndex: index))
    }
  }

  /// `bpf_map_push_elem`: adds a value to a queue, a stack or a filter.
  public static let mapPush = Helper(
    number: 87, name: "map_push_elem", arguments: [.map, .mapValue, .anything]
  ) { map, value, flags, _, _, _ in
    MapHeader.withMap(at: map) { map in
      guard map.programsMayWrite else { return LinuxError.notPermitted.helperResult }
      return map.push(value, flags: UpdateFlags(rawValue: flags))?.helperResult ?? 0
    }
  }

  /// `bpf_map_pop_elem`: takes the next value out of a queue or a stack; ENOENT and zeros when
  /// there is none.
  public static let mapPop = Helper(
    number: 88, name: "map_pop_elem", arguments: [.map, .newMapValue]
  ) { map, value, _, _, _, _ in
    MapHeader.withMap(at: map) { map in
      guard map.programsMayWrite else { return LinuxError.notPermitted.helperResult }
      return map.pop(into: value)?.helperResult ?? 0
    }
  }

  /// `bpf_map_peek_elem`: copies the next value out of a queue or a stack; of a filter, 0 when the
  /// value may have been put in, ENOENT when it was not.
  public static let mapPeek = Helper(
    number: 89, name: "map_peek_elem", arguments: [.map, .newMapValue]
  ) { map, value, _, _, _, _ in
    MapHeader.withMap(at: map) { map in
      map.peek(value)?.helperResult ?? 0
    }
  }

  /// `bpf_spin_lock`: waits for the lock in a map's value, and takes it.
  public static let spinLock = Helper(
    number: 93, name: "spin_lock", arguments: [.fixedMemory(byteCount: 4)], result: .void
  ) { lock, _, _, _, _, _ in
    SpinLock(address: lock).lock()
    return 0
  }

  /// `bpf_spin_unlock`: opens the lock in a map's value.
  public static let spinUnlock = Helper(
    number: 94, name: "spin_unlock", arguments: [.fixedMemory(byteCount: 4)], result: .void
  ) { lock, _, _, _, _, _ in
    SpinLock(address: lock).unlock()
    return 0
  }

  private static func address(_ element: UnsafeMutableRawPointer?) -> UInt64 {
    UInt64(UInt(bitPattern: element))
  }
}

extension Map {
  /// Linux refuses the program that tries; here the call fails with EPERM.
  fileprivate var programsMayWrite: Bool {
    !definition.flags.contains(.readOnlyForPrograms)
  }
}
