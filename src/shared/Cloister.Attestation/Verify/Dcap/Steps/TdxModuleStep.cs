using Cloister.Attestation.Abi.Dcap;

namespace Cloister.Attestation.Verify.Dcap.Steps;

/// <summary>The TDX module is the one that TCB info names for its version: signer and attributes. Only for TDX.</summary>
internal sealed class TdxModuleStep() : VerificationStep<DcapContext>("tdx_module", "QvL 4.1.2.4.11")
{
    public override StepFailure? Check(DcapContext context)
    {
        if (context.Quote.TdReport is not { } report)
        {
            return null;
        }

        TcbInfo info = context.Endorsements.TcbInfo;
        byte version = report.TeeTcbSvn.Span[1];
        TdxModule? module = version == 0 ? info.TdxModule : info.FindTdxModuleIdentity(version);
        if (module is null)
        {
            return Fail("unknown_module", $"TCB info knows no TDX module of version {version}");
        }

        if (!report.MrSignerSeam.Span.SequenceEqual(module.MrSigner.Span))
        {
            return Fail("wrong_mrsignerseam", $"MRSIGNERSEAM {Convert.ToHexStringLower(report.MrSignerSeam.Span)} is not the signer that TCB info names");
        }

        // QvL: equal to what TCB info says, and zero whatever TCB info says.
        ReadOnlySpan<byte> attributes = report.SeamAttributes.Span;
        if (attributes.ContainsAnyExcept((byte)0) || !attributes.SequenceEqual(module.Attributes.Span))
        {
            return Fail("wrong_seamattributes", $"SEAMATTRIBUTES {Convert.ToHexStringLower(attributes)} are not those that TCB info names, or not zero");
        }

        context.TdxModuleIdentity = version == 0 ? null : module;
        return null;
    }
}
