extension Helper {
  /// What socket filters may call besides what every type may.
  static let socketFilter: [Helper] = []

  /// What programs of traffic control may call besides what every type may.
  static let trafficControl: [Helper] = [csumDiff, redirectTrafficControl, redirectPeer]
}
