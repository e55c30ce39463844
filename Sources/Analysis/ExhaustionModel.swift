// SPDX-License-Identifier: Apache-2.0
import Recording

/// What features mean: a network with one hidden layer, whose constants were fitted to the processes of
/// benchmarks/crashes (its design set) and to synthetic pasts, by their likelihood (docs/methods.md). Its three outputs
/// are how sure it is that growth does not stop, and of the time until the limit the correction to going on as before,
/// and the deviation, both of ln.
enum ExhaustionModel {
  static let hidden = 20

  static func outlook(_ features: ExhaustionFeatures) -> Outlook {
    var inputs = InlineArray<38, Double>(repeating: 0)
    for index in 0..<ExhaustionFeatures.count {
      inputs[index] = (features.values[index] - means[index]) / deviations[index]
    }
    var outputs: (Double, Double, Double) = (0, 0, 0)
    let second = hidden * (ExhaustionFeatures.count + 1)
    for unit in 0..<hidden {
      let row = unit * (ExhaustionFeatures.count + 1)
      var sum = weight(row + ExhaustionFeatures.count)
      for index in 0..<ExhaustionFeatures.count { sum += weight(row + index) * inputs[index] }
      let level = Math.tanh(sum)
      outputs.0 += level * weight(second + unit)
      outputs.1 += level * weight(second + (hidden + 1) + unit)
      outputs.2 += level * weight(second + 2 * (hidden + 1) + unit)
    }
    outputs.0 += weight(second + hidden) - rarity
    outputs.1 += weight(second + 2 * hidden + 1)
    outputs.2 += weight(second + 3 * hidden + 2)
    var outlook = Outlook()
    outlook.certainty = 1 / (1 + Math.exp(-bounded(outputs.0, 9)))
    outlook.mean = features.logTime + bounded(outputs.1, 4)
    outlook.deviation = Math.exp(min(max(outputs.2, -3), 1.5))
    outlook.span = features.span
    outlook.slope = features.slope
    return outlook
  }

  /// In life, far less comes to its end than in the sets that the constants were fitted to: ln of the odds.
  private static let rarity = 1.0

  private static func bounded(_ x: Double, _ limit: Double) -> Double { min(max(x, -limit), limit) }

  /// Two characters each, in 256ths, so that they are where they are needed without being copied there.
  private static func weight(_ index: Int) -> Double {
    let text = weights.utf8Start + 2 * index
    let number = (Int(text[0]) &- 36) &* 90 &+ (Int(text[1]) &- 36) &- 4050
    return Double(number) / 256
  }

  private static let means: InlineArray<38, Double> = [
    0.462, 0.5002, 0.1313, -1.613, -1.74, -1.766, -1.626, -1.848, -1.795, 0.4283, 0.4148, -4.377,
    0.265,
    0.3197, 0.3887, 0.4359, 0.3959, 0.4455, 0.4405, 0.3179, 0.2339, 0.0831, -0.02294, 0.9394,
    -0.0282,
    -0.1801, 0.03088, 0.2624, 0.2425, -1.377, -1.447, 0.1321, 0.6486, 0.9311, 1.139, -0.0139,
    0.6526,
    0.2501,
  ]

  private static let deviations: InlineArray<38, Double> = [
    0.2626, 0.2579, 0.2443, 1.951, 2.029, 2.11, 1.977, 2.045, 2.17, 0.4535, 0.4915, 2.066, 0.2784,
    0.3066,
    0.3133, 0.3349, 0.4005, 0.4221, 0.4389, 0.3503, 0.2661, 0.4977, 0.563, 0.1666, 0.7141, 0.6372,
    0.1379,
    0.3384, 0.226, 2.104, 1.896, 0.1201, 0.9218, 0.6355, 1.18, 0.4528, 0.3996, 0.4682,
  ]

  private static let weights: StaticString = #"""
    OfQWP<Q*Q6PuR=Q%Q;P7PXPrPjPaP{Q(Q_PTQ,QQR+P%Q)PDQ)QHPnPZQfQ^Q.P%PAOrPeR(QWQ&N1P,PqRLPaR.QrS?R{O\Q@QL\#
    OKQ/PrQ%PuPwOrQLPNQRQgPaPDQ%PvPCQ-P\OjPbPrPPPnPzPhPpQjP;P|PhPVP[P5Q&PmQGQ?P|OxNzP`PDPHQ7OpP{PdPyOfPo\#
    QtP(SNQ7OUQwQlQ3OqNjPkPQP9PTRfR<P,QmPURBPEPNPjP>Q.QLQiQmQqQIPPPtP^Q0QBQrQPQ.QaPXMXPAPhQ/QRQVQ4Q[Q*P}\#
    P[PJO_QHOSP}P8RXQKP0PYQ5Q.Q+QZQ>OQPXQ5PrQVPzQ:Q\OAPiQOS,O(QjMjQ9PBQ3RWPrObNnPOPJPjNjPtPONgQ9QgQ3Q=QC\#
    QOPrP[QBPjP|U:QVQaQ5PXRCPoQ_O|QWQ;QKR-OpODQNOCOhO<Q<RRP]Q:PaNJOtP=QlQLQ^Q0RLQbPeP|PQPWQRPKMkPfP{QfQ*\#
    Q\Q=Q9PKO$Q<RKQ-PrQ&S,QaRPO7QXR'Q,QmPaP:Q+QeMoQKPCQtQ^Q$QFOuOxQQPcOBO:RPQ(O{QVPmR$P[PmPlRDQ2P7POQ6Pr\#
    RLQvQDQ2P\Q?Q'PgP=QMN^RCQ0Q9O&PyP*P&OjOHQ`R6QPO}Q6Q&PYQVQ,R'PEPDP1QdQKQuQEQ9PfQzR)O{O}OKQ3QDPwQ,R*PR\#
    QoOtQIQuOkQvPnPrQ=P,QuStPvP$OxQ&QOQ?QBQvOoNcQ-Q;O_PUP{QPPrQ9PCPcREQ4QgQUQ9Q8QINGP<Q&P>QQPwPgP|QDPZQ8\#
    R5PbQqR:Q2QMQ'P?QEQ$PSPhOwKLPAPRQbR%OZOFQNPeQIQ3OkPsQCPQPRR?PiO(RJRJQkRnS6P7PrQpP?PuPHQ3Q1P+Q'P8QRQp\#
    PKPNPCP]Q$P^PaOBP|QJPNQFPfRAPQPWO]S/PJQ`QlPeP9PJPBPvT9POQbM3Q/QmPhOvRGQEPnP>OhQoR-Q7PkQ4R%QAQrQ_PZR@\#
    PnR(PPQ<Q/PzLlP|S$QOOuOJPsP^N(P9QVP8QDP+QkPSQaQ)QpQdQMMcPORJOAR1QMPvQuR-QUOaOnP5P]S)R0PoQ]RGP$ROP.QO\#
    QiQRR7QLPOQ/P[Q<QyQ4P[PzO`Q*PTR0PBPpQ:PNQcPhPzPuP7P`PTR\RTQ'Q|PsP[R9NdODQYQjOkPaQIPlN0QNQTPLRiQdQ,Qb\#
    O]P;P[PKS6OlQ\P.X4PtQ:PxPUP|Q%OESSQOR;PuOTQlPEPcOnQcR6PzPlPnPqOuPzO9Q1P+P>QPPCQ]Q$P)QGR>P]PSQVQyQcQ:\#
    PnQ6QhPDPBS[PjP}P)R:P^Q&PNQ(P|Q5Q(Q'RGR1R<RfP7P(PiQyQ8PdR<QnQUQ&PrP4QaP%Q$PcQ2R$PmQ,ObP2QlPGPtPxQ<Pv\#
    Q<O\QoQtOFPxOiRmO=NTQtQuQzOCOiMkQ,O=PsQ@QmR]Q(SqLvPDRrQ%PjQuQXPlPsPsQgQ7PLR*P[P)QYPQQeO]PcOlR7SvQ5QO\#
    QLPgQqPiQ\P^PoQDREPIPiPvPwQIQ%PoQ4P3QzO)Q<R/Q$PaQ8PTQ^PbP6S+LpPEQcRONUO+LGP+PpO8O+RAUSMkOoMqNRR4O_Ok\#
    KuQzR7QMPtQLPtQaOzPVQiR'QtOuQ'QeQ6PMR3Q1S9NtQ_QMP,R-PAQLQHPiRYOdP/P/ORQ[QEQ-Q/Q.QRQ(O1
    """#
}
