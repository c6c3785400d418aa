import Foundation

/// BPF objects inside other files: tools carry theirs in their own program.
enum EmbeddedObjects {
  /// Programs and libraries of Debian that carry objects, as far as they are installed.
  static var carriers: [String] {
    let manager = FileManager.default
    let listing =
      (try? String(
        contentsOfFile: "/var/lib/dpkg/info/libbpf-tools.list", encoding: .utf8)) ?? ""
    let tools = listing.split(separator: "\n").map(String.init).filter {
      $0.hasPrefix("/usr/sbin/")
    }
    let library = "/usr/lib/x86_64-linux-gnu"
    let names = (try? manager.contentsOfDirectory(atPath: library)) ?? []
    let libraries = names.filter { $0.hasPrefix("libknot.so.") }.map { "\(library)/\($0)" }
    return (tools + libraries.sorted()).filter { manager.isReadableFile(atPath: $0) }
  }

  /// The objects in a file's bytes: ELF headers for BPF, as far as their sections reach.
  static func objects(in file: [UInt8]) -> [[UInt8]] {
    let magic: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]
    var objects: [[UInt8]] = []
    var place = 1
    while place + 64 < file.count {
      guard file[place] == 0x7f, Array(file[place..<place + 7]) == magic,
        number(file, place + 18, 2) == 247
      else {
        place += 1
        continue
      }
      let sections = number(file, place + 40, 8)
      let count = number(file, place + 60, 2)
      var end = sections + count * 64
      for index in 0..<count {
        let section = place + sections + index * 64
        guard section + 64 <= file.count else { break }
        // Type 8 has no bytes in the file.
        if number(file, section + 4, 4) != 8 {
          end = max(end, number(file, section + 24, 8) + number(file, section + 32, 8))
        }
      }
      if place + end <= file.count { objects.append(Array(file[place..<place + end])) }
      place += max(end, 64)
    }
    return objects
  }

  private static func number(_ bytes: [UInt8], _ place: Int, _ count: Int) -> Int {
    guard place >= 0, place + count <= bytes.count else { return 0 }
    return (0..<count).reversed().reduce(0) { $0 << 8 & 0xffff_ffff_ffff | Int(bytes[place + $1]) }
  }
}
