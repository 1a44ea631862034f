using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Azure;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Tests.Snp;
using Cloister.Attestation.Verify;
using Cloister.Attestation.Verify.Dcap;
using Cloister.Attestation.Verify.Snp;
using Cloister.Simulator.Azure;
using Cloister.Simulator.Dcap;
using Cloister.Simulator.Snp;

namespace Cloister.Attestation.Tests.Azure;

/// <summary>Minted evidence of a confidential VM of Azure, with every link open to be made wrong.</summary>
internal sealed record MintedAzure(Tee Tee, int Version)
{
    public static readonly byte[] Asked = [.. Enumerable.Range(1, 48).Select(i => (byte)i)];

    private static readonly AzureVtpm Vtpm = new();
    private static readonly AzureVtpm OtherVtpm = new();
    private static readonly DcapVendor Intel = DcapVendor.Create(MintedSnp.From);
    private static readonly DcapPlatform Platform = Intel.NewPlatform(new DcapPlatformRequest());
    private static readonly DcapCollateral Collateral = Intel.NewCollateral(
        Platform, new DcapCollateralRequest { Tee = Tee.Tdx, IssueDate = MintedSnp.Now.AddDays(-1), NextUpdate = MintedSnp.Now.AddDays(29) });

    private static readonly SnpVendor Amd = MintedSnp.Vendor(SnpProductLine.Milan);
    private static readonly SnpEndorsement Endorsement = Amd.IssueEndorsement(MintedSnp.Valid(SnpProductLine.Milan).Request);

    /// <summary>Another vTPM signs than the one that the paravisor names.</summary>
    public bool OtherKey { get; init; }

    /// <summary>The paravisor names the other vTPM as well.</summary>
    public bool OtherKeyNamed { get; init; }

    public byte[] QualifyingData { get; init; } = Asked;

    public byte[] UserData { get; init; } = Asked;

    public int Selected { get; init; } = 0xFFFFFF;

    public bool SecureBoot { get; init; } = true;

    public uint Vmpl { get; init; }

    public ulong Policy { get; init; } = 0x3_0000;

    public byte[] TdAttributes { get; init; } = [0, 0, 0, 0x10, 0, 0, 0, 0];

    /// <summary>TDX: the quote is of a trust domain with this MRTD, and the same report data.</summary>
    public byte[]? QuotedMrTd { get; init; }

    /// <summary>Changes the runtime data after the hardware signed its digest.</summary>
    public Func<string, string>? Rewrite { get; init; }

    /// <summary>Changes the HCL report.</summary>
    public Action<byte[]>? TamperHcl { get; init; }

    /// <summary>Changes the message after it was signed.</summary>
    public Action<byte[]>? TamperAttest { get; init; }

    /// <summary>Changes the message before it is signed.</summary>
    public Func<byte[], byte[]>? RewriteAttest { get; init; }

    /// <summary>Changes the JSON.</summary>
    public Action<JsonObject>? TamperJson { get; init; }

    public byte[] Write()
    {
        AzureVtpm vtpm = OtherKey || OtherKeyNamed ? OtherVtpm : Vtpm;
        byte[] runtime = AzureVtpm.RuntimeData((OtherKeyNamed ? OtherVtpm : Vtpm).PublicKey, UserData, SecureBoot);
        byte[] reportData = new byte[64];
        SHA256.HashData(runtime, reportData);
        byte[] hidden = Rewrite is null ? runtime : Encoding.ASCII.GetBytes(Rewrite(Encoding.ASCII.GetString(runtime)));
        TdReportFields domain = new() { ReportData = reportData, TdAttributes = TdAttributes, MrTd = new byte[48] };
        byte[] report = Tee == Tee.AzureSnp
            ? (MintedSnp.Valid(SnpProductLine.Milan).Fields with { ReportData = reportData, Vmpl = Vmpl, Policy = Policy }).Sign(Endorsement.Key)
            : domain.EncodeTdReport();
        byte[] hcl = SnpHclReportWriter.Write(report, hidden, Tee == Tee.AzureTdx);
        TamperHcl?.Invoke(hcl);
        byte[] attest = vtpm.Attest(QualifyingData, Selected);
        attest = RewriteAttest?.Invoke(attest) ?? attest;
        byte[] signature = vtpm.Sign(attest);
        TamperAttest?.Invoke(attest);
        JsonObject json = vtpm.Evidence(
            Version, hcl, attest, signature, Tee == Tee.AzureSnp ? Endorsement.Certificate : null,
            Tee == Tee.AzureTdx ? Platform.QuoteTdx(domain with { MrTd = QuotedMrTd ?? domain.MrTd.ToArray() }) : null);
        TamperJson?.Invoke(json);
        return Encoding.UTF8.GetBytes(json.ToJsonString());
    }

    public VerificationResult Verify() => Verify(Write());

    public VerificationResult Verify(byte[] evidence) => Tee == Tee.AzureSnp
        ? AzureVerifier.VerifySnp(
            evidence, new SnpCollateral { Authorities = [.. Amd.Authorities.Select(der => Certificate.Parse(der))] }, TrustAnchors.Of(Certificate.Parse(Amd.Ark)), VerificationTime.At(MintedSnp.Now))
        : AzureVerifier.VerifyTdx(evidence, Collateral, Intel.Anchors, VerificationTime.At(MintedSnp.Now));

    public void Refuses(string step, string code)
    {
        VerificationResult result = Verify();
        Assert.False(result.IsAuthentic);
        Assert.Equal((step, code), (result.Failure.Step, result.Failure.Code));
        Assert.Equal(Tee, result.Tee);
    }
}
