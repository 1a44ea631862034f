using Cloister.Attestation.Abi.Dcap;

namespace Cloister.Attestation.Verify.Dcap.Steps;

/// <summary>The quoting enclave is Intel's: signer, product, MISCSELECT, ATTRIBUTES, and a security version that has a level. Never a debug enclave.</summary>
internal sealed class QeIdentityMatchStep() : VerificationStep<DcapContext>("qe_identity_match", "QvL 4.1.2.4.15, 4.1.2.9.5 to 4.1.2.9.10")
{
    public override StepFailure? Check(DcapContext context)
    {
        EnclaveReport report = context.Quote.SignatureData.QeReport;
        EnclaveIdentity identity = context.Endorsements.QeIdentity;
        if (!EqualUnderMask(report.MiscSelectBytes.Span, identity.MiscSelectMask.Span, identity.MiscSelect.Span))
        {
            return Fail("wrong_miscselect", $"MISCSELECT of the QE is {Convert.ToHexStringLower(report.MiscSelectBytes.Span)}");
        }

        if (!EqualUnderMask(report.Attributes.Span, identity.AttributesMask.Span, identity.Attributes.Span))
        {
            return Fail("wrong_attributes", $"ATTRIBUTES of the QE are {Convert.ToHexStringLower(report.Attributes.Span)}");
        }

        if (report.IsDebug)
        {
            return Fail("debug", "the quoting enclave can be debugged");
        }

        if (!report.MrSigner.Span.SequenceEqual(identity.MrSigner.Span))
        {
            return Fail("wrong_mrsigner", $"MRSIGNER of the QE is {Convert.ToHexStringLower(report.MrSigner.Span)}");
        }

        if (report.IsvProdId != identity.IsvProdId)
        {
            return Fail("wrong_isvprodid", $"ISVPRODID of the QE is {report.IsvProdId}, expected {identity.IsvProdId}");
        }

        if (IsvSvnLevel.Select(identity.Levels, report.IsvSvn) is not { } level)
        {
            return Fail("not_supported", $"no level of the QE identity covers ISVSVN {report.IsvSvn}");
        }

        context.QeLevel = level;
        return null;
    }

    private static bool EqualUnderMask(ReadOnlySpan<byte> value, ReadOnlySpan<byte> mask, ReadOnlySpan<byte> expected)
    {
        for (int i = 0; i < value.Length; i++)
        {
            if ((value[i] & mask[i]) != expected[i])
            {
                return false;
            }
        }

        return true;
    }
}
