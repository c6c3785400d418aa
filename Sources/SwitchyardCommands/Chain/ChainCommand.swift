import ArgumentParser
import Switchyard

/// `switchyard chain`: the chain as the object has it.
struct ChainCommand: CommandGroup {
  static let configuration = CommandConfiguration(
    commandName: "chain", abstract: "Look at who tail-calls whom.",
    subcommands: [ChainShowCommand.self] + LiveChainCommands.all)
}

/// `switchyard chain show`: call sites, slots, and what does not fit together.
struct ChainShowCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show who tail-calls whom, through which slot.",
    aliases: ["list"])

  @OptionGroup var objectOptions: ObjectOptions
  @OptionGroup var output: OutputOptions

  func execute(in session: Session) throws(CommandFailure) {
    let model = ChainModel(try objectOptions.read())
    if session.isJSON {
      session.show(model.document(object: objectOptions.object))
    } else {
      session.show(
        ChainText(model: model, style: session.style).lines(object: objectOptions.object))
    }
  }
}
