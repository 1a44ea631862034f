using Cloister.Attestation.Appraise;
using Cloister.Enclave.Broker;
using Cloister.Enclave.Hosting;
using Cloister.Enclave.Tees.Devices;
using Cloister.Enclave.Tees.Sgx;
using Cloister.Tee.Tests.Support;
using TeeKind = Cloister.Attestation.Tee;

namespace Cloister.Tee.Tests.Sgx;

/// <summary>Fake Gramine, real verifier: what is accepted, and every lie on the way.</summary>
public sealed class SgxEvidenceTests
{
    private readonly GramineMachine _machine = new();

    [Theory]
    [InlineData(int.MaxValue)]
    [InlineData(1000)]
    [InlineData(1)]
    public async Task A_quote_is_verified_and_accepted_in_however_many_reads_it_comes(int chunk)
    {
        _machine[GramineFiles.Quote].Chunk = chunk;
        ITee tee = Sample.Found(_machine);
        Assert.Equal("sgx", tee.Evidence!.Tee);
        AppraisalResult result = Sample.Appraise(_machine.Vendor.Verify(TeeKind.Sgx, await Sample.EvidenceAsync(tee, "quote")), Policies.Sgx);
        Assert.True(result.IsAccepted, string.Join('\n', result.Failures));
    }

    [Fact]
    public async Task Callers_at_the_same_time_get_their_own_quotes()
    {
        ITee tee = Sample.Found(_machine);
        await Task.WhenAll(Enumerable.Range(0, 32).Select(async i =>
        {
            EvidenceBinding binding = Sample.Binding((byte)i);
            Assert.Equal(binding.ReportData.ToArray(), (await Sample.EvidenceAsync(tee, "quote", binding)).AsSpan(368, 64).ToArray());
        }));
    }

    [Theory]
    [InlineData(Errno.Busy)]
    [InlineData(Errno.Interrupted)]
    [InlineData(Errno.TryAgain)]
    public async Task What_passes_is_tried_again(int error)
    {
        _machine[GramineFiles.UserReportData].Fail("write", error, 3);
        _machine[GramineFiles.Quote].Fail("read", error, 3);
        Assert.NotEmpty(await Sample.EvidenceAsync(Sample.Found(_machine), "quote"));
    }

    public static TheoryData<string, BrokerFailure, string> Lies => new()
    {
        { "busy", BrokerFailure.Unavailable, "busy" },
        { "missing", BrokerFailure.Refused, "gramine-sgx" },
        { "quoting failed", BrokerFailure.Unavailable, "AESM" },
        { "not permitted", BrokerFailure.Refused, "fs.mounts" },
        { "report data forbidden", BrokerFailure.Refused, "fs.mounts" },
        { "input-output", BrokerFailure.Unavailable, "AESM" },
        { "takes less", BrokerFailure.Refused, "took 10 of 64 bytes" },
        { "empty", BrokerFailure.Refused, "no SGX quote" },
        { "short", BrokerFailure.Refused, "no SGX quote" },
        { "garbage", BrokerFailure.Refused, "no SGX quote" },
        { "endless", BrokerFailure.Refused, "more than" },
        { "tdx", BrokerFailure.Refused, "no SGX quote" },
        { "old", BrokerFailure.Refused, "does not cover" },
        { "other enclave", BrokerFailure.Refused, "another enclave" },
        { "debug enclave", BrokerFailure.Refused, "another enclave" },
    };

    [Theory]
    [MemberData(nameof(Lies))]
    public async Task A_lie_is_refused_and_says_what_to_do(string lie, BrokerFailure failure, string words)
    {
        ITee tee = Sample.Found(_machine);
        DcapMint mint = _machine.Vendor;
        FakeNode quote = _machine[GramineFiles.Quote];
        switch (lie)
        {
            case "busy": quote.Fail("open", Errno.Busy, 1000); break;
            case "missing": _machine.Nodes.Remove(GramineFiles.Quote); break;
            case "quoting failed": quote.Fail("open", Errno.NoAccess, 1000); break;
            case "not permitted": quote.Fail("open", Errno.NotPermitted, 1000); break;
            case "report data forbidden": _machine[GramineFiles.UserReportData].Fail("open", Errno.NoAccess, 1000); break;
            case "input-output": quote.Fail("read", Errno.InputOutput, 1000); break;
            case "takes less": _machine[GramineFiles.UserReportData].Taken = 10; break;
            case "empty": _machine.Quote = _ => []; break;
            case "short": _machine.Quote = data => mint.Platform.QuoteSgx(_machine.Enclave with { ReportData = data })[..400]; break;
            case "garbage": _machine.Quote = _ => Sample.Bytes(4000, 0xA5); break;
            case "endless": _machine.Quote = _ => new byte[1_000_000]; break;
            case "tdx": _machine.Quote = data => mint.Platform.QuoteTdx(new Simulator.Dcap.TdReportFields { ReportData = data }); break;
            case "old": _machine.Quote = _ => mint.Platform.QuoteSgx(_machine.Enclave with { ReportData = Sample.Binding(99).ReportData }); break;
            case "other enclave": _machine.Quote = data => mint.Platform.QuoteSgx(_machine.Enclave with { MrEnclave = Sample.Bytes(32, 2), ReportData = data }); break;
            case "debug enclave": _machine.Quote = data => mint.Platform.QuoteSgx(_machine.Enclave with { Flags = 7, ReportData = data }); break;
            default: Assert.Fail(lie); break;
        }

        BrokerException refusal = await Sample.RefusedAsync(tee);
        Assert.Equal(failure, refusal.Failure);
        Assert.Contains(words, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Report_data_of_another_length_is_refused()
    {
        BrokerException refusal = await Sample.RefusedAsync(Sample.Found(_machine), new EvidenceBinding(new byte[48], default, default));
        Assert.Contains("64 bytes", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_quote_that_another_vendor_signed_is_not_authentic()
    {
        byte[] quote = await Sample.EvidenceAsync(Sample.Found(_machine), "quote");
        Assert.False(new GramineMachine().Vendor.Verify(TeeKind.Sgx, quote).IsAuthentic);
    }
}
