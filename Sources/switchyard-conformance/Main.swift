import SwitchyardCommands

@main
struct Main {
  static func main() {
    ConformancePlugin.main()
  }
}
