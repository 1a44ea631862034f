using System.Globalization;
using Cloister.Attestation.Abi.Nitro;

namespace Cloister.Attestation.Verify.Nitro;

/// <summary>The protected header names ES384, the only algorithm the security module signs with.</summary>
internal sealed class NitroAlgorithmStep() : VerificationStep<NitroVerification>("cose_algorithm", "AWS Nitro Enclaves, Attestation process, 3.1; RFC 9053, section 2.1")
{
    public override StepFailure? Check(NitroVerification context) => context.Message.Algorithm == CoseSign1.Es384
        ? null
        : Fail("unknown_algorithm", string.Create(CultureInfo.InvariantCulture, $"algorithm {context.Message.Algorithm}, expected {CoseSign1.Es384}"));
}
