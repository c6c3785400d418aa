extension Helper {
  /// What does not depend on the kind of program; each type allows some of them.
  public static let base: [Helper] =
    [
      mapLookup, mapUpdate, mapDelete, mapLookupPerCPU, mapPush, mapPop, mapPeek,
      spinLock, spinUnlock,
      monotonicTime, bootTime, coarseTime, atomicTime, jiffies,
      random, processorID, numaNode,
      tracePrint, tracePrintArray,
      parseSigned, parseUnsigned, compareStrings,
    ] + callbacks + probes + texts + dynamicPointers + processes
    + ringBuffer + perfEvents + stacks + storages + [
      currentTaskUnderControlGroup, currentTrafficClass,
    ]

  /// `bpf_get_prandom_u32`: 32 bits from the CPU's generator; see ``CPU/seed``.
  public static let random = Helper(
    number: 7, name: "get_prandom_u32", arguments: []
  ) { _, _, _, _, _, cpu in RunningCPU(address: cpu).nextRandom() &>> 32 }

  /// `bpf_get_smp_processor_id`: the number of the running CPU.
  public static let processorID = Helper(
    number: 8, name: "get_smp_processor_id", arguments: []
  ) { _, _, _, _, _, cpu in UInt64(RunningCPU(address: cpu).index) }

  /// `bpf_get_numa_node_id`: 0, there is one node.
  public static let numaNode = Helper(
    number: 42, name: "get_numa_node_id", arguments: []
  ) { _, _, _, _, _, _ in 0 }
}
