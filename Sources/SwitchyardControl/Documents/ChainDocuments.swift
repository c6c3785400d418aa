/// The chain as it is: what every slot holds, and in which generation.
public struct ChainDocument: Codable, Hashable, Sendable {
  /// `switchyard.chain_slots/1`.
  public var schema = "switchyard.chain_slots/1"
  /// The generation that runs start in now.
  public var generation: UInt64
  /// The program that every packet enters through.
  public var entry: ProgramName
  /// The arrays of programs, with their filled slots.
  public var arrays: [Array]

  /// An array of programs.
  public struct Array: Codable, Hashable, Sendable {
    /// The map's name.
    public var name: String
    /// The map's number.
    public var id: UInt32
    /// How many slots there are.
    public var size: UInt32
    /// The filled ones, ascending.
    public var slots: [Slot]
  }

  /// A filled slot.
  public struct Slot: Codable, Hashable, Sendable {
    /// Its index.
    public var index: UInt32
    /// The program in it.
    public var program: ProgramName
  }
}

/// Which program: its number, and where it comes from.
public struct ProgramName: Codable, Hashable, Sendable {
  /// The number, as long as this server runs.
  public var id: UInt32
  /// The name in its object.
  public var name: String
  /// The object, by the number that it keeps for good.
  public var object: UInt32
}

/// Changes to a chain that belong together.
public struct ChangesDocument: Codable, Hashable, Sendable {
  /// The generation that the changes were made for: if the chain has moved on, and a slot of these
  /// changes with it, they are refused. Without it they are made to the chain as it is.
  public var base: UInt64?
  /// A new program for packets to enter through.
  public var entry: ObjectSelector?
  /// What becomes of slots.
  public var slots: [Slot]
  /// What becomes of elements of other maps, just before the chain changes.
  public var elements: [Element]
  /// A word for the history.
  public var note: String?

  /// A change of a slot.
  public struct Slot: Codable, Hashable, Sendable {
    /// The array's name.
    public var array: String
    /// Which slot.
    public var index: UInt32
    /// The program that goes there; `nil` empties the slot.
    public var program: ObjectSelector?

    /// Puts a program into a slot, or empties it.
    public init(array: String, index: UInt32, program: ObjectSelector?) {
      self.array = array
      self.index = index
      self.program = program
    }
  }

  /// A change of an element.
  public struct Element: Codable, Hashable, Sendable {
    /// The map's name.
    public var map: String
    /// The key's bytes.
    public var key: [UInt8]
    /// The value's bytes.
    public var value: [UInt8]

    /// Sets an element.
    public init(map: String, key: [UInt8], value: [UInt8]) {
      self.map = map
      self.key = key
      self.value = value
    }
  }

  /// Describes changes.
  public init(
    base: UInt64? = nil, entry: ObjectSelector? = nil, slots: [Slot] = [],
    elements: [Element] = [], note: String? = nil
  ) {
    self.base = base
    self.entry = entry
    self.slots = slots
    self.elements = elements
    self.note = note
  }
}

/// What changes would do, or have done.
public struct PlanDocument: Codable, Hashable, Sendable {
  /// `switchyard.chain_plan/1`.
  public var schema = "switchyard.chain_plan/1"
  /// The generation that they start from.
  public var base: UInt64
  /// The generation that they led to; `nil` in a plan.
  public var generation: UInt64?
  /// The steps, those that change nothing left out.
  public var steps: [Step]

  /// One thing that changes.
  public struct Step: Codable, Hashable, Sendable {
    /// A slot such as `jump[3]`, `entry`, or an element such as `limits[01 00 00 00]`.
    public var place: String
    /// What is there; `nil` for nothing.
    public var old: String?
    /// What comes there; `nil` for nothing.
    public var new: String?
  }
}

/// The generations that can be gone back to, newest first.
public struct HistoryDocument: Codable, Hashable, Sendable {
  /// `switchyard.chain_history/1`.
  public var schema = "switchyard.chain_history/1"
  /// The generation that runs start in now.
  public var current: UInt64
  /// All that are kept, the newest first.
  public var generations: [Generation]

  /// A generation.
  public struct Generation: Codable, Hashable, Sendable {
    /// Its number.
    public var generation: UInt64
    /// When it was made, in seconds since 1970.
    public var time: Int
    /// What for.
    public var note: String
    /// How many slots are filled.
    public var slots: Int
  }
}
