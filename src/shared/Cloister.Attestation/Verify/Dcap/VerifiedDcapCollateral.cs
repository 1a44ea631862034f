using Cloister.Attestation.Certificates;

namespace Cloister.Attestation.Verify.Dcap;

/// <summary>Collateral whose signatures were verified once. Its dates are looked at again with every quote. Safe to share between threads.</summary>
public sealed class VerifiedDcapCollateral
{
    internal VerifiedDcapCollateral(DcapEndorsements endorsements, TrustAnchors anchors)
    {
        Endorsements = endorsements;
        Anchors = anchors;
    }

    /// <summary>The earliest date at which some part of it is due to be replaced.</summary>
    public DateTimeOffset NextUpdate =>
        new[] { Endorsements.TcbInfo.NextUpdate, Endorsements.QeIdentity.NextUpdate, Endorsements.PckCrl.NextUpdate, Endorsements.RootCaCrl.NextUpdate }.Min();

    /// <summary>The lower of the numbers of TCB info and QE identity.</summary>
    public int TcbEvaluationDataNumber => Math.Min(Endorsements.TcbInfo.TcbEvaluationDataNumber, Endorsements.QeIdentity.TcbEvaluationDataNumber);

    internal DcapEndorsements Endorsements { get; }

    internal TrustAnchors Anchors { get; }
}
