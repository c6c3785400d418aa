/// Which shared libraries a built program may need.
enum LinkageRules {
  /// Each costs milliseconds at every start; argument parsing only brings the essentials.
  static let banned = ["libFoundation.so", "libFoundationNetworking.so", "libFoundationXML.so"]

  /// `listing` is what `ldd` printed about the program at `path`.
  static func violations(_ path: String, listing: String) -> [Violation] {
    listing.split(separator: "\n").compactMap { line in
      guard let library = line.trimmed.split(separator: " ").first.map(String.init),
        banned.contains(library)
      else { return nil }
      return Violation(path, "links \(library)")
    }
  }
}
