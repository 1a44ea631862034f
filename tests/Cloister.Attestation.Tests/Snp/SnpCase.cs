using System.Text.Json;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Tests.Evidence;
using Cloister.Attestation.Verify;
using Cloister.Attestation.Verify.Snp;

namespace Cloister.Attestation.Tests.Snp;

/// <summary>One case of the evidence directory.</summary>
internal sealed class SnpCase
{
    private SnpCase(string directory)
    {
        Directory = directory;
        Manifest = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(directory, "manifest.json"))).RootElement;
        JsonElement files = Manifest.GetProperty("files");
        ReportName = files.GetProperty("report").GetString()!;
        KeyName = files.GetProperty("vek").GetString()!;
        ChainName = files.GetProperty("ca_chain").GetString()!;
        Report = Read(ReportName);
        Key = Read(KeyName);
        Chain = Read(ChainName);
    }

    public string Directory { get; }

    public JsonElement Manifest { get; }

    public string ReportName { get; }

    public string KeyName { get; }

    public string ChainName { get; }

    public byte[] Report { get; }

    public byte[] Key { get; }

    public byte[] Chain { get; }

    public VerificationTime ReferenceTime => VerificationTime.At(Manifest.GetProperty("verdicts")[0].GetProperty("at").GetDateTimeOffset());

    public IEnumerable<Mutation> Mutations => Manifest.GetProperty("mutations").EnumerateArray().Select(e => new Mutation(e));

    public static IEnumerable<SnpCase> All() => EvidenceDirectory.Cases("snp").Select(d => new SnpCase(d));

    public static SnpCase Get(string name)
    {
        string root = EvidenceDirectory.Require();
        return new SnpCase(Path.Combine(root, "snp", name));
    }

    public byte[] Read(string name) => File.ReadAllBytes(Path.Combine(Directory, name));

    public VerificationResult Verify(
        byte[]? report = null, byte[]? key = null, byte[]? chain = null, VerificationTime? time = null, TrustAnchors? anchors = null)
    {
        SnpCollateral collateral;
        try
        {
            collateral = new()
            {
                EndorsementKeys = [Certificate.Parse(key ?? Key)],
                Authorities = PemCertificates.Parse(chain ?? Chain),
            };
        }
        catch (Abi.EvidenceFormatException e)
        {
            return VerificationResult.NotAuthentic(Tee.Snp, e.ToFailure("collateral_format"));
        }

        return SnpVerifier.Verify(report ?? Report, collateral, anchors ?? TrustAnchors.Amd, time ?? ReferenceTime);
    }
}
