import SwitchyardCommands

@main
struct Main {
  static func main() {
    CommandLineTool.main()
  }
}
