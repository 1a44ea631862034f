using System.Security.Cryptography;
using System.Text.Json;
using Cloister.Enclave.Broker;
using Cloister.Enclave.Tees;
using Cloister.Simulator.Dcap;
using Cloister.Simulator.Snp;
using Cloister.Tee.Tests.Support;

namespace Cloister.Tee.Tests.EndToEnd;

/// <summary>A SEV-SNP guest whose HOST_DATA names the configuration.</summary>
internal sealed class SnpSubject : Subject
{
    private const int MeasurementAt = 0x90;

    private readonly SnpMachine _machine = new();

    internal override string Tee => "snp";

    internal override FakeMachine Machine => _machine;

    internal override string Root => SnpMachine.RootPem;

    internal override void Bind(byte[] configuration) => _machine.Guest = _machine.Guest with { HostData = SHA256.HashData(configuration) };

    internal override void ChangePlatformKey() => _machine.Root = Sample.Bytes(32, 2);

    internal override string Appraisal(byte[] configuration) => Policies.SnpBound($"\"{Convert.ToHexStringLower(SHA256.HashData(configuration))}\"");

    internal override JsonElement Lie(string lie, EvidenceBinding binding)
    {
        SnpReportFields own = _machine.Guest with { ReportData = binding.ReportData.ToArray() };
        SnpReportFields other = own with { Measurement = Sample.Bytes(48, 2) };
        (byte[] report, byte[] certificates) = lie switch
        {
            "none" => Signed(own),
            "other enclave" => Signed(other),
            "other configuration" => Signed(own with { HostData = Sample.Bytes(32, 1) }),
            "old report data" => Signed(own with { ReportData = Sample.Bytes(64, 9) }),
            "debug" => Signed(own with { Policy = 0xB_0000 }),
            "other TEE's bytes" => (new DcapMint().Platform.QuoteTdx(new TdReportFields { ReportData = binding.ReportData }), _machine.Aux!),
            "stale TCB" => SnpMachine.SignStale(own),
            "foreign root" => SnpMachine.SignForeign(own),
            "rewritten measurement" => (Changed(SnpMachine.Sign(other), MeasurementAt, own.Measurement), _machine.Aux!),
            "garbage" => (Sample.Bytes(1184, 0xA5), _machine.Aux!),
            _ => throw new ArgumentOutOfRangeException(nameof(lie)),
        };
        return EvidenceText.Write(("report", report), ("certs", certificates));
    }

    private (byte[] Report, byte[] Certificates) Signed(SnpReportFields fields) => (SnpMachine.Sign(fields), _machine.Aux!);
}
