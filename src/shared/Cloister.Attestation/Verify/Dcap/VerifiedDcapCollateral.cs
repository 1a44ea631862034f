using Cloister.Attestation.Certificates;
using Cloister.Attestation.Collateral;

namespace Cloister.Attestation.Verify.Dcap;

/// <summary>Collateral whose signatures were verified once. Its dates are looked at again with every quote. Safe to share between threads.</summary>
public sealed class VerifiedDcapCollateral
{
    internal VerifiedDcapCollateral(DcapEndorsements endorsements, TrustAnchors anchors)
    {
        Endorsements = endorsements;
        Anchors = anchors;
    }

    /// <summary>Number of TCB info's evaluation.</summary>
    public int TcbInfoEvaluationDataNumber => Endorsements.TcbInfo.TcbEvaluationDataNumber;

    /// <summary>Number of the QE identity's evaluation.</summary>
    public int QeIdentityEvaluationDataNumber => Endorsements.QeIdentity.TcbEvaluationDataNumber;

    /// <summary>What it consists of, with the dates of each part, under the names of a collateral directory's files.</summary>
    public IReadOnlyList<CollateralItem> Items =>
    [
        new("tcb_info", Endorsements.TcbInfo.IssueDate, Endorsements.TcbInfo.NextUpdate) { TcbEvaluationDataNumber = TcbInfoEvaluationDataNumber },
        new("qe_identity", Endorsements.QeIdentity.IssueDate, Endorsements.QeIdentity.NextUpdate) { TcbEvaluationDataNumber = QeIdentityEvaluationDataNumber },
        CollateralItem.Of("tcb_signing_chain", Endorsements.TcbSigningChain),
        .. ReferenceEquals(Endorsements.QeIdentityChain, Endorsements.TcbSigningChain) ? [] : (CollateralItem[])[CollateralItem.Of("qe_identity_chain", Endorsements.QeIdentityChain)],
        CollateralItem.Of("pck_crl", Endorsements.PckCrl),
        CollateralItem.Of("pck_crl_issuer_chain", Endorsements.PckCrlIssuerChain),
        CollateralItem.Of("root_ca_crl", Endorsements.RootCaCrl),
    ];

    /// <summary>The earliest date at which some part of it is due to be replaced.</summary>
    public DateTimeOffset NextUpdate =>
        new[] { Endorsements.TcbInfo.NextUpdate, Endorsements.QeIdentity.NextUpdate, Endorsements.PckCrl.NextUpdate, Endorsements.RootCaCrl.NextUpdate }.Min();

    /// <summary>The lower of the numbers of TCB info and QE identity.</summary>
    public int TcbEvaluationDataNumber => Math.Min(Endorsements.TcbInfo.TcbEvaluationDataNumber, Endorsements.QeIdentity.TcbEvaluationDataNumber);

    internal DcapEndorsements Endorsements { get; }

    internal TrustAnchors Anchors { get; }
}
