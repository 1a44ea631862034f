using System.Text.Json;
using Cloister.Enclave.Broker;
using Cloister.Simulator.Dcap;
using Cloister.Tee.Tests.Support;

namespace Cloister.Tee.Tests.EndToEnd;

/// <summary>An SGX enclave under Gramine.</summary>
internal sealed class SgxSubject(DcapMint intel) : Subject
{
    private const int MrEnclaveAt = 48 + 64;

    private readonly GramineMachine _machine = new(intel);

    internal override string Tee => "sgx";

    internal override FakeMachine Machine => _machine;

    internal override string Root => intel.RootPem;

    internal override string Appraisal(byte[] configuration) => Policies.Sgx;

    internal override void ChangePlatformKey() => _machine.EnclaveKey = Sample.Bytes(16, 0xAB);

    internal override JsonElement Lie(string lie, EvidenceBinding binding)
    {
        EnclaveReportFields own = _machine.Enclave with { ReportData = binding.ReportData };
        EnclaveReportFields other = own with { MrEnclave = Sample.Bytes(32, 2) };
        return Evidence("quote", lie switch
        {
            "none" => intel.Platform.QuoteSgx(own),
            "other enclave" => intel.Platform.QuoteSgx(other),
            "old report data" => intel.Platform.QuoteSgx(own with { ReportData = Sample.Bytes(64, 9) }),
            "debug" => intel.Platform.QuoteSgx(own with { Flags = 7 }),
            "other TEE's bytes" => intel.Platform.QuoteTdx(new TdReportFields { ReportData = binding.ReportData }),
            "stale TCB" => intel.NewStalePlatform().QuoteSgx(own),
            "foreign root" => new DcapMint(DateTimeOffset.UtcNow.AddDays(-30)).Platform.QuoteSgx(own),
            "rewritten measurement" => Changed(intel.Platform.QuoteSgx(other), MrEnclaveAt, own.MrEnclave.Span),
            "garbage" => Sample.Bytes(4000, 0xA5),
            _ => throw new ArgumentOutOfRangeException(nameof(lie)),
        });
    }
}
