namespace Cloister.Attestation.Verify.Dcap.Steps;

/// <summary>The quote comes from Intel's quoting enclave: only for that one is there an identity to hold it against.</summary>
internal sealed class QeVendorStep() : VerificationStep<DcapContext>("qe_vendor", "SGX ECDSA Quote Library Reference, A.4, table 3 (QE Vendor ID)")
{
    private static ReadOnlySpan<byte> Intel => [0x93, 0x9A, 0x72, 0x33, 0xF7, 0x9C, 0x4C, 0xA9, 0x94, 0x0A, 0x0D, 0xB3, 0x95, 0x7F, 0x06, 0x07];

    public override StepFailure? Check(DcapContext context)
    {
        ReadOnlySpan<byte> vendor = context.Quote.Header.QeVendorId.Span;
        return vendor.SequenceEqual(Intel) ? null : Fail("unknown_vendor", $"QE vendor {Convert.ToHexStringLower(vendor)} is not Intel");
    }
}
