using Cloister.Attestation.Abi.Snp;

namespace Cloister.Attestation.Claims;

/// <summary>What an authentic SEV-SNP report says.</summary>
public sealed class SnpClaims : EvidenceClaims
{
    internal SnpClaims(SnpReport report, SnpProductLine product, string? cspId, ReadOnlyMemory<byte>? runtimeData)
    {
        Report = report;
        Product = product;
        CspId = cspId;
        RuntimeData = runtimeData;
    }

    /// <inheritdoc />
    public override Tee Tee => Tee.Snp;

    /// <summary>Whether the guest policy allows the host to debug the guest, which is to read and write its memory.</summary>
    public override bool Debug => Report.Policy.DebugAllowed;

    /// <summary>The report.</summary>
    public SnpReport Report { get; }

    /// <summary>The product line, as certificate and report say.</summary>
    public SnpProductLine Product { get; }

    /// <summary>The cloud provider whose VLEK signed; null when a VCEK signed.</summary>
    public string? CspId { get; }

    /// <summary>Azure: the runtime data that the report data is the SHA-256 of; null elsewhere.</summary>
    public ReadOnlyMemory<byte>? RuntimeData { get; }

    /// <summary>TCB that the signing key stands for.</summary>
    public SnpTcb ReportedTcb => SnpTcb.Decode(Report.ReportedTcb, Product);

    /// <summary>TCB the firmware cannot be rolled back below.</summary>
    public SnpTcb CommittedTcb => SnpTcb.Decode(Report.CommittedTcb, Product);

    /// <summary>TCB that runs now.</summary>
    public SnpTcb CurrentTcb => SnpTcb.Decode(Report.CurrentTcb, Product);

    /// <summary>TCB at the guest's launch.</summary>
    public SnpTcb LaunchTcb => SnpTcb.Decode(Report.LaunchTcb, Product);

    /// <inheritdoc />
    protected override void Describe(ClaimSet claims)
    {
        ArgumentNullException.ThrowIfNull(claims);
        claims.Add("version", Report.Version);
        claims.Add(ClaimNames.Product, SnpProductNames.NameOf(Product));
        claims.Add(ClaimNames.GuestSvn, Report.GuestSvn);
        claims.Add(ClaimNames.GuestPolicy, Report.Policy.Value);
        claims.Add(ClaimNames.FamilyId, Report.FamilyId.ToArray());
        claims.Add(ClaimNames.ImageId, Report.ImageId.ToArray());
        claims.Add(ClaimNames.Vmpl, Report.Vmpl);
        claims.Add(ClaimNames.PlatformInfo, Report.PlatformInfo.Value);
        claims.Add("author_key_enabled", Report.AuthorKeyEnabled);
        claims.Add("mask_chip_key", Report.MaskChipKey);
        claims.Add(ClaimNames.SigningKey, Report.SigningKey == SnpSigningKey.Vlek ? "vlek" : "vcek");
        if (CspId is not null)
        {
            claims.Add("csp_id", CspId);
        }

        claims.Add(ClaimNames.ReportData, Report.ReportData.ToArray());
        claims.Add(ClaimNames.Measurement, Report.Measurement.ToArray());
        claims.Add(ClaimNames.HostData, Report.HostData.ToArray());
        claims.Add(ClaimNames.IdKeyDigest, Report.IdKeyDigest.ToArray());
        claims.Add(ClaimNames.AuthorKeyDigest, Report.AuthorKeyDigest.ToArray());
        claims.Add("report_id", Report.ReportId.ToArray());
        claims.Add("report_id_ma", Report.ReportIdMa.ToArray());
        claims.Add(ClaimNames.ChipId, Report.ChipId.ToArray());
        DescribePlatform(claims);
    }

    private void DescribePlatform(ClaimSet claims)
    {
        if (Report.Processor is { } processor)
        {
            claims.Add("cpuid_family", processor.Family);
            claims.Add("cpuid_model", processor.Model);
            claims.Add("cpuid_stepping", processor.Stepping);
        }

        DescribeTcb(claims, ClaimNames.ReportedTcbPrefix, ReportedTcb);
        DescribeTcb(claims, ClaimNames.CommittedTcbPrefix, CommittedTcb);
        DescribeTcb(claims, ClaimNames.CurrentTcbPrefix, CurrentTcb);
        DescribeTcb(claims, ClaimNames.LaunchTcbPrefix, LaunchTcb);
        claims.Add(ClaimNames.CurrentVersion, Report.CurrentVersion.ToString());
        claims.Add(ClaimNames.CommittedVersion, Report.CommittedVersion.ToString());
        if (Report.LaunchMitigationVector is { } launch && Report.CurrentMitigationVector is { } current)
        {
            claims.Add(ClaimNames.LaunchMitigationVector, launch);
            claims.Add(ClaimNames.CurrentMitigationVector, current);
        }
    }

    private void DescribeTcb(ClaimSet claims, string prefix, SnpTcb tcb)
    {
        if (SnpProduct.Of(Product).HasFmc)
        {
            claims.Add(prefix + "fmc", tcb.Fmc);
        }

        claims.Add(prefix + "bootloader", tcb.Bootloader);
        claims.Add(prefix + "tee", tcb.Tee);
        claims.Add(prefix + "snp", tcb.Snp);
        claims.Add(prefix + "microcode", tcb.Microcode);
    }
}
