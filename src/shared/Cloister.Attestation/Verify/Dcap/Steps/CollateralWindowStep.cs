using Cloister.Attestation.Abi.Dcap;
using Cloister.Attestation.Certificates;

namespace Cloister.Attestation.Verify.Dcap.Steps;

/// <summary>Collateral that was verified at another time still counts at this one: every date in it is looked at again.</summary>
internal sealed class CollateralWindowStep() : VerificationStep<DcapContext>("collateral_validity", "RFC 5280, 6.1.3 and 6.3; Intel PCS API v4")
{
    public override StepFailure? Check(DcapContext context)
    {
        DcapEndorsements endorsements = context.Endorsements;
        foreach (Certificate certificate in endorsements.Certificates)
        {
            if (Window($"'{certificate.CommonName}'", certificate.NotBefore, certificate.NotAfter, context.Time) is { } failure)
            {
                return failure;
            }
        }

        TcbInfo info = endorsements.TcbInfo;
        EnclaveIdentity identity = endorsements.QeIdentity;
        return CrlWindow.Check(Name, endorsements.RootCaCrl, context.Time)
            ?? CrlWindow.Check(Name, endorsements.PckCrl, context.Time)
            ?? Window("TCB info", info.IssueDate, info.NextUpdate, context.Time)
            ?? Window("the QE identity", identity.IssueDate, identity.NextUpdate, context.Time);
    }

    private StepFailure? Window(string what, DateTimeOffset from, DateTimeOffset until, VerificationTime time) =>
        time.Value < from ? Fail("not_yet_valid", $"{what} is valid from {from:u}, judged at {time}")
        : time.Value > until ? Fail("expired", $"{what} was valid until {until:u}, judged at {time}")
        : null;
}
