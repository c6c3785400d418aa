import CPlatform

/// What a processor has beyond the first x86-64.
package struct ProcessorFeatures: Sendable {
  /// Shifts by any register, and rotations with a destination of their own.
  package var hasBMI2: Bool
  /// Counting bits.
  package var hasPopulationCount: Bool

  /// Nothing beyond.
  package static let none = ProcessorFeatures(hasBMI2: false, hasPopulationCount: false)

  /// Of the processor that this runs on.
  package static var current: ProcessorFeatures {
    ProcessorFeatures(
      hasBMI2: switchyard_has_bmi2() != 0, hasPopulationCount: switchyard_has_popcnt() != 0)
  }
}
