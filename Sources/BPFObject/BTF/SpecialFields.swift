/// A part of a map's value that programs only touch through helpers.
public struct SpecialField: Hashable, Sendable {
  /// What it is.
  public var kind: Kind
  /// Bytes from the start of the value.
  public var offset: Int
  /// Its size in bytes.
  public var byteCount: Int

  /// What a part of a value can be.
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    /// `struct bpf_spin_lock`
    case spinLock = "bpf_spin_lock"
    /// `struct bpf_res_spin_lock`
    case resilientLock = "bpf_res_spin_lock"
    /// `struct bpf_timer`
    case timer = "bpf_timer"
    /// `struct bpf_wq`
    case workQueue = "bpf_wq"
    /// `struct bpf_list_head`
    case listHead = "bpf_list_head"
    /// `struct bpf_list_node`
    case listNode = "bpf_list_node"
    /// `struct bpf_rb_root`
    case treeRoot = "bpf_rb_root"
    /// `struct bpf_rb_node`
    case treeNode = "bpf_rb_node"
    /// `struct bpf_refcount`
    case referenceCount = "bpf_refcount"
    /// A pointer with the type tag `kptr` or one of its relatives.
    case kernelPointer = "kptr"

    /// The C structure's name; for pointers the tag.
    public var name: String { rawValue }
    /// Whether it is a pointer to an object of the kernel.
    public var isPointer: Bool { self == .kernelPointer }
  }

  /// Describes a part of a value.
  public init(_ kind: Kind, offset: Int, byteCount: Int) {
    self.kind = kind
    self.offset = offset
    self.byteCount = byteCount
  }
}

extension ObjectFile {
  /// The parts of a map's values that belong to helpers, as the value's type tells; empty without
  /// type information.
  public func specialFields(of map: MapSpec) -> [SpecialField] {
    guard let types else { return [] }
    var finder = SpecialFieldFinder(types: types)
    if let value = map.valueTypeID {
      try? finder.visit(value, at: 0, depth: 0)
    } else if map.origin == .data {
      try? finder.visitSection(named: map.name)
    }
    return finder.fields.sorted { $0.offset < $1.offset }
  }
}

/// Walks a type. A hostile one ends at the limits of depth and number.
private struct SpecialFieldFinder {
  let types: BTF
  var fields: [SpecialField] = []
  private var visited = 0

  private static let deepest = 8
  private static let mostTypes = 4096
  private static let pointerTags: Set<String> = ["kptr", "kptr_untrusted", "percpu_kptr", "uptr"]

  init(types: BTF) {
    self.types = types
  }

  mutating func visit(_ id: BTF.ID, at offset: Int, depth: Int) throws(ObjectFileError) {
    visited += 1
    guard depth < Self.deepest, visited < Self.mostTypes else { return }
    let (_, type) = try types.resolved(id)
    switch type.kind {
    case .structure:
      if let kind = SpecialField.Kind(rawValue: try types.string(type.nameOffset)), !kind.isPointer
      {
        fields.append(
          SpecialField(kind, offset: offset, byteCount: Int(type.sizeOrType)))
        return
      }
      for member in try type.members() {
        try visit(member.type, at: offset + Int(member.bitOffset / 8), depth: depth + 1)
      }
    case .array:
      let array = try type.array()
      guard let size = try? types.size(of: array.element) else { return }
      for index in 0..<Int(min(array.count, 64)) {
        try visit(array.element, at: offset + index * Int(size), depth: depth + 1)
      }
    case .pointer:
      let target = try types.type(type.sizeOrType)
      guard target.kind == .typeTag,
        Self.pointerTags.contains(try types.string(target.nameOffset))
      else { return }
      fields.append(SpecialField(.kernelPointer, offset: offset, byteCount: 8))
    default: break
    }
  }

  /// Global variables: the section is the value.
  mutating func visitSection(named name: String) throws(ObjectFileError) {
    for section in types.types where section.kind == .section {
      guard try types.string(section.nameOffset) == name else { continue }
      for entry in try section.variables() {
        let variable = try types.type(entry.type)
        guard variable.kind == .variable else { continue }
        try visit(variable.sizeOrType, at: Int(entry.offset), depth: 0)
      }
    }
  }
}
