extension LineInfo {
  /// The source file, without the `./` that compilers are given so that objects do not name
  /// anybody's folders.
  package var path: String {
    var path = file[...]
    while path.hasPrefix("./") { path = path.dropFirst(2) }
    return String(path)
  }

  /// `parser.bpf.c:12`.
  package var place: String { "\(path):\(line)" }

  /// Whether the line is in a header of the system, such as libbpf's.
  fileprivate var isInSystemHeader: Bool { file.hasPrefix("/usr/") }
}

extension ProgramSpec {
  /// The source line that makes a call: where the compiler has put in a function out of a system
  /// header, such as `bpf_tail_call_static`, the last line of the program's own before it.
  ///
  /// - Parameter slot: The slot of the call.
  /// - Returns: `nil` when the object does not say.
  public func ownLine(at slot: Int) -> LineInfo? {
    guard let line = line(at: slot), line.isInSystemHeader else { return line(at: slot) }
    let start = function(at: slot)?.start ?? 0
    return lines.last { $0.slot <= slot && $0.slot >= start && !$0.isInSystemHeader } ?? line
  }
}
