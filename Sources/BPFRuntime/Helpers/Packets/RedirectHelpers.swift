extension Helper {
  /// `TC_ACT_REDIRECT` or, with flags that do not exist, `TC_ACT_SHOT`.
  static let redirectTrafficControl = Helper(
    number: 23, name: "redirect", arguments: [.anything, .anything]
  ) { interface, flags, _, _, _, cpu in
    redirect(
      interface, cpu: cpu, isAllowed: flags & ~1 == 0, taken: 7, refused: 2,
      kind: flags & 1 == 0 ? .device : .ingress)
  }

  /// The same, to the other end of a pair of devices; it takes no flags.
  static let redirectPeer = Helper(
    number: 155, name: "redirect_peer", arguments: [.anything, .anything]
  ) { interface, flags, _, _, _, cpu in
    redirect(interface, cpu: cpu, isAllowed: flags == 0, taken: 7, refused: 2, kind: .peer)
  }

  /// The same, with the next hop's link layer address filled in; memory for the next hop is none at
  /// all or at least 20 bytes.
  static let redirectNeighbour = Helper(
    number: 152, name: "redirect_neigh",
    arguments: [
      .anything, .readableMemory(orNull: true), .size(allowsZero: true), .anything,
    ]
  ) { interface, _, size, flags, _, cpu in
    let size = size.asInt32
    let isAllowed = flags == 0 && (size == 0 || size >= 20)
    return redirect(interface, cpu: cpu, isAllowed: isAllowed, taken: 7, refused: 2)
  }

  /// `XDP_REDIRECT` or, with any flag, `XDP_ABORTED`.
  static let redirectXDP = Helper(
    number: 23, name: "redirect", arguments: [.anything, .anything]
  ) { interface, flags, _, _, _, cpu in
    redirect(interface, cpu: cpu, isAllowed: flags == 0, taken: 4, refused: 0)
  }
}

/// Notes where a packet goes when the program returns the verdict that it gets.
private func redirect(
  _ interface: UInt64, cpu: UInt64, isAllowed: Bool, taken: UInt64, refused: UInt64,
  kind: RedirectKind = .device
) -> UInt64 {
  guard isAllowed else { return refused }
  RunningCPU(address: cpu).packet?.redirection = kind.encoded(interface)
  return taken
}
