import BPFKernel
import Foundation
import Switchyard

/// What an element of a map costs in memory.
struct MemoryRow: Encodable {
  var name: String
  var engine: String
  /// Bytes per element; of the buffer itself where a kind has no elements.
  var bytes: Double
}

/// The kinds that are measured, each by an operation of the topic `map`.
private let kinds = [
  "array": "array_lookup", "percpu_array": "percpu_array_lookup", "hash": "hash_lookup",
  "hash_no_prealloc": "hash_insert_delete_no_prealloc", "lru_hash": "lru_evict",
  "percpu_hash": "percpu_hash_lookup", "lpm": "lpm_lookup",
]

/// The option by which a process is told to measure one kind: memory that another map has given
/// back would make the next one look small.
let memoryOption = "--memory-of="

/// Measures bytes per element of full maps: here what a process grows by, in Linux what the kernel
/// accounts to the map (`memlock` in fdinfo).
func measureMapMemory() throws -> [MemoryRow] {
  var rows: [MemoryRow] = []
  for name in kinds.keys.sorted() {
    let process = Process()
    process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    process.arguments = [memoryOption + name]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    let figures = text.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
    for (engine, bytes) in zip(["switchyard", "linux"], figures) {
      rows.append(MemoryRow(name: name, engine: engine, bytes: bytes))
    }
  }
  return rows
}

/// Prints the bytes per element of one kind, here and in Linux.
func printMemory(of name: String) throws {
  guard var operation = MapOperation.all.first(where: { $0.name == kinds[name] }) else { return }
  operation.kind = .lookup
  // Enough for pages not to count.
  if !operation.isTrie { operation.entries = 200_000 }
  let keys = operation.keys()
  let count = Double(operation.entries)
  let runtime = Runtime(possibleCPUs: Kernel.possibleCPUCount)
  var definition = MapDefinition(
    type: MapType(rawValue: operation.type), keySize: operation.keySize, valueSize: 8,
    maxEntries: 1, flags: MapFlags(rawValue: operation.flags))
  // What the first map brings into memory with it, its code above all, is no element's.
  let first = try runtime.makeMap(definition)
  let value = [UInt8](repeating: 1, count: first.valueByteCount)
  try first.update(keys[0], value)
  definition.maxEntries = operation.entries
  let before = try residentBytes()
  let map = try runtime.makeMap(definition)
  for key in keys { try map.update(key, value) }
  print((try residentBytes() - before) / count)
  guard Kernel.availability.isAvailable else { return }
  let kernel = try KernelMap(
    KernelMap.Shape(
      type: operation.type, keySize: operation.keySize, valueSize: 8,
      maxEntries: operation.entries, flags: operation.flags))
  let copies = [UInt8](repeating: 1, count: kernel.shape.transferSize)
  for key in keys { try kernel.update(key, copies) }
  print(try accountedBytes(kernel) / count)
  withExtendedLifetime((map, kernel)) {}
}

/// Bytes of this process that are in memory.
private func residentBytes() throws -> Double {
  let fields = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
  return (fields.count > 1 ? Double(fields[1]) ?? 0 : 0) * Double(getpagesize())
}

/// What Linux says that a map takes.
private func accountedBytes(_ map: KernelMap) throws -> Double {
  let path = "/proc/self/fdinfo/\(map.descriptor.rawValue)"
  let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
  let line = lines.first { $0.hasPrefix("memlock:") }
  return line?.split(separator: "\t").last.flatMap { Double($0) } ?? .nan
}
