import Switchyard

/// Reads what programs send to user space: the records of all ring buffers and the samples of all
/// perf event arrays of a collection.
final class EventCollector {
  /// One record, or how many samples were lost.
  struct Event {
    var map: String
    /// The packet that the program had; 0 when it is not known.
    var packet: Int
    /// The CPU of a sample; ring buffers do not tell.
    var cpu: Int?
    var bytes: [UInt8]
    /// Samples that were lost instead.
    var lost: UInt64?
  }

  private var rings: [(name: String, reader: RingBufferReader)] = []
  private var samples: [(name: String, reader: PerfEventReader)] = []
  private(set) var events: [Event] = []

  init(_ collection: Collection) throws(CommandFailure) {
    for map in collection.maps {
      do throws(LinuxError) {
        switch map.handle.definition.type {
        case .ringBuffer: rings.append((map.spec.displayName, try RingBufferReader(map.handle)))
        case .perfEventArray:
          samples.append((map.spec.displayName, try PerfEventReader(map.handle)))
        default: continue
        }
      } catch {
        throw CommandFailure(
          .unavailable, "--events: map \(map.spec.displayName) cannot be read: \(error)")
      }
    }
  }

  /// Takes what there is after a packet.
  func collect(packet: Int) {
    for ring in rings {
      ring.reader.consume { bytes in
        events.append(Event(map: ring.name, packet: packet, bytes: [UInt8](copying: bytes)))
      }
    }
    for array in samples {
      array.reader.consume { event in
        switch event {
        case .sample(let cpu, let bytes):
          events.append(Event(map: array.name, packet: packet, cpu: cpu, bytes: bytes))
        case .lost(let cpu, let count):
          events.append(
            Event(map: array.name, packet: packet, cpu: cpu, bytes: [], lost: count))
        }
      }
    }
  }
}

extension EventCollector.Event {
  /// An element of `events` of `run -j`.
  var document: JSON {
    .object([
      ("packet", .integer(packet)), ("map", .string(map)),
      ("cpu", cpu.map { .integer($0) } ?? .null),
      lost.map { ("lost", .integer(Int(clamping: $0))) } ?? ("data", .bytes(bytes)),
    ])
  }

  /// The bytes, or what was lost.
  var text: String {
    lost.map { "\($0.grouped) lost" } ?? bytes.map(\.hexadecimal).joined(separator: " ")
  }
}

extension RedirectTarget {
  /// `redirect` of a packet's result.
  var document: JSON {
    func number(_ value: UInt32) -> JSON { .integer(Int(value)) }
    return switch self {
    case .device(let device), .mappedDevice(let device):
      .object([("kind", .string("device")), ("ifindex", number(device))])
    case .ingress(let device):
      .object([("kind", .string("ingress")), ("ifindex", number(device))])
    case .peer(let device): .object([("kind", .string("peer")), ("ifindex", number(device))])
    case .neighbour(let device):
      .object([("kind", .string("neighbour")), ("ifindex", number(device))])
    case .broadcast(let map, let excludesIngress):
      .object([
        ("kind", .string("broadcast")), ("map_id", number(map)),
        ("exclude_ingress", .integer(excludesIngress ? 1 : 0)),
      ])
    case .cpu(let cpu): .object([("kind", .string("cpu")), ("cpu", number(cpu))])
    case .socket(let map, let index):
      .object([
        ("kind", .string("socket")), ("map_id", number(map)), ("index", number(index)),
      ])
    case .stream(let cookie, let isIngress):
      .object([
        ("kind", .string("stream")), ("cookie", .integer(Int(truncatingIfNeeded: cookie))),
        ("ingress", .integer(isIngress ? 1 : 0)),
      ])
    }
  }
}
