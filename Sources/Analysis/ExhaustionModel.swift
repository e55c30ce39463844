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
  private static let rarity = 0.5

  private static func bounded(_ x: Double, _ limit: Double) -> Double { min(max(x, -limit), limit) }

  /// Two characters each, in 256ths, so that they are where they are needed without being copied there.
  private static func weight(_ index: Int) -> Double {
    let text = weights.utf8Start + 2 * index
    let number = (Int(text[0]) &- 36) &* 90 &+ (Int(text[1]) &- 36) &- 4050
    return Double(number) / 256
  }

  private static let means: InlineArray<38, Double> = [
    0.455, 0.4925, 0.129, -1.644, -1.769, -1.794, -1.658, -1.875, -1.82, 0.426, 0.4123, -4.402,
    0.264,
    0.3191, 0.3875, 0.4352, 0.3978, 0.4439, 0.4384, 0.3194, 0.2329, 0.08194, -0.02383, 0.94,
    -0.03606,
    -0.1877, 0.03029, 0.2611, 0.2395, -1.4, -1.482, 0.1308, 0.6355, 0.9258, 1.135, -0.01291, 0.6427,
    0.2485,
  ]

  private static let deviations: InlineArray<38, Double> = [
    0.2651, 0.2612, 0.2434, 1.956, 2.03, 2.108, 1.982, 2.046, 2.165, 0.455, 0.4925, 2.047, 0.2775,
    0.3053,
    0.3118, 0.3335, 0.4007, 0.4204, 0.4375, 0.349, 0.2636, 0.4979, 0.5619, 0.1658, 0.7186, 0.6406,
    0.1362,
    0.3378, 0.2272, 2.102, 1.906, 0.1192, 0.9125, 0.6356, 1.174, 0.4503, 0.4024, 0.4632,
  ]

  private static let weights: StaticString = #"""
    OEQ5QhPhPtPLQqP4QMP0P?R?Q`QVPrPuP`OiQHPyR:PXQ.Q>PuPfPmPRRSPpOXPQOxPWPmRyQNQRNUOzQ$R5PoQ;QLR=R4PbQAS.\#
    MkPXQ,Q5QcQDP8QEO'O^PvPSLgQJPXQDQ7P]PFQ,Q\PwPMPJPxQ^RVNPQ4P$Q$QwQFQ3R0R>P4QuNlOwQ0P{PqS&PDQ_PbQSQrO*\#
    Q]OxPcQ6N2Q-Q2Q0PyNwPnQ<Q9N;QKQ)R0PcPHPOPuQxQ<R2RuO/S1RQO)QAQHQIQ3OoNaPMP0Q{PVQ8O&PUPYO3P.RJPyQjP?Pq\#
    O|PdO2Q+OCQ_P(QIPrPFOhQTQ=PRR,PmP;OYQ*P>PnNzQ5PDOOQ)QESjPPR@QjQ2Q%PvQUPuPnNaP1PDQROCQQPkR>QLR0PNPyQ3\#
    QdPRP=QnPuQ?U&PdR:QgQFQkQ.PkRJR?P.PDRtO@OrR;PROEOLP_S\P:PTQ?M}PdOfR^QRP{PyQ,PsQ)PHOaQ-PvQLS_PLP*QzQO\#
    Q.QlPzPoO9QoP0Q.OJQ@SDQCQmOhPcP,Q'P|Q6PxQ-PbORPpP/QgQwPpP_P-P&QSQ/PQN3QDQnP[QjQRQBPZP<Q$QpR,PiP4PkQI\#
    Q@RiQ.QMPFPpQSP8OkQ`PmRcQ3QUPiPcOgP/OPO.RCPpPbQ1PzPQP_QGPuRTQ7Q)PWQcQ@QHQ2Q3Q,Q(R4PTOjPuPtQFQIQ'Q8Q,\#
    QpP4QAQwO,Q/P;P&P`PlP\ReO?PDOsP|QTQ$RiQOP4MxPaR;P1PMQ[R=PRSZPCOvQ}PPP{R(QXQ9PXP;P1PDQ3Q%Q&PgPrQ+PmPy\#
    QGP?QBRVPcQ0Q5PPQ1QCP3ONQ2LcPfQ7QVQzR/OlQ.PWQEQ+P<REPqQ*OtQoQSO1P\Q:Q(PXPkQ/PkQWQ|Q_PqQBQ.N}QbP|Q1S4\#
    PtP5Q$OtPOP>Q?QgPPPDQ>QQR;NzPcR5O6Q<PGQ`Q,Q<P4PIPCO{Q1QYPXP]QHQEPtQfPsP\Q<PdPBPvQCQdPZPuPGQ4RKPsPgQ*\#
    PpQ+Q6QHQ$PnS$QJRdQ'OuORP9PXNbOERNQnSOP`P@P]PVQ,R=RjP}LOQ&QKP'QeQ9R/QeQXPdN{R7Q=PMR5Q4PfOOQMPDR*PkPs\#
    QTQ[R<Q6O`QtRKPQPuPvPlP|QRQZQ_S/PVP]QDRrQ9PwQTP=P{PJO|RYP_Q-R%P:Q(RaO9P1RMPiQ)QSQgRgNxN<Q;PPP`OjPJQ&\#
    QMOXPbPkS;NhQXP/Y[Q^Q8P=Q4P<PKPnPoRsQeP|PSPgQKQCOrQtQZQ/PDQ9PnOJPuOPO}NKPaRNPSQ>P{P}QAR0PmQ?SOM@Q$QA\#
    PoQBQGP]PzRnQPP1PYPgPFQMS0PsP+Q$PsP[PPQuQqRqPZPlOxR0QnPLRrOuQ<PyOsPJRDQ9PXQUPcP'PyR;O[P&OtP<P%Q4QKQm\#
    Q`Q6QWQNP,PgOfR]O4NhRCR+Q<R;Q1NzQ8ORPpR*R,RbQfR0LaLDQHPgNoQ9PzPNPSR1Q5QIP%RHPbOSRJP|PzO&QQO`RyTKS7QB\#
    QZP5PwPuQdPZQ[QlQDP_P]QFQhPuPQP:PqPdR/NVPqR2Q&PrQwPbPqPyPfRhKyQDOmP+NiN@O:OcR2O{O[QCPuN'OtMUN@QKONQ+\#
    MEQMQ\QgQnQ7Q%QvOkO|Q&QTQ5OvQOQ`Q+PbR2Q8RoO/QcONPpQ}OzQ*QIR4R+O)P7OcO(RCP|Q-Q9Q<R)PnOf
    """#
}
