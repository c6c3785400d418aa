/// A moment, to ask whether every run that had started before it is over.
public struct RunMark: Hashable, Sendable {
  let stamp: UInt64
}

extension Runtime {
  /// Marks this moment: what was replaced before it can only be seen by runs from before it.
  public func markRuns() -> RunMark { RunMark(stamp: epochs.stamp()) }

  /// Whether every run that had started before a mark is over.
  public func haveEnded(_ mark: RunMark) -> Bool {
    epochs.firstLiveEpoch(beyond: mark.stamp) > mark.stamp
  }

  /// Waits until every run that has started so far is over: after a transaction, until nobody is in
  /// what it replaced.
  ///
  /// - Throws: `CancellationError`.
  public func waitForRuns() async throws {
    let mark = markRuns()
    while !haveEnded(mark) { try await Task.sleep(for: .microseconds(100)) }
  }
}
