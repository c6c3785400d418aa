/// Keeps objects, generations and pins in a directory, so that a server that was killed at any
/// moment starts again with the chain as it was before or after what it was doing.
///
/// ```text
/// DIR/lock              held by the server
/// DIR/objects/3.o       an object's bytes, 3.json beside it
/// DIR/generations/7.json a whole chain, by names
/// DIR/current           the number of the generation that counts
/// DIR/pins/NAME         what is pinned under a name
/// ```
///
/// A generation counts from the moment that `current` names it, which is one rename.
final class StateStore: Sendable {
  private let directory: DurableDirectory
  private let objects: DurableDirectory
  private let generations: DurableDirectory
  private let pins: DurableDirectory
  private let lock: DirectoryLock

  init(path: String) throws(ControlError) {
    directory = try DurableDirectory(path)
    lock = try directory.lock()
    objects = try directory.subdirectory("objects")
    generations = try directory.subdirectory("generations")
    pins = try directory.subdirectory("pins")
  }

  // MARK: Reading

  /// What an earlier server left.
  struct Found: Sendable {
    /// The generation that counts.
    var current: StoredGeneration?
    /// Those before it, oldest first.
    var earlier: [StoredGeneration] = []
    var pins: [(name: String, pin: StoredPin)] = []
    /// What was half-done, in sentences.
    var remarks: [String] = []
  }

  /// Reads everything, and removes what was never finished.
  func recover() throws(ControlError) -> Found {
    var found = Found()
    for place in [directory, objects, generations, pins] {
      for name in try place.names() where name.hasSuffix(DurableDirectory.temporarySuffix) {
        try place.remove(name)
        found.remarks.append("\(place.path)/\(name) was being written: removed")
      }
    }
    let text = try directory.read("current").map { String(decoding: $0, as: UTF8.self) }
    let current = text.flatMap { UInt64($0) }
    let numbers = try generationNumbers()
    // Without the number nothing tells what counts. Only a first generation can be without it.
    if current == nil, text != nil || numbers.contains(where: { $0 > 1 }) {
      throw ControlError(
        .unreadable,
        "\(directory.path)/current is \(text == nil ? "missing" : "damaged"): write the number of"
          + " the generation to go on with into it, one of"
          + " \(numbers.map { "\($0)" }.joined(separator: ", "))",
        file: "\(directory.path)/current")
    }
    for number in numbers {
      let name = "\(number).json"
      guard let current, number <= current else {
        try generations.remove(name)
        found.remarks.append("generation \(number) was prepared but never published: removed")
        continue
      }
      let generation: StoredGeneration = try read(name, in: generations)
      if number == current { found.current = generation } else { found.earlier.append(generation) }
    }
    found.earlier.sort { $0.number < $1.number }
    if let current, found.current == nil {
      throw ControlError(
        .unreadable, "\(directory.path): generation \(current) is missing", file: directory.path)
    }
    for name in try pins.names() {
      let pin: StoredPin = try read(name, in: pins)
      found.pins.append((name, pin))
    }
    return found
  }

  /// The numbers of the generations that are there, ascending.
  private func generationNumbers() throws(ControlError) -> [UInt64] {
    try generations.names().filter { $0.hasSuffix(".json") }
      .compactMap { UInt64($0.dropLast(".json".count)) }.sorted()
  }

  /// An object's bytes and what is known of it.
  func object(_ number: UInt32) throws(ControlError) -> (bytes: [UInt8], about: StoredObject) {
    guard let bytes = try objects.read("\(number).o") else {
      throw ControlError(.unreadable, "\(objects.path)/\(number).o is missing")
    }
    return (bytes, try read("\(number).json", in: objects))
  }

  /// The numbers of the objects that are kept, ascending.
  func objectNumbers() throws(ControlError) -> [UInt32] {
    Set(try objects.names().compactMap { UInt32($0.split(separator: ".").first ?? "") }).sorted()
  }

  // MARK: Writing

  func keep(_ bytes: [UInt8], _ about: StoredObject, as number: UInt32) throws(ControlError) {
    try objects.write(bytes, to: "\(number).o")
    try write(about, to: "\(number).json", in: objects)
  }

  /// Writes a generation that does not count yet.
  func prepare(_ generation: StoredGeneration) throws(ControlError) {
    try write(generation, to: "\(generation.number).json", in: generations)
  }

  /// Makes a prepared generation the one that counts.
  func publish(_ number: UInt64) throws(ControlError) {
    try directory.write(Array(String(number).utf8), to: "current")
  }

  /// Removes generations that cannot be gone back to, and objects that nothing refers to.
  func forget(before number: UInt64, keepingObjects used: Set<UInt32>) throws(ControlError) {
    for old in try generationNumbers() where old < number { try generations.remove("\(old).json") }
    for name in try objects.names() {
      guard let object = UInt32(name.split(separator: ".").first ?? ""), !used.contains(object)
      else { continue }
      try objects.remove(name)
    }
  }

  /// Removes a generation that was prepared in vain.
  func discard(_ number: UInt64) throws(ControlError) {
    try generations.remove("\(number).json")
  }

  func pin(_ pin: StoredPin, as name: String) throws(ControlError) {
    try write(pin, to: name, in: pins)
  }

  func unpin(_ name: String) throws(ControlError) {
    try pins.remove(name)
  }

  // MARK: JSON

  private func read<Value: Decodable>(
    _ name: String, in directory: DurableDirectory
  ) throws(ControlError) -> Value {
    let bytes = try directory.read(name) ?? []
    do {
      return try decoded(Value.self, from: bytes)
    } catch {
      throw ControlError(
        .unreadable, "\(directory.path)/\(name) is damaged; move it away to go on without it",
        file: "\(directory.path)/\(name)")
    }
  }

  private func write(
    _ value: some Encodable, to name: String, in directory: DurableDirectory
  ) throws(ControlError) {
    try directory.write(try encoded(value), to: name)
  }
}
