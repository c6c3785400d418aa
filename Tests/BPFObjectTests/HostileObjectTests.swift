import BPFObject
import Testing

/// Damaged files give errors, never a crash.
@Suite struct HostileObjectTests {
  @Test func `What is no little-endian BPF object is refused by name`() throws {
    let good = try ObjectFixtures.bytes("no_types")
    func code(_ change: (inout [UInt8]) -> Void) -> ObjectFileError.Code? {
      var bytes = good
      change(&bytes)
      do {
        _ = try ObjectFile(bytes: bytes)
        return nil
      } catch { return error.code }
    }
    #expect(code { _ in } == nil)
    #expect(code { $0 = [] } == .notELF)
    #expect(code { $0[0] = 0 } == .notELF)
    #expect(code { $0[4] = 1 } == .unsupportedFormat)
    #expect(code { $0[16] = 2 } == .unsupportedFormat)
    #expect(code { $0[18] = 62 } == .wrongMachine)
    #expect(code { $0.removeLast(200) } == .truncated)
    let bigEndian = try ObjectFixtures.bytes("big_endian")
    #expect(code { $0 = bigEndian } == .bigEndian)
  }

  @Test(arguments: ObjectFixtures.names)
  func `A truncated object gives an error that names a place`(_ name: String) throws {
    let bytes = try ObjectFixtures.bytes(name)
    for length in 0..<bytes.count {
      do {
        _ = try ObjectFile(bytes: Array(bytes[..<length]))
        Issue.record("\(length) bytes of \(name) were accepted")
      } catch {
        // Only failures go through the macro: this runs a hundred thousand times.
        if error.offset == nil, error.section == nil {
          Issue.record("\(length) bytes of \(name): no place in \(error)")
        }
      }
    }
  }

  @Test(arguments: ObjectFixtures.names.enumerated().map { ($0.offset, $0.element) })
  func `A corrupted object is read or refused`(_ seed: Int, _ name: String) throws {
    let bytes = try ObjectFixtures.bytes(name)
    var random = FixedRandom(state: UInt64(seed) + 1)
    for _ in 0..<150 {
      var damaged = bytes
      for _ in 0..<(1 + random.next() % 4) {
        let place = Int(random.next() % UInt64(bytes.count))
        switch random.next() % 3 {
        case 0: damaged[place] ^= 1 << UInt8(random.next() % 8)
        case 1: damaged[place] = UInt8(truncatingIfNeeded: random.next())
        default: damaged[place] = 0xff
        }
      }
      check(damaged)
    }
    // The headers decide the most, so they get more than their share.
    let headers = bytes.count - min(bytes.count, 64 * 30)
    for _ in 0..<150 {
      var damaged = bytes
      let place = headers + Int(random.next() % UInt64(bytes.count - headers))
      damaged[place] = UInt8(truncatingIfNeeded: random.next())
      check(damaged)
    }
  }

  /// What is read must hold together, however damaged the file is.
  private func check(_ bytes: [UInt8]) {
    guard let object = try? ObjectFile(bytes: bytes) else { return }
    _ = object.kernelBTF()
    for program in object.programs {
      for (slot, reference) in program.references {
        let map =
          switch reference {
          case .map(let map): map
          case .mapValue(let map, _): map
          }
        if slot >= program.instructions.count || map >= object.maps.count {
          Issue.record("\(program.name) refers to what is not there")
        }
      }
    }
  }
}

/// The same numbers in every run.
struct FixedRandom: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
}
