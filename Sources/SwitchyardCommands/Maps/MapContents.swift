import Switchyard

/// What is in a map, read once.
struct MapContents {
  /// One element.
  struct Entry {
    var key: [UInt8]
    /// One value, or one for every CPU.
    var values: [[UInt8]]
    /// The name of the program in a slot.
    var program: String?
    /// The name of the map that is the value.
    var inner: String?
  }

  /// The variable's name; for global data libbpf's.
  var name: String
  var type: MapType
  var isPerCPU: Bool
  var entries: [Entry]

  init(name: String, type: MapType, isPerCPU: Bool, entries: [Entry]) {
    self.name = name
    self.type = type
    self.isPerCPU = isPerCPU
    self.entries = entries
  }

  /// Reads a map of a collection.
  ///
  /// What cannot be read (write-only maps, kinds that cannot be walked) counts as empty.
  init(_ map: Collection.LoadedMap, programs: [Collection.LoadedProgram]) {
    let handle = map.handle
    if handle.definition.type == .programArray {
      let entries = handle.programs.map { slot in
        Entry(
          key: littleEndian(slot.index), values: [littleEndian(slot.program.id)],
          program: slot.program.name)
      }
      self.init(
        name: map.spec.displayName, type: .programArray, isPerCPU: false, entries: entries)
      return
    }
    self.init(map, keys: (try? handle.keys()) ?? [], programs: programs)
  }

  /// Reads some elements of a map; those that are not there are left out.
  init(
    _ map: Collection.LoadedMap, keys: [[UInt8]], programs: [Collection.LoadedProgram]
  ) {
    let handle = map.handle
    name = map.spec.displayName
    type = handle.definition.type
    isPerCPU = type.isPerCPU
    let size = Int(handle.definition.valueSize)
    let stride = type.isPerCPU ? (size + 7) & ~7 : max(1, size)
    entries = keys.compactMap { key in
      // An element may have gone since its key was read.
      guard let value = try? handle.lookup(key) else { return nil }
      var entry = Entry(key: key, values: split(value, size: size, stride: stride))
      entry.inner = handle.map(forKey: key)?.definition.name
      return entry
    }
  }

  /// The elements as `run -j` and `map dump -j` give them.
  var document: JSON { .array(entries.map { .object(members($0)) }) }

  /// One element with `bpftool`'s key names.
  func members(_ entry: Entry) -> [(key: String, value: JSON)] {
    var members: [(key: String, value: JSON)] = [("key", .bytes(entry.key))]
    if isPerCPU {
      let values = entry.values.enumerated().map { cpu, value in
        JSON.object([("cpu", .integer(cpu)), ("value", .bytes(value))])
      }
      members.append(("values", .array(values)))
    } else {
      members.append(("value", .bytes(entry.values.first ?? [])))
    }
    if let program = entry.program { members.append(("program", .string(program))) }
    if let inner = entry.inner { members.append(("inner_map", .string(inner))) }
    return members
  }
}

/// The four bytes of a number, as keys of arrays have them.
func littleEndian(_ number: UInt32) -> [UInt8] {
  (0..<4).map { UInt8(truncatingIfNeeded: number &>> UInt32($0 * 8)) }
}

/// Values of `size` bytes that stand `stride` bytes apart.
func split(_ bytes: [UInt8], size: Int, stride: Int) -> [[UInt8]] {
  guard size > 0, stride > 0 else { return [[]] }
  return Swift.stride(from: 0, to: bytes.count, by: stride).map { start in
    Array(bytes[start..<min(start + size, bytes.count)])
  }
}

extension MapType {
  /// Whether a key has a value for every CPU.
  var isPerCPU: Bool { [5, 6, 10, 21].contains(rawValue) }
}

extension MapSpec {
  /// The name that people and scripts know the map by: the variable's, and libbpf's for global
  /// data.
  var displayName: String { origin == .data ? kernelName : name }
}
