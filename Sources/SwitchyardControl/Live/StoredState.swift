/// What is kept of a chain between two starts of a server: names, no numbers of a process.
struct StoredGeneration: Codable, Hashable, Sendable {
  /// Its number.
  var number: UInt64
  /// When it was made, in seconds since 1970.
  var time: Int
  /// What for.
  var note: String
  /// The program that packets enter through.
  var entry: StoredProgram
  /// Every array's filled slots, by the array's name.
  var arrays: [String: [Slot]]

  /// A filled slot.
  struct Slot: Codable, Hashable, Sendable {
    var index: UInt32
    var program: StoredProgram
  }

  var slotCount: Int { arrays.values.reduce(0) { $0 + $1.count } }
}

/// A program by the object that it comes from.
struct StoredProgram: Codable, Hashable, Sendable {
  /// The object's number.
  var object: UInt32
  /// The program's name in it.
  var name: String
}

/// A pin.
struct StoredPin: Codable, Hashable, Sendable {
  enum Target: Codable, Hashable, Sendable {
    case program(StoredProgram)
    /// A map, by its name.
    case map(String)
  }

  var target: Target
}

/// What is kept about an object beside its bytes.
struct StoredObject: Codable, Hashable, Sendable {
  /// The name that messages give it.
  var name: String
  /// The type of programs whose section names none, as the command line spells it.
  var type: String?
}
