// SPDX-License-Identifier: Apache-2.0
import Recording

/// Where operations spend their time: the functions that the samples of an operation's own time met.
extension Report {
  struct Function {
    var cpuNanoseconds: UInt64 = 0
    var waitNanoseconds: UInt64 = 0
    /// Time by the function that called it.
    var callers: [Int: UInt64] = [:]
    let label: [UInt8]

    var nanoseconds: UInt64 { cpuNanoseconds &+ waitNanoseconds }

    /// The caller with the most time; of two alike the one that was met first.
    var mainCaller: Int? {
      callers.max { $0.value != $1.value ? $0.value < $1.value : $0.key > $1.key }?.key
    }
  }

  private static var mostOperations: Int { 6 }
  private static var mostFunctions: Int { 4 }

  func putFunctions(_ output: inout Output, _ style: TextStyle) {
    let sitesOfOperation = sitesByOperation()
    let times = sitesOfOperation.map {
      $0.reduce(UInt64(0)) { $0 &+ profile.sites[$1].nanoseconds }
    }
    let order = ranks(times).filter { times[$0] > 0 }
    guard !order.isEmpty else { return }
    var table = Table([
      .init("WHERE THE TIME GOES", .left), .init("FUNCTION", .left), .init("SHARE", .left),
      .init("ON CPU"), .init("WAITING"), .init("CALLED FROM", .left),
    ])
    for operation in order.prefix(Self.mostOperations) {
      let functions = functions(of: sitesOfOperation[operation])
      for (rank, function) in functions.prefix(Self.mostFunctions).enumerated() {
        let share = Double(function.nanoseconds) / Double(times[operation])
        table.add([
          rank == 0 ? style.label(name(of: UInt32(operation + 1))) : [],
          style.label(function.label),
          style.bar(share) + style.percent(share),
          style.duration(function.cpuNanoseconds, when: function.cpuNanoseconds > 0),
          style.duration(function.waitNanoseconds, when: function.waitNanoseconds > 0),
          function.mainCaller.map { style.label(functionLabel($0)) } ?? [],
        ])
      }
    }
    output.put("\n")
    table.render(into: &output, style)
    putRest(
      order.count - Self.mostOperations, " more operations; PROGNOS_JSON has them all\n", &output)
  }

  /// The sites at which time was sampled, by operation.
  func sitesByOperation() -> [[Int]] {
    var sitesOfOperation: [[Int]] = profile.operations.map { _ in [] }
    for (index, site) in profile.sites.enumerated() where site.nanoseconds > 0 && site.stack != 0 {
      if let path = site.path {
        sitesOfOperation[Int(profile.paths[path].operation) - 1].append(index)
      }
    }
    return sitesOfOperation
  }

  /// The innermost functions of these sites, the one with the most time first.
  func functions(of sites: [Int]) -> [Function] {
    var functions: [Function] = []
    var indexOfFrame: [Int: Int] = [:]
    for site in sites.map({ profile.sites[$0] }) {
      let stack = frames(ofStack: site.stack)
      guard let innermost = stack.first else { continue }
      let function = indexOfFrame[innermost] ?? index(of: functionLabel(innermost), in: &functions)
      indexOfFrame[innermost] = function
      functions[function].cpuNanoseconds &+= site.cpuNanoseconds
      functions[function].waitNanoseconds &+= site.waitNanoseconds
      let label = functions[function].label
      // Of the host's own language if there is one: it says more than the interpreter's inside.
      if let caller = stack.dropFirst().first(where: { isOfHost($0) })
        ?? stack.dropFirst().first(where: { functionLabel($0) != label })
      {
        functions[function].callers[caller, default: 0] &+= site.nanoseconds
      }
    }
    // Those that took the same in the order of their names.
    var byName: [Int] = []
    for index in functions.indices {
      let label = functions[index].label
      let place = byName.firstIndex { label.lexicographicallyPrecedes(functions[$0].label) }
      byName.insert(index, at: place ?? byName.count)
    }
    return ranks(byName.map { functions[$0].nanoseconds }).map { functions[byName[$0]] }
  }

  private func isOfHost(_ index: Int) -> Bool {
    frames.frames[index].module == 0 && !frames.frames[index].function.isEmpty
  }

  /// The function; a module without symbols is one function.
  private func functionLabel(_ index: Int) -> [UInt8] {
    let frame = frames.frames[index]
    guard frame.function.isEmpty, frame.module != 0 else { return label(ofFrame: index) }
    let name = fileName(ofModule: frame.module)
    // The kernel's own has brackets: "[vdso]".
    return name.first == 0x5B ? name : Array("[".utf8) + name + Array("]".utf8)
  }

  private func index(of label: [UInt8], in functions: inout [Function]) -> Int {
    if let known = functions.firstIndex(where: { $0.label == label }) { return known }
    functions.append(Function(label: label))
    return functions.count - 1
  }
}
