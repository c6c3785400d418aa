extension StringProtocol {
  /// The identifiers and keywords of a line, in order.
  var words: [Substring] {
    split { !($0.isLetter || $0.isNumber || $0 == "_") }.map { Substring($0) }
  }

  /// The text without white space at either end.
  var trimmed: String {
    var rest = Substring(self)
    while rest.first?.isWhitespace == true { rest.removeFirst() }
    while rest.last?.isWhitespace == true { rest.removeLast() }
    return String(rest)
  }

  /// What stands between the first pair of backquotes.
  var firstBackquoted: String? {
    let parts = split(separator: "`", omittingEmptySubsequences: false)
    return parts.count >= 3 ? String(parts[1]) : nil
  }
}
