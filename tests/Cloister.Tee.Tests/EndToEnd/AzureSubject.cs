using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cloister.Enclave.Broker;
using Cloister.Enclave.Tees.Vtpm;
using Cloister.Simulator.Azure;
using Cloister.Simulator.Dcap;
using Cloister.Simulator.Snp;
using Cloister.Tee.Tests.Support;

namespace Cloister.Tee.Tests.EndToEnd;

/// <summary>A confidential VM of Azure. Lies are made by a host that has hardware, keys and a vTPM of its own.</summary>
internal sealed class AzureSubject(DcapMint? intel) : Subject
{
    private readonly AzureMachine _machine = new(intel);
    private readonly AzureVtpm _own = new();

    internal override string Tee => intel is null ? "az-snp-vtpm" : "az-tdx-vtpm";

    internal override AzureMachine Machine => _machine;

    internal override string Root => intel?.RootPem ?? SnpMachine.RootPem;

    internal override string Appraisal(byte[] configuration)
    {
        string[] lines = intel is null ? Policies.Snp.Split('\n') : Policies.Tdx("any").Split('\n');
        IEnumerable<string> hardware = lines.Where(line => !line.Contains("reportData:", StringComparison.Ordinal) && !line.Contains("vmpl:", StringComparison.Ordinal))
            .Select(line => line.Replace("  snp:", "  az-snp-vtpm:", StringComparison.Ordinal).Replace("  tdx:", "  az-tdx-vtpm:", StringComparison.Ordinal));
        return $$"""
            {{string.Join('\n', hardware)}}
                pcrs: { 0: any, 4: "{{Pcr(4)}}", 7: "{{Pcr(7)}}", 8: any, 9: any, 11: any, 12: any }
                secureBoot: required
                qualifyingData: expected
            """;
    }

    internal override JsonElement Lie(string lie, EvidenceBinding binding)
    {
        if (lie == "none")
        {
            return new AzureDevice(_machine, intel is not null).Collect(binding);
        }

        byte[] asked = binding.ReportData.ToArray()[..48];
        byte[][] registers = _machine.Tpm.Registers();
        if (lie == "other kernel")
        {
            registers[4] = SHA256.HashData("other"u8);
        }

        using AzureVtpm signer = new() { Registers = registers };
        byte[] runtime = AzureVtpm.RuntimeData((lie == "other attestation key" ? _own : signer).PublicKey, secureBoot: lie != "no Secure Boot");
        SnpReportFields paravisor = _machine.Paravisor;
        TdReportFields domain = _machine.Domain;
        _machine.Paravisor = lie switch
        {
            "other enclave" => paravisor with { Measurement = Sample.Bytes(48, 2) },
            "debug" => paravisor with { Policy = 0xB_0000 },
            "a guest's own report" => paravisor with { Vmpl = 2 },
            _ => paravisor,
        };
        _machine.Domain = lie switch
        {
            "other enclave" => domain with { MrTd = Sample.Bytes(48, 2) },
            "debug" => domain with { TdAttributes = new byte[] { 1, 0, 0, 0x10, 0, 0, 0, 0 } },
            _ => domain,
        };
        byte[] hcl = _machine.Report(runtime, lie == "changed runtime data" ? AzureVtpm.RuntimeData(_own.PublicKey) : null);
        byte[] reportData = new byte[64];
        SHA256.HashData(runtime, reportData);
        TdReportFields quoted = _machine.Domain with { ReportData = reportData };
        (_machine.Paravisor, _machine.Domain) = (paravisor, domain);
        byte[] attest = signer.Attest(lie == "old report data" ? Sample.Bytes(48, 9) : asked);
        byte[] signature = signer.Sign(attest);
        byte[] vcek = SnpMachine.Vcek;
        if (lie == "foreign root" && intel is null)
        {
            (byte[] report, vcek) = SnpMachine.SignForeignReport(paravisor with { ReportData = reportData });
            hcl = SnpHclReportWriter.Write(report, runtime);
        }

        byte[]? quote = intel is null ? null : lie switch
        {
            "foreign root" => new DcapMint().Platform.QuoteTdx(quoted),
            "a quote of another" => intel.Platform.QuoteTdx(quoted with { MrTd = Sample.Bytes(48, 3) }),
            _ => intel.Platform.QuoteTdx(quoted),
        };
        JsonObject evidence = signer.Evidence(1, hcl, attest, signature, intel is null ? vcek : null, quote);
        if (lie == "changed register")
        {
            evidence["tpm_quote"]!["pcrs"]![9] = Convert.ToHexStringLower(Sample.Bytes(32, 9));
        }

        if (lie == "garbage")
        {
            evidence["hcl_report"] = "R0FSQkFHRQ";
        }

        using JsonDocument document = JsonDocument.Parse(evidence.ToJsonString());
        return document.RootElement.Clone();
    }

    public override void Dispose()
    {
        _own.Dispose();
        _machine.Dispose();
        base.Dispose();
    }

    private string Pcr(int register) => Convert.ToHexStringLower(_machine.Tpm.Register(register));
}
