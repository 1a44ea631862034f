using Cloister.Attestation.Abi.Snp;

namespace Cloister.Attestation.Verify.Snp;

/// <summary>
/// A VCEK belongs to the chip that the report names: 64 bytes, or on Turin 8 bytes with zeros behind. A report that masks its chip
/// id does not say which chip made it and is refused. A VLEK belongs to a provider, so its certificate has nothing to compare.
/// </summary>
internal sealed class SnpChipIdStep() : VerificationStep<SnpVerification>("chip_id", "AMD 56860, table 23 (CHIP_ID); AMD 57230, certificate extensions (hwID)")
{
    public override StepFailure? Check(SnpVerification context)
    {
        if (context.Extensions.HardwareId is not { } hardwareId)
        {
            return null;
        }

        int expected = SnpProduct.Of(context.Product).ChipIdLength;
        if (hardwareId.Length != expected)
        {
            return Fail("hardware_id_length", $"the certificate has a hardware id of {hardwareId.Length} bytes, {context.Product} has {expected}");
        }

        ReadOnlySpan<byte> chipId = context.Report.ChipId;
        if (!chipId.ContainsAnyExcept((byte)0))
        {
            return Fail("chip_id_masked", "the report leaves its chip id out, so the VCEK cannot be matched to it");
        }

        return chipId[..expected].SequenceEqual(hardwareId.Span) && !chipId[expected..].ContainsAnyExcept((byte)0)
            ? null
            : Fail("chip_id_mismatch", "the certificate is for another chip");
    }
}
