using System.Globalization;
using System.Text;
using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Verify;
using Cloister.Attestation.Verify.Snp;
using Cloister.Simulator.Snp;

namespace Cloister.Attestation.Tests.Snp;

/// <summary>Minted SNP evidence of a valid kind, with every part open to be made wrong.</summary>
internal sealed record MintedSnp
{
    public static readonly DateTimeOffset From = Date("2025-01-01T00:00:00Z");
    public static readonly DateTimeOffset Until = Date("2030-01-01T00:00:00Z");
    public static readonly DateTimeOffset Now = Date("2026-06-01T00:00:00Z");

    private static readonly SnpAuthorityKeys Keys = SnpAuthorityKeys.Create();
    private static readonly Dictionary<SnpProductLine, SnpVendor> Vendors = Enum.GetValues<SnpProductLine>().ToDictionary(p => p, p => new SnpVendor(p, Keys, From, Until));

    public SnpProductLine Product { get; init; } = SnpProductLine.Milan;

    public SnpEndorsementRequest Request { get; init; } = new();

    public SnpReportFields Fields { get; init; } = new();

    public DateTimeOffset At { get; init; } = Now;

    public IReadOnlyList<byte[]>? Authorities { get; init; }

    public IReadOnlyList<byte[]> RevocationLists { get; init; } = [];

    public TrustAnchors? Anchors { get; init; }

    /// <summary>Changes the signed report and does not sign it again.</summary>
    public Action<byte[]>? Tamper { get; init; }

    /// <summary>Changes the report and signs it again: only a check other than the signature can refuse it.</summary>
    public Action<byte[]>? Rewrite { get; init; }

    public static SnpVendor Vendor(SnpProductLine product) => Vendors[product];

    /// <summary>Valid evidence of a product line, report version and key kind.</summary>
    public static MintedSnp Valid(SnpProductLine product, SnpSigningKey kind = SnpSigningKey.Vcek, uint version = 3)
    {
        SnpTcb tcb = new(product == SnpProductLine.Turin ? (byte)2 : (byte)0, 3, 1, 24, 219);
        byte[] chip = [.. Enumerable.Range(1, product == SnpProductLine.Turin ? 8 : 64).Select(i => (byte)i)];
        return new MintedSnp
        {
            Product = product,
            Request = new SnpEndorsementRequest { Kind = kind, Tcb = tcb, HardwareId = chip },
            Fields = new SnpReportFields
            {
                Version = version,
                SigningKey = kind,
                ReportedTcb = tcb.Encode(product),
                ChipId = kind == SnpSigningKey.Vcek ? chip : [],
                Processor = product switch
                {
                    SnpProductLine.Milan => new SnpProcessor(0x19, 0x01, 1),
                    SnpProductLine.Genoa => new SnpProcessor(0x19, 0x11, 1),
                    _ => new SnpProcessor(0x1A, 0x02, 1),
                },
                Measurement = Encoding.ASCII.GetBytes("measurement"),
                ReportData = Encoding.ASCII.GetBytes("report data"),
            },
        };
    }

    public byte[] Report(SnpEndorsement endorsement)
    {
        byte[] report = Fields.Sign(endorsement.Key);
        if (Rewrite is not null)
        {
            Rewrite(report);
            SnpReportFields.Sign(report, endorsement.Key);
        }

        Tamper?.Invoke(report);
        return report;
    }

    public VerificationResult Verify()
    {
        SnpVendor vendor = Vendor(Product);
        using SnpEndorsement endorsement = vendor.IssueEndorsement(Request);
        return Verify(Report(endorsement), vendor, [endorsement.Certificate]);
    }

    public VerificationResult Verify(byte[] evidence, SnpVendor vendor, IReadOnlyList<byte[]> endorsementKeys)
    {
        SnpCollateral collateral = new()
        {
            EndorsementKeys = [.. endorsementKeys.Select(der => Certificate.Parse(der))],
            Authorities = [.. (Authorities ?? [vendor.Ask, vendor.Ark, vendor.Asvk]).Select(der => Certificate.Parse(der))],
            RevocationLists = [.. RevocationLists.Select(der => RevocationList.Parse(der))],
        };
        return SnpVerifier.Verify(evidence, collateral, Anchors ?? TrustAnchors.Of(Certificate.Parse(vendor.Ark)), VerificationTime.At(At));
    }

    public void Accepts()
    {
        VerificationResult result = Verify();
        Assert.True(result.IsAuthentic, result.Failure?.ToString());
    }

    public void Refuses(string step, string code)
    {
        VerificationResult result = Verify();
        Assert.False(result.IsAuthentic);
        Assert.Null(result.UnappraisedClaims);
        Assert.Equal((step, code), (result.Failure.Step, result.Failure.Code));
    }

    public static DateTimeOffset Date(string text) => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture);
}
