extension KernelProgram {
  /// Hangs the program on a control group (BPF_PROG_ATTACH), for as long as the group lives: for
  /// types of programs that have no test run.
  ///
  /// - Parameters:
  ///   - descriptor: An open descriptor of the group's folder.
  ///   - attachType: Linux's number of the place.
  /// - Throws: ``KernelErrno``.
  package func attach(
    toControlGroup descriptor: borrowing KernelDescriptor, attachType: UInt32
  ) throws(KernelErrno) {
    var attribute = Attribute()
    attribute.store(descriptor, at: 0)
    attribute.store(self.descriptor, at: 4)
    attribute.store(attachType, at: 8)
    _ = try attribute.perform(.programAttach)
  }
}
