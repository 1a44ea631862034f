using Cloister.Attestation.Certificates;

namespace Cloister.Attestation.Verify.Dcap.Steps;

/// <summary>When a revocation list counts.</summary>
internal static class CrlWindow
{
    public static StepFailure? Check(string step, RevocationList crl, VerificationTime time) =>
        time.Value < crl.ThisUpdate ? new StepFailure(step, "not_yet_valid", $"the list is of {crl.ThisUpdate:u}, judged at {time}")
        : time.Value > crl.NextUpdate ? new StepFailure(step, "expired", $"the next list was due at {crl.NextUpdate:u}, judged at {time}")
        : null;
}
