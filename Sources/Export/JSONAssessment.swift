// SPDX-License-Identifier: Apache-2.0

/// What was concluded, in JSON.
extension Report {
  func putAssessment(_ json: inout JSONWriter) {
    guard let assessment else { return }
    json.key("assessment")
    json.object { json in
      putObject("health", assessment.health, Shape.health, &json)
      putObject("crash", assessment.crash, Shape.crash, &json)
      putObject("peak", assessment.peak, Shape.peak, &json)
      putObject("scalability", assessment.scalability, Shape.scalability, &json)
      putObject("productivity", assessment.productivity, Shape.productivity, &json)
      putObjects("resources", assessment.resources, Shape.resource, &json)
      putObjects("leaks", assessment.leaks, Shape.leak, &json)
      putObjects("anomalies", assessment.anomalies, Shape.anomaly, &json)
      putObjects("alerts", assessment.alerts, Shape.alert, &json)
      putObjects("bottlenecks", assessment.bottlenecks, Shape.bottleneck, &json)
      json.key("operations")
      json.array { json in
        for (operation, health) in assessment.operations {
          json.object { json in
            json.member("id", .integer(UInt64(operation)))
            put(health, Shape.operationHealth, &json)
          }
        }
      }
    }
  }
}
