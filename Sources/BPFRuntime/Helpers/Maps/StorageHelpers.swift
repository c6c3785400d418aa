// UNSAFE. Helpers that find the value of an object.
//
// Invariant: the map's address was tested against the signature; a map of a storage's type is
// always a `LocalStorageMap`. Objects are compared and never followed.

extension Helper {
  /// Storages of objects that programs name; each type allows some of them.
  static let storages: [Helper] = [
    get(107, "sk_storage_get"), delete(108, "sk_storage_delete"),
    get(145, "inode_storage_get"),
    delete(146, "inode_storage_delete"),
    get(156, "task_storage_get"),
    delete(157, "task_storage_delete"),
    get(210, "cgrp_storage_get"),
    delete(211, "cgrp_storage_delete"),
    localStorage,
  ]

  /// `bpf_get_local_storage`: the value of ``CPU/storageOwner``, which is made if there is none.
  private static let localStorage = Helper(
    number: 81, name: "get_local_storage", arguments: [.map, .anything], result: .mapValueOrNull
  ) { map, _, _, _, _, cpu in
    let cpu = RunningCPU(address: cpu)
    let object = cpu.withOwner { $0.storageOwner }
    return withStorage(map) { map in
      unsafe UInt64(UInt(bitPattern: map.valueOfHook(object, cpuIndex: cpu.index)))
    } ?? 0
  }

  /// The value of an object; with flag 1 it is made if there is none. 0 for no object, other flags,
  /// or no value.
  private static func get(_ number: Int32, _ name: String) -> Helper {
    Helper(
      number: number, name: name, arguments: [.map, .anything, .mapValueOrNull, .anything],
      result: .mapValueOrNull, function: getFunction)
  }

  private static let getFunction: Function = { map, object, initial, flags, _, cpu in
    guard object != 0, flags <= 1 else { return 0 }
    let cpuIndex = RunningCPU(address: cpu).index
    return withStorage(map) { map in
      let value =
        unsafe flags == 1
        ? map.value(
          of: object, initial: UnsafeRawPointer(GuestMemory.pointer(initial)), cpuIndex: cpuIndex)
        : map.element(of: object, cpuIndex: cpuIndex)
      return UInt64(UInt(bitPattern: value))
    } ?? 0
  }

  /// Removes the value of an object. EINVAL for no object, ENOENT for no value.
  private static func delete(_ number: Int32, _ name: String) -> Helper {
    Helper(
      number: number, name: name, arguments: [.map, .anything], function: deleteFunction)
  }

  private static let deleteFunction: Function = { map, object, _, _, _, _ in
    guard object != 0 else { return LinuxError.invalid.helperResult }
    return withStorage(map) { $0.remove(object)?.helperResult ?? 0 }
      ?? LinuxError.invalid.helperResult
  }

  private static func withStorage<Result>(
    _ address: UInt64, _ body: (LocalStorageMap) -> Result
  ) -> Result? {
    MapHeader.withMap(at: address) { map in
      guard MapType.storages.contains(map.definition.type) else { return nil }
      return unsafe body(unsafeDowncast(map, to: LocalStorageMap.self))
    }
  }
}
