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
    0.4522, 0.4894, 0.1283, -1.656, -1.777, -1.803, -1.668, -1.883, -1.828, 0.425, 0.411, -4.408,
    0.2638,
    0.3195, 0.387, 0.4348, 0.3982, 0.443, 0.4373, 0.3193, 0.2325, 0.08114, -0.02333, 0.9404, -0.036,
    -0.1905, 0.03015, 0.2603, 0.2385, -1.407, -1.495, 0.1303, 0.6288, 0.9238, 1.132, -0.01243,
    0.6388,
    0.2476,
  ]

  private static let deviations: InlineArray<38, Double> = [
    0.2659, 0.2624, 0.2434, 1.959, 2.032, 2.109, 1.985, 2.046, 2.164, 0.4554, 0.4928, 2.04, 0.2773,
    0.3048,
    0.3113, 0.3325, 0.4008, 0.4193, 0.4366, 0.3479, 0.2625, 0.4983, 0.5614, 0.1652, 0.7209, 0.642,
    0.1356,
    0.3374, 0.2274, 2.102, 1.91, 0.1187, 0.9084, 0.6352, 1.169, 0.4494, 0.403, 0.4605,
  ]

  private static let weights: StaticString = #"""
    O=PyP_PrQ+PjRFPPQ[PAO|Q6QiPyQ7PgPMOnQ*R7RJOpPZQgQJQ$Q/Q2QrQ+PgP>OuOqPLRMQKP{N6PhQ8O<P,PkRYT2TOQZPYP@\#
    PsQ%P_P1R5Q(QQP8P8PWQTPzP/PuPoP1RdO\OfPzPzPEPwPlQ|QSQ7R_PmP@OnQyQ(Q)Q>Q\PeP`OGQORDQ0PvQbNTOuPTQcPrQb\#
    P[Q-OrPKQiPfPiPoPjOnQaR1PAMKQFO[P@PQPQQHPtQ<Q0Q8R*PzQ;Q:Q.PsPGQ9PqP_PcPXQ3QwPmQ1QRQUQ2RrPTP8Q[RDPQPo\#
    P=QlP\PQQ%LuPbRVQ7PQNGQsPIP5REP-PLQNQ*Q9QCN+QePwP$OpOZTHMNQWNaQfS*Q\QYOsQ/OjQJPQPLNCPNQUOTR1R$OuPRQ;\#
    PjPNO2PLRQQSU>PcQPP.QxPSOaP|RCRpNvP0RKPTQ7PfPMQHOzPLPwP|Q3QIP`PWPZUEPQOuQVQWQMQ5PeP.P_QPQ]Q?QZPLQ+Oy\#
    P-QgQbQKP)QROdLXQ3PeQLQ4Q_P>PxOTP7QEPrPKP-PUP1P[OMQoQSQ<PKPvPYPxP|PsP$QLQ,PyR;Q.P?PLPhPtREQ3P=PUP|Pu\#
    QaS0P{QWPAP5QiP=OcPyPdQFQVQ[Q3PROKO_N'N7SvP_OBQDQcPIP*P[QwR|P7Q,P@PnQuQkQ[Q9QoQgRMP]OLRFQ>R5PmRsQ5Pp\#
    ODP7QWQ+OOQDPkP5PuP6P3Q^M:OdP+PLRHQ:QGPBP0NkQnS0NGQ3QIQnP_TFPjP7O|P7P5QOP2QgP:ORPiPzQKPXP}PWPlQ+PHQY\#
    S(OoP_QpPiQ;PuP^QYPLOKPWQCL+PjQ&Q\Q1RGOEPdQRP{Q<PBQDQ?Q?O&RKP`NbQ`R5QgRZS'Q-Q]QgOIQIOoR'P6P)Q[QBR+Q=\#
    PRNrOLPzPcPyQ2NcQ(Q/PAR@QiQHPAQ.Q&Q5P-Q'Q\QDPEPBPNP7QGQ1PfNnPoQ-PgR^QBPLQ&PkQ-QAR-R'PmQ5PWQ1S+PRP\QR\#
    PCQ|P@R3OvPyPLQTS2PaOsOgP?PjNuP{R3Q,QRQHPRP8PbR'R{RDP(N@Q/R;PdPvPMRbQ[POQWO=QXQOPZRDQ)P|PMSCO.R1PSQT\#
    Q,Q\QpP<P2PJOWO(Q(PhQDQ8NmQZOcS>N<PDQ2UIQDQAOfPoPoQTP:O;SmQFRAQ9PzRmP:P3R?Q+OsQKQGR]O[PAQ|QWR@P.Q@Qb\#
    OjQ=PfQESLQ%Q%PVVCQ=PnPYPzP3POP,S=PZQUR)P2PiPJOzPoQhReP^Q5OQR:OzOmPQRXM_PAQ?PrPfQiP3R,RDNdQ&QOLnR$Q7\#
    PxQHQ8O5P;R,QLPlOgQ-P3RMP|PWPaP[QcQ'P(R-R3QuP;QsQ3QFQaP7R%O\QHRfPQQFR:PuPCR0Q{OnP{PlPcPMNVP?OfQWROPx\#
    Q(PHR0RIO[P3OAPrN[NtQ4QKOZSvQCPRPUP\PlS,ROQ1PdPmPvNIPMPgKGPZPuPsP.Q\RsQhP`QOQuOjTtPiQ;PbQKP`QhQnP%Qo\#
    Q;QjQzQQRAQ[Q]Q[RxRYPCO|RdT/P.Q1P}PaP9NhQ2Q_RcQ?PaOvR5P,QDNULUQ$QXQmNSNiO&O0S8OQP+TDR9MeN7MXP0R{OaOO\#
    M0QRR\PxR2QAQ.Q3PxO*PaRFQ7PLPwQ.QJPxQXPmQ-NiQ*Q=P0SXQ$R6QsRYQFP8O-P:O`Q<PzQ(R>PJRhQpOg
    """#
}
