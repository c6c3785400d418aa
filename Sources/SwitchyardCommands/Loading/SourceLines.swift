import Switchyard

extension LineInfo {
  /// The source file, without the `./` that compilers are given so that objects do not name
  /// anybody's folders.
  var path: String {
    var path = file[...]
    while path.hasPrefix("./") { path = path.dropFirst(2) }
    return String(path)
  }

  /// `parser.bpf.c:12`.
  var place: String { "\(path):\(line)" }
}
