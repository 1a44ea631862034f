using Cloister.Attestation.Abi.Nitro;

namespace Cloister.Attestation.Verify.Nitro;

/// <summary>
/// The registers are SHA-384 values, and the three that say what runs are there. A document without PCR0 is refused here, so that no
/// policy can take its absence for a zero, or pass by it.
/// </summary>
internal sealed class NitroPcrStep() : VerificationStep<NitroVerification>("pcrs", "AWS Nitro Enclaves, Attestation process, 2.2 and 3.2.2.2")
{
    private const string Digest = "SHA384";
    private const int DigestLength = 48;
    private const int RequiredCount = 3;

    public override StepFailure? Check(NitroVerification context)
    {
        NitroDocument document = context.Document;
        if (document.Digest != Digest)
        {
            return Fail("unknown_digest", $"the digest is not {Digest}");
        }

        foreach ((int index, ReadOnlyMemory<byte> value) in document.Pcrs.Present)
        {
            if (value.Length != DigestLength)
            {
                return Fail("wrong_size", $"PCR{index} has {value.Length} bytes, {Digest} has {DigestLength}");
            }
        }

        for (int index = 0; index < RequiredCount; index++)
        {
            if (document.Pcrs[index] is null)
            {
                return Fail("missing_pcr", $"PCR{index} is missing");
            }
        }

        return null;
    }
}
