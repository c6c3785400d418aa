extension MapFactory {
  /// Kinds that carry records to user space.
  static let events: [MapType: Maker] = [
    .ringBuffer: { factory throws(LinuxError) in
      try RingBufferMap(definition: factory.definition, id: factory.id)
    },
    .perfEventArray: { factory throws(LinuxError) in
      try PerfEventArray(
        definition: factory.definition, id: factory.id, possibleCPUs: factory.possibleCPUs,
        epochs: factory.epochs)
    },
    .stackTrace: { factory throws(LinuxError) in
      try StackTraceMap(definition: factory.definition, id: factory.id)
    },
  ]

  /// Kinds that hold values of objects.
  static let storages: [MapType: Maker] = Dictionary(
    uniqueKeysWithValues: MapType.storages.map { ($0, makeStorage) })

  private static let makeStorage: Maker = { factory throws(LinuxError) in
    try LocalStorageMap(factory)
  }

  /// Kinds that name things outside: devices, CPUs, sockets, control groups.
  static let targets: [MapType: Maker] = [
    .deviceMap: makeTargets, .deviceHash: makeTargets, .cpuMap: makeTargets,
    .socketMap: makeSockets, .socketHash: makeSockets, .reuseportSockets: makeSockets,
    .frameSocketMap: { factory throws(LinuxError) in
      try FrameSocketArray(
        definition: factory.definition, id: factory.id, epochs: factory.epochs)
    },
    .controlGroupArray: { factory throws(LinuxError) in
      try ControlGroupArray(
        definition: factory.definition, id: factory.id, epochs: factory.epochs)
    },
  ]

  private static let makeTargets: Maker = { factory throws(LinuxError) in
    try TargetMap(factory)
  }

  private static let makeSockets: Maker = { factory throws(LinuxError) in
    try SocketMap(definition: factory.definition, id: factory.id)
  }
}
