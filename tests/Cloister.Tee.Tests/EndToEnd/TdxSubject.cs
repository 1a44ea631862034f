using System.Security.Cryptography;
using System.Text.Json;
using Cloister.Enclave.Broker;
using Cloister.Simulator.Dcap;
using Cloister.Tee.Tests.Support;

namespace Cloister.Tee.Tests.EndToEnd;

/// <summary>A trust domain whose MRCONFIGID names the configuration.</summary>
internal sealed class TdxSubject(DcapMint intel) : Subject
{
    private const int MrTdAt = 48 + 136;

    private readonly TdxMachine _machine = new(intel);

    internal override string Tee => "tdx";

    internal override FakeMachine Machine => _machine;

    internal override string Root => intel.RootPem;

    internal override void Bind(byte[] configuration) => _machine.Domain = _machine.Domain with { MrConfigId = SHA384.HashData(configuration) };

    internal override string Appraisal(byte[] configuration) => Policies.Tdx($"\"{Convert.ToHexStringLower(SHA384.HashData(configuration))}\"");

    internal override JsonElement Lie(string lie, EvidenceBinding binding)
    {
        TdReportFields own = _machine.Domain with { ReportData = binding.ReportData };
        TdReportFields other = own with { MrTd = Sample.Bytes(48, 2) };
        return Evidence("quote", lie switch
        {
            "none" => intel.Platform.QuoteTdx(own),
            "other enclave" => intel.Platform.QuoteTdx(other),
            "other configuration" => intel.Platform.QuoteTdx(own with { MrConfigId = Sample.Bytes(48, 1) }),
            "old report data" => intel.Platform.QuoteTdx(own with { ReportData = Sample.Bytes(64, 9) }),
            "debug" => intel.Platform.QuoteTdx(own with { TdAttributes = new byte[] { 1, 0, 0, 0x10, 0, 0, 0, 0 } }),
            "other TEE's bytes" => intel.Platform.QuoteSgx(new EnclaveReportFields { ReportData = binding.ReportData }),
            "stale TCB" => intel.NewStalePlatform().QuoteTdx(own),
            "foreign root" => new DcapMint(DateTimeOffset.UtcNow.AddDays(-30)).Platform.QuoteTdx(own),
            "rewritten measurement" => Changed(intel.Platform.QuoteTdx(other), MrTdAt, own.MrTd.Span),
            "garbage" => Sample.Bytes(4000, 0xA5),
            _ => throw new ArgumentOutOfRangeException(nameof(lie)),
        });
    }
}
