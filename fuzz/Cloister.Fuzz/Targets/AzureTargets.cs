using System.Security.Cryptography;
using System.Text;
using Cloister.Attestation;
using Cloister.Attestation.Azure;
using Cloister.Enclave.Tees.Vtpm;
using Cloister.Simulator.Azure;
using Cloister.Simulator.Dcap;
using Cloister.Simulator.Snp;

namespace Cloister.Fuzz.Targets;

/// <summary>Readers of what comes from Azure's confidential VMs: the paravisor's report and its runtime data, the vTPM's quote, the JSON of all of it, and the enclave's own of the first two.</summary>
internal static class AzureTargets
{
    private static readonly AzureVtpm Vtpm = new();
    private static readonly byte[] Runtime = AzureVtpm.RuntimeData(Vtpm.PublicKey);
    private static readonly byte[] Attest = Vtpm.Attest(new byte[48]);
    private static readonly byte[] Snp = Hcl(isTdx: false);
    private static readonly byte[] Tdx = Hcl(isTdx: true);
    private static readonly byte[][] SnpEvidence = [.. ((int[])[0, 1, 2]).Select(version => Evidence(version, Snp, [], null))];
    private static readonly byte[][] TdxEvidence = [.. ((int[])[0, 1, 2]).Select(version => Evidence(version, Tdx, null, DeviceTargets.Platform().QuoteTdx(new TdReportFields())))];

    internal static IEnumerable<IFuzzTarget> All =>
    [
        new AttestationTarget("hcl-report", () => [Snp, Tdx], ReadHcl),
        new AttestationTarget("hcl-runtime-data", () => [Runtime], input => HclRuntimeData.Parse(input).AttestationKey.Modulus is { Length: >= 256 }),
        new AttestationTarget("tpm-quote", () => [Attest], input => TpmQuoteMessage.Parse(input) is { Registers.Count: > 0, PcrDigest.Length: 32 }),
        new AttestationTarget("az-snp-evidence", () => SnpEvidence, input => Verify(Tee.AzureSnp, input)),
        new AttestationTarget("az-tdx-evidence", () => TdxEvidence, input => Verify(Tee.AzureTdx, input)),
    ];

    // The enclave's own reader is about fewer fields: what the verifier takes, and what is under its report data, that takes.
    private static bool ReadHcl(byte[] input)
    {
        bool own = HclFields.TryRead(input, out HclFields fields);
        HclReport read = HclReport.Parse(input);
        Span<byte> expected = stackalloc byte[64];
        expected.Clear();
        SHA256.HashData(read.RuntimeData.Span, expected);
        if (own && (fields.IsTdx != (read.Tee == Tee.Tdx) || !fields.Report.SequenceEqual(read.HardwareReport.Span) || !fields.ReportData.SequenceEqual(expected)))
        {
            throw new InvalidOperationException("enclave and verifier read the paravisor's report differently");
        }

        return read.RuntimeData.Length > 0;
    }

    // Nobody's quote may pass but the one that the key in the seeds signed, over the registers that it was over.
    private static bool Verify(Tee tee, byte[] input)
    {
        AzureEvidence read = AzureEvidence.Parse(tee, input);
        bool holds = AzureVerifier.CheckQuote(read) is null;
        bool own = read.RuntimeData.AttestationKey.Modulus.AsSpan().SequenceEqual(Vtpm.PublicKey.Modulus);
        if (holds && own && (!read.QuotedBytes.Span.SequenceEqual(Attest) || !read.Registers.Select((register, i) => register.Span.SequenceEqual(Vtpm.Registers[i])).All(same => same)))
        {
            throw new InvalidOperationException("a quote that nobody signed holds");
        }

        return holds;
    }

    private static byte[] Evidence(int version, byte[] hcl, byte[]? vcek, byte[]? quote)
    {
        System.Text.Json.Nodes.JsonObject json = Vtpm.Evidence(version, hcl, Attest, Vtpm.Sign(Attest), vcek, quote);
        if (version == 0 && vcek is not null)
        {
            json["vcek"] = "";
        }

        return Encoding.UTF8.GetBytes(json.ToJsonString());
    }

    private static byte[] Hcl(bool isTdx)
    {
        byte[] reportData = new byte[64];
        SHA256.HashData(Runtime, reportData);
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        return SnpHclReportWriter.Write(
            isTdx ? new TdReportFields { ReportData = reportData }.EncodeTdReport() : new SnpReportFields { ChipId = new byte[64], ReportData = reportData }.Sign(key), Runtime, isTdx);
    }
}
