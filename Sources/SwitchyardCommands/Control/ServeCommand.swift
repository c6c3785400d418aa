import ArgumentParser
import Switchyard
import SwitchyardControl

/// `switchyard serve`: runs a chain over a capture, round and round, and lets others change it.
struct ServeCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Run packets of a capture over and over, and take orders on a Unix socket.",
    discussion: "With --state the chain, its history and its pins are kept in a directory, and the "
      + "next start goes on with them; then the object is only needed the first time.")

  @Argument(help: "A compiled BPF object (ELF).")
  var object: String?

  @Option(help: "Type of programs whose section says nothing.")
  var type: String?

  @Option(help: "The program that packets enter through; needed when there are several.")
  var program: String?

  @OptionGroup var input: InputOptions
  @OptionGroup var server: ServerOptions
  @OptionGroup var output: OutputOptions

  @Option(help: "Permissions of the socket, in octal.")
  var socketMode = "600"

  @Option(help: ArgumentHelp("Keep the chain in this directory.", valueName: "directory"))
  var state: String?

  @Option(help: "Virtual CPUs, each with a thread.")
  var cpus = 1

  @Option(help: "Packets per second on each CPU; 0 for as many as it can.")
  var rate = 10_000

  @Flag(help: "Count taken tail calls by slot, for chain graph; misses are always counted.")
  var countHops = false

  @Option(help: "How many generations can be gone back to.")
  var keep = 16

  func validate() throws {
    if !(1...256).contains(cpus) { throw ValidationError("--cpus takes 1 to 256") }
    if rate < 0 { throw ValidationError("--rate takes a number from 0 on") }
    if !(0...10_000).contains(keep) { throw ValidationError("--keep takes 0 to 10000") }
    if UInt32(socketMode, radix: 8).map({ $0 > 0o777 }) ?? true {
      throw ValidationError("--socket-mode takes permissions such as 660")
    }
    if input.capture == nil, input.hex == nil, input.interface == nil {
      throw ValidationError("no packets: give a capture with -r or one packet with --hex")
    }
    if object == nil, state == nil {
      throw ValidationError("give an object, or a directory with --state to go on with")
    }
  }

  func execute(in session: Session) throws(CommandFailure) {
    System.holdTermination()
    let packets = try readPackets(in: session)
    let path = try server.path()
    do throws(ControlError) {
      let live = try makeLive()
      let traffic = Traffic(
        packets: packets, through: live, rate: rate == 0 ? nil : rate, countsHops: countHops)
      let mode = UInt32(socketMode, radix: 8) ?? 0o600
      let server = try ControlServer(live, traffic: traffic, at: path, mode: mode)
      defer { server.stop() }
      try traffic.start()
      defer { traffic.stop() }
      try greet(live, traffic, packets.count, path, in: session)
      System.waitForTermination()
      try session.show(live.status(traffic)) { status in
        [
          "ended in generation \(status.generation), after"
            + " \(status.traffic.packets.counted("packet"))"
        ]
      }
    } catch {
      throw CommandFailure(error)
    }
  }

  private func makeLive() throws(ControlError) -> LiveRuntime {
    var source: (bytes: [UInt8], name: String)?
    var options = LiveRuntime.Options(
      statePath: state, typeName: type, generationLimit: keep)
    if let object {
      var objectOptions = ObjectOptions()
      objectOptions.object = object
      objectOptions.type = type
      do throws(CommandFailure) {
        options.collection.defaultKind = try objectOptions.kind()
      } catch {
        throw ControlError(.usage, error.message)
      }
      do throws(System.FileError) {
        source = (try System.contents(of: object), objectOptions.name)
      } catch {
        throw ControlError(
          error.isPermission ? .noPermission : .unreadable,
          "cannot read the object \(object): \(error.message)", file: object)
      }
    }
    return try LiveRuntime(
      runtime: Runtime(possibleCPUs: cpus), object: source, program: program, options: options)
  }

  private func readPackets(in session: Session) throws(CommandFailure) -> [[UInt8]] {
    guard let source = try input.source() else { return [] }
    var packets: [[UInt8]] = []
    try source.each(
      in: session, opened: { _ in }, { packet in packets.append([UInt8](copying: packet.bytes)) })
    guard !packets.isEmpty else {
      throw CommandFailure(.unreadable, "there are no packets to run", file: input.capture)
    }
    return packets
  }

  private func greet(
    _ live: LiveRuntime, _ traffic: Traffic, _ packets: Int, _ path: String, in session: Session
  ) throws(ControlError) {
    let status = live.status(traffic)
    let chain = try live.chain()
    try session.show(status) { status in
      status.found.map { "found: \($0)" } + [
        "serving program \(chain.entry.name) of object \(chain.entry.object) on \(path):"
          + " generation \(status.generation), \(packets.counted("packet")) in a loop"
      ]
    }
  }
}
